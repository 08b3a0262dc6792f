"""Text to a spec: checks, the private package (the only exec of module code), reader."""

from .chain import LoadChain
from .checks import check, missing_files
from .loader import Loaded, load
from .package import Package, forget_gone

__all__ = ["LoadChain", "Loaded", "Package", "check", "forget_gone", "load", "missing_files"]
