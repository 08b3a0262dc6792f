"""Module ids and private package names, made and taken apart here alone.

A module id is ``<type>.<name>``. The files of one generation run in a private package, named after
the id and the generation's number: ``modules.standard.orders~3``. Its plain name has no number.

The lowest of all files, imported by ``import modframe`` itself: it imports nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` alone would take longer to import than all of this
if TYPE_CHECKING:
    from pathlib import Path

MODULE_TYPES = ("core", "standard", "extensions")
DEFAULT_TYPE = "standard"
"""What an id without a type means."""
ROOT = "modules"
"""The package that all modules lie in, and the folder of a workspace."""
_MARK = "~"


def full_id(name: str) -> str:
    """Return an id with its type. Checks nothing.

    >>> full_id("orders"), full_id("core.settings")
    ('standard.orders', 'core.settings')
    """
    return name if "." in name else f"{DEFAULT_TYPE}.{name}"


def short_id(module_id: str) -> str:
    """Return an id without the type that goes without saying.

    >>> short_id("standard.orders"), short_id("core.settings")
    ('orders', 'core.settings')
    """
    return module_id.removeprefix(f"{DEFAULT_TYPE}.")


def folder_of(modules: Path, module_id: str) -> Path:
    """Return where a module's files lie below a folder of modules: ``<type>/<name>``."""
    kind, _, name = module_id.partition(".")
    return modules / kind / name


def path_below(modules: Path, module_id: str) -> str:
    """Return `folder_of` as a string, in a small part of the time: every swap looks there."""
    kind, _, name = module_id.partition(".")
    return f"{modules}/{kind}/{name}"


# -- private packages --------------------------------------------------------------------------


def private_package(module_id: str, number: int | str) -> str:
    """Return the name of the package that a generation runs in.

    >>> private_package("standard.orders", 3)
    'modules.standard.orders~3'
    """
    return f"{ROOT}.{module_id}{_MARK}{number}"


def plain_package(module_id: str) -> str:
    """Return the name that leads to whichever generation is live.

    >>> plain_package("standard.orders")
    'modules.standard.orders'
    """
    return f"{ROOT}.{module_id}"


def package_in(name: object) -> str:
    """Return the private package that a name lies in; empty if it lies in none.

    >>> package_in("modules.standard.orders~3.api")
    'modules.standard.orders~3'
    >>> package_in("asyncio.tasks")
    ''
    """
    if not isinstance(name, str) or _MARK not in name:
        return ""
    head, _, tail = name.partition(_MARK)
    return f"{head}{_MARK}{tail.partition('.')[0]}"


def number_in(package: str) -> str:
    """Return the number of the generation that a private package belongs to.

    >>> number_in("modules.standard.orders~3")
    '3'
    """
    return package.rpartition(_MARK)[2]


def module_id_in(name: str) -> str:
    """Return the id of the module that a name below ``modules`` lies in; empty for other names.

    >>> module_id_in("modules.standard.orders~3.api"), module_id_in("modules.standard.orders")
    ('standard.orders', 'standard.orders')
    >>> module_id_in("modules.others.orders"), module_id_in("modules.standard")
    ('', '')
    """
    parts = name.split(".", 3)
    if len(parts) < 3 or parts[0] != ROOT or parts[1] not in MODULE_TYPES:
        return ""
    return f"{parts[1]}.{without_number(parts[2])}"


def without_number(name: str) -> str:
    """Return the part of a name that stands before a generation's number.

    >>> without_number("orders~3"), without_number("orders")
    ('orders', 'orders')
    """
    return name.partition(_MARK)[0]


def plain_names(text: str) -> str:
    """Return a text that names modules as people do, without the numbers of generations.

    >>> plain_names("<modules.standard.orders~3.services.Orders object>")
    '<modules.standard.orders.services.Orders object>'
    """
    if _MARK not in text:
        return text
    import re  # not needed for `import modframe`

    return re.sub(rf"({ROOT}\.\w+\.\w+){_MARK}\w+", r"\1", text)
