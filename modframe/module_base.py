"""The guide's base class of modules (``from core.module_base import DataIntegrityModule``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .context import ModuleContext


class DataIntegrityModule:
    """The base class of a module class; the framework sets its attributes.

    Attributes:
        MODULE_ID: The id, equal to the folder's or the cell's.
        app_context: The module's access to the framework; set before ``__init__`` runs.
        service_instance: The service; set after phase 1.
    """

    MODULE_ID: ClassVar[str] = ""
    MODULE_VERSION: ClassVar[str] = "0.0.0"
    MODULE_DESCRIPTION: ClassVar[str] = ""

    app_context: ModuleContext
    service_instance: Any = None

    def __init__(self) -> None:
        self.service_instance = None
