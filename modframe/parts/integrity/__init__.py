"""The integrity part: refuses what ``@enforce_data_integrity`` rules out, before it goes live."""

from .part import IntegrityPart

__all__ = ["IntegrityPart"]
