"""MF8..: the packages that a module requires. The load reports them (`load/requirements.py`)."""

from __future__ import annotations

from .rule import Rule

RULES = (
    Rule(
        "MF801",
        "unchecked-requirement",
        "info",
        what="A line of `requirements.txt` can't be compared with what is installed.",
        why="Nothing tells whether an installed package came from a URL or a path, so whether the "
        "line is met shows only when the module runs.",
        example="# requirements.txt: git+https://example.org/driver.git",
        cure="name the package and its version, if there is a release",
        cured="# requirements.txt: driver>=2.1",
        about="load",
    ),
    Rule(
        "MF802",
        "optional-requirement",
        "info",
        what="A package of `requirements-optional.txt` is missing or too old.",
        why="The module runs without it, and offers less. What it can't run without stands in "
        "`requirements.txt`: if that is not met, the load is refused with the install command.",
        example="# requirements-optional.txt: polars>=1.30, which is not installed",
        cure="install it, if the module is to use it",
        cured="# pip install 'polars>=1.30'",
        about="load",
    ),
)
