"""What leaves the process: checks of a module, its export to files, the scaffold of a new one."""

from .check import check
from .detached import DetachedModules
from .export import export
from .export_plan import ExportReport
from .scaffold import Scaffolded, scaffold

__all__ = [
    "DetachedModules",
    "ExportReport",
    "Scaffolded",
    "check",
    "export",
    "scaffold",
]
