"""`Module`: one module as a person sees it, live or not; and `Modules`, the mapping of them all.

`AppContext` makes them. They hold an id and the engine, and look everything else up when asked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import FLAG, FOLDER, check_arguments
from .desk.rollback import errors_of
from .errors import reason_line
from .finding import Finding
from .names import full_id
from .observe import refusal_logged
from .parts.settings import SettingsPart
from .parts.web.part import WebPart
from .runtime.traces import hide_frames
from .source import Source
from .spec import ModuleSpec, module_id_of
from .wording import count

if TYPE_CHECKING:
    from .cockpit.widget import Cockpit
    from .desk.history_entry import HistoryEntry
    from .engine import Engine
    from .runtime.generation import Generation
    from .ship import ExportReport


class Module:
    """One module. Its attributes are looked up at each use, so they are always current."""

    def __init__(self, engine: Engine, module_id: str) -> None:
        self._engine = engine
        self.id = module_id

    def _generation(self) -> Generation | None:
        return self._engine.directory.find(self.id)

    @property
    def state(self) -> str:
        """``DRAFT STARTING LIVE BLOCKED FAILED STOPPING STOPPED FAILED_UNLOAD`` or ``DISABLED``."""
        return self._engine.records.state(self.id)

    @property
    def generation(self) -> int:
        """The number of the live generation; 0 if there is none."""
        generation = self._generation()
        return generation.number if generation else 0

    @property
    def version(self) -> str:
        """The module's own version; empty if it isn't live."""
        spec = self.spec
        return spec.version if spec else ""

    @property
    def spec(self) -> ModuleSpec | None:
        """What the live generation says about itself."""
        generation = self._generation()
        return generation.spec if generation else None

    @property
    @hide_frames
    def service(self) -> Any:
        """The handle of the module's service.

        Raises:
            ServiceNotFoundError: If it has none.
        """
        return self._engine.handles.get(self.id)

    @property
    def settings(self) -> Any:
        """The current settings, an instance of the module's model; ``None`` without one."""
        settings = SettingsPart.of(self._generation())
        return settings.value if settings is not None else None

    @property
    def routes(self) -> tuple[Any, ...]:
        """The routes of the live generation."""
        web = WebPart.of(self._generation())
        return web.routes if web is not None else ()

    @property
    def source(self) -> Source | None:
        """The live source."""
        generation = self._generation()
        return generation.source if generation else None

    @property
    def draft(self) -> Source | None:
        """The source that cells have written, live or not; ``None`` if no cell has."""
        draft, live = self._engine.records[self.id].draft, self.source
        return draft or (live if live is not None and live.origin == "cells" else None)

    @property
    def error(self) -> BaseException | None:
        """Why the newest attempt failed, or, of a live module, why a task of it died.

        ``None`` once an attempt succeeded, while none of its tasks has died unnoticed.
        """
        return self._engine.records.error(self.id)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings about the live generation that did not keep it from loading."""
        generation = self._generation()
        return tuple(generation.findings) if generation else ()

    @property
    def history(self) -> tuple[HistoryEntry, ...]:
        """The last sources that were live, also in earlier runs; the newest is the last."""
        return self._engine.rollbacks.entries(self.id)

    @hide_frames
    def rollback(self, to: int | HistoryEntry | None = None, *, force: bool = False) -> Module:
        """Swap to an earlier source; the draft is then that text.

        Args:
            to: The number of a generation of this run, or an entry of `history`; by default the
                newest source that differs from what is live, so that twice is there and back. If
                it had errors while it was live, a line on standard error says how many.
            force: Whether to remove what other live modules use of the service.

        Raises:
            ModframeError: If there is no such source; with the ones there are.
            LoadError: If it does not go live; nothing live has changed.
        """
        loop, rollbacks = self._engine.app_loop, self._engine.rollbacks
        loop.refuse_here("rollback()")
        entry = rollbacks.find_entry(self.id, to)
        source = entry.source
        loop.block("rollback()", lambda: rollbacks.rollback(entry, source, force=force))
        if errors := errors_of(entry):
            line = f"{self.id}: rolled back to {entry.generation}{errors}"
            print(line, file=sys.stderr)  # noqa: T201  # who went back wants to know it now
        return self

    @hide_frames
    def reload(self) -> Module:
        """Read the module's text again from where it came from, and build a new generation.

        Raises:
            LoadError: If it fails; the live generation stays.
        """
        engine, source = self._engine, self._engine.source_finder.current(self.id)
        engine.app_loop.block("reload()", lambda: engine.swap.change([source], anew=True))
        return self

    @hide_frames
    def unload(self) -> None:
        """Stop the module and remove it.

        Raises:
            ModframeError: If a live module requires it.
        """
        engine = self._engine
        with refusal_logged(self.id, "stays live"):
            engine.app_loop.block("unload()", lambda: engine.swap.unload([self.id]))

    @hide_frames
    def inspect(self, tab: str | None = None) -> Cockpit:
        """Return the cockpit as a widget, opened at this module, and at a tab of it."""
        return self._engine.inspector(self.id, tab)

    @hide_frames
    def export(self, to: str | Path = "modules", *, force: bool = False) -> ExportReport:
        """Write the live source to ``<to>/<type>/<name>/``, byte for byte.

        Args:
            to: A folder: relative to the workspace and in it, or absolute and anywhere.
            force: Whether to overwrite files that were changed by hand since the last export.

        Raises:
            ExportError: If nothing is live, a file was changed by hand, the source doesn't load
                in a fresh process, or ``to`` leads out of the workspace.
        """
        check_arguments("export()", to=(to, FOLDER), force=(force, FLAG))
        self._engine.app_loop.refuse_here("export()")
        return self._engine.exports.export(self.id, to, force=force)

    def __repr__(self) -> str:
        view = self._engine.seen.module(self.id)
        number = f" {view.generation}" if view.generation else ""
        error = f": {reason_line(self.error)}" if self.error is not None else ""
        routes = count(len(view.routes), "route")
        return f"<Module {self.id}{number} {view.state}, {routes}{error}>"

    def _repr_html_(self) -> str:
        return self._engine.seen.module(self.id)._repr_html_()


class Modules(Mapping[str, Module]):
    """Module id → `Module`, failed and blocked ones included; short ids are accepted."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _ids(self) -> list[str]:
        return sorted(self._engine.records.ids())

    @hide_frames
    def __getitem__(self, name: str) -> Module:
        module_id = module_id_of(name)
        if module_id not in self._ids():
            raise self._engine.source_finder.not_found(module_id)
        return Module(self._engine, module_id)

    def __contains__(self, name: object) -> bool:
        return full_id(str(name)) in self._ids()

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids())

    def __len__(self) -> int:
        return len(self._ids())

    def __repr__(self) -> str:
        states = [self._engine.records.state(key) for key in self._ids()]
        live = states.count("LIVE")
        return f"<{count(len(states), 'module')}: {live} live, {len(states) - live} not>"

    def _repr_html_(self) -> str:
        return self._engine.seen.snapshot(self._engine.url)._repr_html_()
