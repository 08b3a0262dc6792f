"""``modframe doctor``: looks for problems of an installation and a workspace.

In come a workspace and a port; out goes a line for each check (ok, warn, fail), or JSON. It changes
nothing, and opens no database file: closing one would drop the lock of another process.
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

from ..config import read_settings
from ..errors import ModframeError
from ..load.imports import DOORS
from ..load.requirements import requirement_findings
from ..server import bind
from ..server.processes import command_of
from ..source import Disabled, Source, find_modules
from ..source.workspace import data_folder
from .out import as_json, say, table, workspace_at

_TESTED = ((3, 11), (3, 13))


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check; the cure says what to do if it is not ok."""

    name: str
    state: Literal["ok", "warn", "fail"]
    message: str
    cure: str = ""


def examine(workspace: Path | None, *, port: int, as_data: bool) -> int:
    """Run every check and print the outcomes; return 1 if one failed."""
    home = workspace_at(workspace)
    data = data_folder(None, home)
    checks = [
        _python(),
        *_packages(),
        _workspace(home),
        *_modules(home),
        _data(data),
        _port(port),
        _kernel(),
        *_shadows(home),
        *_databases(data),
    ]
    if as_data:
        as_json({"checks": [asdict(check) for check in checks]})
    else:
        rows = [(check.state, check.name, check.message) for check in checks]
        table(rows, head=("", "check", "found"))
        for check in checks:
            if check.cure:
                say(f"{check.state}: {check.name}: {check.cure}")
    return int(any(check.state == "fail" for check in checks))


def _python() -> Check:
    running = sys.version_info[:2]
    text = f"{sys.version.split()[0]} at {sys.executable}"
    if running < _TESTED[0]:
        return Check("python", "fail", text, "use Python 3.11 or newer")
    if running > _TESTED[1]:
        return Check("python", "warn", text, "modframe is tested on 3.11 to 3.13")
    return Check("python", "ok", text)


def _packages() -> Iterator[Check]:
    fitting = 0
    for requirement in _requirements():
        name = requirement.name
        try:
            installed = version(name)
        except PackageNotFoundError:
            yield Check(name, "fail", "not installed", f"pip install '{requirement}'")
            continue
        if requirement.specifier.contains(installed, prereleases=True):
            fitting += 1
        else:
            message = f"{installed}, and modframe needs {requirement.specifier}"
            yield Check(name, "fail", message, f"pip install --upgrade '{requirement}'")
    yield Check("packages", "ok", f"{fitting} are there, in versions that fit")


def _requirements() -> list[Requirement]:
    """Return what modframe requires here, without extras; from its metadata or the checkout."""
    try:
        rows = requires("modframe") or []
    except PackageNotFoundError:
        project = Path(__file__).parents[2] / "pyproject.toml"
        rows = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["dependencies"]
    return [
        requirement
        for requirement in map(Requirement, rows)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    ]


def _workspace(home: Path) -> Check:
    modules = find_modules(home / "modules")
    if not modules:
        cure = "'modframe scaffold --name my_module' writes a first one, or open a notebook"
        return Check("workspace", "warn", f"{home}, without modules", cure)
    return Check("workspace", "ok", f"{home}, modules: {len(modules)}")


def _modules(home: Path) -> Iterator[Check]:
    """Say what modules lack of what they require, and which are disabled."""
    disabled = Disabled(home, read_settings().disabled)
    folders = find_modules(home / "modules")
    for module_id, folder in folders.items():
        if (error := disabled.find(module_id)) is not None:
            yield Check("disabled", "ok", f"{module_id} by {error.by}")
            continue
        for finding in requirement_findings(Source(module_id, {}, "mapping"), str(folder)):
            state: Literal["ok", "fail"] = "fail" if finding.level == "error" else "ok"
            message = f"{module_id} {finding.message}"
            yield Check("requirements", state, message, finding.cure)
    for module_id in sorted(disabled.named - folders.keys()):
        cure = "correct the id, or take it out"
        yield Check("disabled", "warn", f"{module_id}: there is no such module", cure)


def _data(data: Path | None) -> Check:
    if data is None:
        cure = "MODFRAME_DATA is :memory:; unset it to keep data"
        return Check("data", "warn", "kept in memory only", cure)
    existing = next(folder for folder in (data, *data.parents) if folder.exists())
    if existing == data and not data.is_dir():
        return Check("data", "fail", f"{data} is no folder", "move the file away")
    if not os.access(existing, os.W_OK | os.X_OK):
        cure = f"give yourself the right to write in {existing}, or set MODFRAME_DATA"
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
    # A bare "python" is the first on the path of Jupyter, which is the one of this environment.
    if Path(program).is_absolute() and not Path(program).samefile(sys.executable):
        cure = f"{sys.executable} -m ipykernel install --user --name modframe, and choose that one"
        return Check("kernel", "warn", f"python3 is another Python: {program}", cure)
    return Check("kernel", "ok", f"python3 at {spec.resource_dir}")


# -- names that hide modframe's ----------------------------------------------------------------


def _shadows(home: Path) -> Iterator[Check]:
    path = [str(home), str(Path.cwd()), *sys.path]
    spec = PathFinder.find_spec("modules", path)
    if spec is not None and spec.submodule_search_locations is None:
        yield Check(
            "modules",
            "fail",
            f"{spec.origin} hides the folder modules/",
            "rename the file: modules.standard.orders can't be imported beside it",
        )
    yield from _core_package(path)
    try:
        installed = version("nest_asyncio")
    except PackageNotFoundError:
        return
    message = (
        f"{installed} is installed; in cells use %modframe nest instead of nest_asyncio.apply()"
    )
    yield Check("nest_asyncio", "ok", message)


def _core_package(path: list[str]) -> Iterator[Check]:
    spec = PathFinder.find_spec("core", path)
    if spec is None:
        return
    folders = list(spec.submodule_search_locations or [])
    shared = [name for name in DOORS if PathFinder.find_spec(f"core.{name}", folders)]
    where = spec.origin or ", ".join(folders)
    if shared:
        yield Check(
            "core",
            "warn",
            f"a package called core is at {where}",
            f"inside modules core.{', core.'.join(shared)} mean modframe's; import the other's "
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
        locks = filter(Path.exists, (file, file.with_name(f"{file.name}.lock")))
        holder = next(filter(None, (holders.get(lock.stat().st_ino) for lock in locks)), None)
        if holder is not None:
            command = command_of(holder)
            yield Check(
                "database",
                "warn",
                f"{file.name} is held by pid {holder}{f' ({command})' if command else ''}",
                f"one process at a time has a database: stop that one (kill {holder}), or let it "
                "be idle",
            )
    if files:
        yield Check("databases", "ok", f"{len(files)} in {folder}")


def _lock_holders() -> dict[int, int]:
    """Return inode → process id of every lock on a file; empty on systems other than Linux."""
    try:
        rows = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    holders = {}
    for row in rows:
        words = [word for word in row.split() if word != "->"]
        if len(words) > 5 and words[4].lstrip("-").isdigit():
            holders[int(words[5].rpartition(":")[2])] = int(words[4])
    return holders
