"""What callers of a service may rely on: signatures, their differences, and callers that break."""
