"""A module in the guide's form, in words of this project, in one file that tests vary."""

from __future__ import annotations

DECORATORS = """\
@inject_dependencies("app_context")
@register_service("standard.thing.service", methods=[ServiceMethod("weigh")], priority=10)
@require_services([])
@initialization_sequence("prepare", phase="phase1")
@phase2_operations("begin")
@auto_service_creation(service_class="Scales")
@register_api_endpoints(router_name="router")
@register_database(database_name=None)
@enforce_data_integrity(strict_mode=True, anti_mock=True)
@module_health_check(check_function=None)
@graceful_shutdown(method="cleanup_resources", timeout=30)
@force_shutdown(method="force_cleanup", timeout=5)
"""

GUIDE = f"""\
from core.decorators import *
from core.module_base import DataIntegrityModule
from fastapi import APIRouter

router = APIRouter()


class Scales:
    async def initialize(self):
        return True

    async def weigh(self):
        return 7


{DECORATORS}class ThingModule(DataIntegrityModule):
    MODULE_ID = "standard.thing"

    def prepare(self):
        pass

    async def begin(self):
        return await self.service_instance.initialize()

    async def cleanup_resources(self):
        pass

    def force_cleanup(self):
        pass
"""


def line_of(start: str, text: str = GUIDE) -> int:
    """Return the number of the first line that begins with a text."""
    lines = text.splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.lstrip().startswith(start))


def changed(old: str, new: str, text: str = GUIDE) -> str:
    """Return the text with one piece replaced."""
    assert old in text
    return text.replace(old, new)
