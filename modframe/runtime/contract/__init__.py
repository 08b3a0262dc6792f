"""What callers of a service may rely on: its signatures, how two versions differ, and whom that
breaks.
"""
