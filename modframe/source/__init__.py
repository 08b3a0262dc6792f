"""Where a module's text comes from: cells, folders, notebooks; and the `Source` it becomes."""

from .disabled import Disabled
from .disk import OnDisk
from .folder import find_modules, read_folder
from .source import Source, SourceFile

__all__ = ["Disabled", "OnDisk", "Source", "SourceFile", "find_modules", "read_folder"]
