"""`start` and the one app of this process; a notebook's first use starts it as well.

`modframe.start`, the magics and a host of another server (`hosted.py`) make it here, at most one at
a time. What a person does with it is `AppContext`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .app import AppContext
from .arguments import FLAG, check_arguments, list_of
from .config import StartOptions, read_settings
from .engine import Engine
from .errors import NotRunningError, StartConflictError, StartError, reason_line
from .masking import KnownSecrets
from .observe import UncaughtErrors
from .runtime.change.outcome import StopReport
from .runtime.loop.app_loop import AppLoop
from .runtime.part import Part
from .runtime.traces import hide_frames
from .source.workspace import data_folder, look_for_workspace, refuse_unwritable

_PARTS = list_of("a list of parts", Part)


class _Running(NamedTuple):
    engine: Engine
    app: AppContext
    uncaught: UncaughtErrors


_lock = threading.RLock()
_running: _Running | None = None
_starts_on_use = False
_last_stop: StopReport | None = None
"""The report of the app that was stopped last, if none has run since."""
_secrets = KnownSecrets()


def current_app() -> AppContext | None:
    """Return the app that runs in this process; ``None`` if none does."""
    return None if _running is None else _running.app


def known_secrets() -> KnownSecrets:
    """Return the secrets of the app that runs or, for what is said of it later, ran last."""
    return _secrets


def running_app() -> AppContext:
    """Return the app that runs in this process.

    Raises:
        NotRunningError: If none does.
    """
    return _get_running().app


def running_engine() -> Engine:
    """Return the engine of the app that runs in this process; raises as `running_app` does."""
    return _get_running().engine


def _get_running() -> _Running:
    if _running is not None:
        return _running
    if was_stopped():
        raise NotRunningError(
            "modframe was stopped",
            cure="call modframe.start() to begin again; in a notebook, %load_ext modframe and the "
            "next %%module cell do so too",
        )
    raise NotRunningError("modframe is not running", cure="call modframe.start() first")


def was_stopped() -> bool:
    """Return whether an app ran in this process, and none has run since."""
    return _last_stop is not None and _running is None


def last_stop() -> StopReport | None:
    """Return the report of the app that was stopped, if none has run since."""
    return _last_stop if _running is None else None


def start_on_use(wanted: bool, /) -> None:  # noqa: FBT001  # positional-only, its one argument
    """Set whether `app_in_use` starts the app, until it is stopped; ``%load_ext modframe`` does."""
    global _starts_on_use
    _starts_on_use = wanted


def app_in_use() -> AppContext:
    """Return the app that runs, for whatever uses it in a notebook; the first use starts it.

    Raises:
        NotRunningError: If it was stopped: a use must not start everything again by surprise.
    """
    return start() if _running is None and _starts_on_use else running_app()


@hide_frames
def start(
    workspace: str | Path | None = None,
    modules: Sequence[str] | None = None,
    data: str | Path | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    strict: bool = False,
    parts: Sequence[Part[Any]] = (),
) -> AppContext:
    """Start modframe in this process, or return the app that already runs.

    Args:
        workspace: The folder with ``modules/``; by default the nearest one upward.
        modules: ``None`` loads all below ``modules/``; a list loads those and what they require;
            ``[]`` loads the core modules only.
        data: The folder of databases, logs and preferences; by default ``<workspace>/data``.
            ``":memory:"`` keeps nothing.
        settings: Module id → settings; they win over every other source.
        strict: Whether a module that fails stops everything and raises.
        parts: Parts of your own that modules get beside modframe's; CONTRIBUTING.md has an
            example. They are entered before the module is made, and left once it has stopped.

    Raises:
        StartConflictError: If an app already runs that was started with other arguments.
        DataFolderError: If nothing can be written to the data folder.
        StartError: Under ``strict``, if a module failed, or there is none that settings are for.
    """
    check_arguments("start()", parts=(parts, _PARTS), strict=(strict, FLAG))
    options = StartOptions(workspace, modules, data, settings, parts=tuple(parts) or None)
    return start_with(options, strict=strict)


@hide_frames
def start_with(options: StartOptions, *, strict: bool = False) -> AppContext:
    """Start modframe as `start` does, notebooks included; the pytest plugin calls it as well."""
    with _lock:
        if _running is not None:
            _running.app.refuse_other(options)
            return _running.app
        engine = open_engine(AppLoop.start, options)
        app = running_app()
        try:
            engine.app_loop.wait(lambda: engine.start(options.modules))
        except BaseException:
            close_engine(engine)
            raise
    if strict and (errors := engine.start_errors()):
        app.stop()
        raise StartError(errors)
    print_failures(engine)
    return app


def print_failures(engine: Engine) -> None:
    """Print a line on stderr for each module that failed to start; `start` raises for none.

    Settings that no module takes have a line too.
    """
    failed = engine.records.errors()
    for key, error in engine.start_errors().items():
        state = f" {engine.records.state(key)}" if key in failed else ""
        line = f"modframe: {key}{state} · {reason_line(error)}"
        line = engine.secrets.mask(line)
        print(line, file=sys.stderr, flush=True)  # noqa: T201  # for whoever asked for the start


def open_engine(make_loop: Callable[[], AppLoop], options: StartOptions) -> Engine:
    """Make the engine of the process's one app, not started yet, and the `AppContext` over it.

    Raises:
        StartConflictError: If an app runs already.
        DataFolderError: If nothing can be written to the data folder.
    """
    global _running, _secrets
    with _lock:
        if _running is not None:
            raise StartConflictError(
                f"modframe runs in this process already, in {_running.engine.workspace}",
                cure="stop it first: one process has one app",
            )
        app_loop = make_loop()
        try:
            found = look_for_workspace(options.workspace)
            workspace = found.folder
            data = data_folder(options.data, workspace)
            refuse_unwritable(data)
            for line in filter(None, (found.passed, found.whose)):
                # For whoever asked for the start.
                print(f"modframe: {line}", file=sys.stderr, flush=True)  # noqa: T201
            engine = Engine(
                app_loop,
                workspace=workspace,
                data=data,
                given_settings=options.settings or {},
                config=read_settings(),
                notebooks=options.notebooks or (),
                parts=options.parts or (),
            )
            app = AppContext(engine, options, close=partial(close_engine, engine))
            _running = _Running(engine, app, UncaughtErrors(engine.secrets.mask))
            _running.uncaught.install()
            _secrets = engine.secrets
        except BaseException:
            app_loop.close()
            raise
        return engine


def close_engine(engine: Engine, report: StopReport | None = None) -> None:
    """End the loop of an engine that was stopped, and let the process have another app."""
    global _running, _starts_on_use, _last_stop
    engine.app_loop.close()
    with _lock:
        if _running is not None and _running.engine is engine:
            _running.uncaught.remove()
            _running, _starts_on_use, _last_stop = None, False, report or StopReport((), 0.0, ())
