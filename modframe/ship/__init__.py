"""Checks of a module, its export to files, its reference, and the scaffold of a new one."""

from ..source.export_record import ExportRecord
from .check import check
from .detached import DetachedModules
from .export import export, export_folder, plan_of_export
from .export_plan import ExportPlan, ExportReport, plan_export
from .reference import Reference, make_reference
from .scaffold import Scaffolded, scaffold
from .workspace import NewWorkspace, init_workspace

__all__ = [
    "DetachedModules",
    "ExportPlan",
    "ExportRecord",
    "ExportReport",
    "NewWorkspace",
    "Reference",
    "Scaffolded",
    "check",
    "export",
    "export_folder",
    "init_workspace",
    "make_reference",
    "plan_export",
    "plan_of_export",
    "scaffold",
]
