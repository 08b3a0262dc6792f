"""The service part: makes the module and its service, runs their phases, and stops them."""

from .part import ServicePart

__all__ = ["ServicePart"]
