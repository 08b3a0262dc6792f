"""Text to a spec: checks, the private package (the only exec of module code), reader."""

from .checks import check, missing_files
from .loader import LoadChain, Loaded, load
from .package import Package, clear_typing_caches

__all__ = [
    "LoadChain",
    "Loaded",
    "Package",
    "check",
    "clear_typing_caches",
    "load",
    "missing_files",
]
