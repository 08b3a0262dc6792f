"""The web part: a module's `APIRouter` in, one ASGI sub-application for a generation out.

Nothing is imported here, so that FastAPI is loaded with the first router: callers import the file
they need.
"""
