"""Text to a spec: checks, the private package (the only exec of module code), reader."""

from .checks import check, missing_files
from .loader import LoadChain, Loaded, load
from .package import Package, forget_gone

__all__ = ["LoadChain", "Loaded", "Package", "check", "forget_gone", "load", "missing_files"]
