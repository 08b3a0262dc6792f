"""Where a module's text comes from: cells, folders, mappings; and the `Source` it becomes."""

from .folder import find_modules, read_folder
from .source import Source, SourceFile

__all__ = ["Source", "SourceFile", "find_modules", "read_folder"]
