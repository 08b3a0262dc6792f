"""``modframe doctor``: looks for what would get in the way, and says what to do about it.

In come a workspace and a port; out goes a line for each check (ok, warn, fail), or JSON. Reads
only, and opens no database file: closing one would drop another's lock.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from ..errors import ModframeError
from ..load.imports import DOORS
from ..server import bind
from ..server.processes import command_of
from ..source import find_modules
from ..source.workspace import data_folder
from .out import as_json, say, table, workspace_at

_TESTED = ((3, 11), (3, 13))


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "warn", "fail"]
    message: str
    cure: str = ""


def examine(workspace: Path | None, *, port: int, as_data: bool) -> int:
    """Run every check and print them; 1 if one failed."""
    home = workspace_at(workspace)
    data = data_folder(None, home)
    checks = [
        _python(),
        *_packages(),
        _workspace(home),
        _data(data),
        _port(port),
        _kernel(),
        *_shadows(home),
        *_databases(data),
    ]
    if as_data:
        as_json({"checks": [asdict(one) for one in checks]})
    else:
        table([(one.state, one.name, one.message) for one in checks], head=("", "check", "found"))
        for one in checks:
            if one.cure:
                say(f"{one.state}: {one.name}: {one.cure}")
    return int(any(one.state == "fail" for one in checks))


def _python() -> Check:
    found = sys.version_info[:2]
    text = f"{sys.version.split()[0]} at {sys.executable}"
    if found < _TESTED[0]:
        return Check("python", "fail", text, "use Python 3.11 or newer")
    if found > _TESTED[1]:
        return Check("python", "warn", text, "modframe is tested on 3.11 to 3.13")
    return Check("python", "ok", text)


def _packages() -> Iterator[Check]:
    fine = 0
    for wanted in _requirements():
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            yield Check(wanted.name, "fail", "not installed", f"pip install '{wanted}'")
            continue
        if wanted.specifier.contains(found, prereleases=True):
            fine += 1
        else:
            cure = f"pip install --upgrade '{wanted}'"
            message = f"{found}, and modframe needs {wanted.specifier}"
            yield Check(wanted.name, "fail", message, cure)
    yield Check("packages", "ok", f"{fine} are there, in versions that fit")


def _requirements() -> list[Requirement]:
    """What modframe requires here, without extras: from its metadata, else from the checkout."""
    try:
        rows = requires("modframe") or []
    except PackageNotFoundError:
        project = Path(__file__).parents[2] / "pyproject.toml"
        rows = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    wanted = map(Requirement, rows)
    return [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]


def _workspace(home: Path) -> Check:
    found = find_modules(home / "modules")
    if not found:
        cure = "'modframe scaffold --name my_module' writes a first one, or open a notebook"
        return Check("workspace", "warn", f"{home}, without modules", cure)
    return Check("workspace", "ok", f"{home}, modules: {len(found)}")


def _data(data: Path | None) -> Check:
    if data is None:
        cure = "MODFRAME_DATA is :memory:; unset it to keep data"
        return Check("data", "warn", "kept in memory only", cure)
    there = next(one for one in (data, *data.parents) if one.exists())
    if there == data and not data.is_dir():
        return Check("data", "fail", f"{data} is no folder", "move the file away")
    if not os.access(there, os.W_OK | os.X_OK):
        cure = f"give yourself the right to write in {there}, or set MODFRAME_DATA"
        return Check("data", "fail", f"{data} can't be written", cure)
    return Check("data", "ok", str(data))


def _port(port: int) -> Check:
    try:
        bind("127.0.0.1", port).close()
    except ModframeError as error:
        return Check("port", "warn", error.message, "stop that one, or serve with --port")
    return Check("port", "ok", f"{port} is free")


def _kernel() -> Check:
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError:
        return Check("kernel", "fail", "jupyter_client is missing", "pip install jupyter_client")
    if importlib.util.find_spec("ipykernel") is None:
        return Check("kernel", "fail", "ipykernel is missing", "pip install ipykernel")
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        cure = f"{sys.executable} -m ipykernel install --sys-prefix"
        return Check("kernel", "warn", "no kernel is called python3", cure)
    program = spec.argv[0]
    # A bare "python" is whichever comes first where Jupyter runs, which is this environment's.
    if Path(program).is_absolute() and not Path(program).samefile(sys.executable):
        cure = f"{sys.executable} -m ipykernel install --user --name modframe, and choose that one"
        return Check("kernel", "warn", f"python3 is another Python: {program}", cure)
    return Check("kernel", "ok", f"python3 at {spec.resource_dir}")


# -- names that stand in the way ---------------------------------------------------------------


def _shadows(home: Path) -> Iterator[Check]:
    path = [str(home), str(Path.cwd()), *sys.path]
    found = PathFinder.find_spec("modules", path)
    if found is not None and found.submodule_search_locations is None:
        yield Check(
            "modules",
            "fail",
            f"{found.origin} hides the folder modules/",
            "rename the file: modules.standard.orders can't be imported beside it",
        )
    yield from _real_core(path)
    try:
        old = version("nest_asyncio")
    except PackageNotFoundError:
        return
    message = f"{old} is installed; in cells use %modframe nest instead of nest_asyncio.apply()"
    yield Check("nest_asyncio", "ok", message)


def _real_core(path: list[str]) -> Iterator[Check]:
    found = PathFinder.find_spec("core", path)
    if found is None:
        return
    places = list(found.submodule_search_locations or [])
    both = [one for one in DOORS if PathFinder.find_spec(f"core.{one}", places)]
    where = found.origin or ", ".join(places)
    if both:
        yield Check(
            "core",
            "warn",
            f"a package called core is at {where}",
            f"inside modules core.{', core.'.join(both)} mean modframe's; import the other's "
            "under another name",
        )
    else:
        yield Check("core", "ok", f"a package called core is at {where}, and not in the way")


# -- databases that another process holds ------------------------------------------------------


def _databases(data: Path | None) -> Iterator[Check]:
    folder = data / "databases" if data is not None else None
    files = sorted(folder.glob("*.duckdb")) if folder is not None and folder.is_dir() else []
    holders = _lock_holders()
    for file in files:
        holder = holders.get(file.stat().st_ino)
        if holder is not None:
            yield Check(
                "database",
                "warn",
                f"{file.name} is held by pid {holder}{_command(holder)}",
                f"one process at a time has a database: stop that one (kill {holder}), or let it "
                "be idle",
            )
    if files:
        yield Check("databases", "ok", f"{len(files)} in {folder}")


def _lock_holders() -> dict[int, int]:
    """Inode → process, of the locks that Linux tells of; empty on other systems."""
    try:
        rows = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    found = {}
    for row in rows:
        words = [one for one in row.split() if one != "->"]
        if len(words) > 5 and words[4].lstrip("-").isdigit():
            found[int(words[5].rpartition(":")[2])] = int(words[4])
    return found


def _command(pid: int) -> str:
    command = command_of(pid)
    return f" ({command})" if command else ""
