"""Texts of small modules that tests load, and where modframe's own files are."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import modframe

PACKAGE = f"{Path(modframe.__file__).parent}{os.sep}"
"""How the paths of modframe's own files begin; a checkout may have the same name as the package."""

ORDERS = dedent(
    '''
    from modframe.decorators import module
    from fastapi import APIRouter
    from core.app_context import app_context

    router = APIRouter()


    @router.get("/total")
    async def total() -> dict:
        return {"total": await app_context.get_service("orders").total(2)}


    @module
    class Orders:
        """Counts what was ordered."""

        async def initialize(self):
            self.count = 40

        async def total(self, plus: int = 0) -> int:
            """The sum."""
            return self.count + plus

        def twice(self, number: int) -> int:
            return 2 * number

        async def numbers(self, end: int):
            for number in range(end):
                yield number

        async def boom(self):
            raise ValueError("no such order")
    '''
)


def simple(body: str = "pass", *, head: str = "", name: str = "Thing", arguments: str = "") -> str:
    """Return an ``api.py`` in the short form: one class with the given body."""
    lines = "\n".join(f"    {line}" for line in dedent(body).strip().splitlines())
    at = f"@module({arguments})" if arguments else "@module"
    top = f"{dedent(head).strip()}\n" if head else ""
    return f"from modframe.decorators import module\n{top}\n\n{at}\nclass {name}:\n{lines}\n"
