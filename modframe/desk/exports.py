"""`Exports`: writes what is live to files that run on a server; `Module.export` calls it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ExportError, WorkspaceError
from ..names import folder_of
from ..observe import log_event, refusal_logged
from ..runtime.live import Live
from ..runtime.record import Records
from ..source.export_record import ExportRecord
from ..source.folder_change import finish_changes

if TYPE_CHECKING:
    from ..runtime.generation import Generation
    from ..ship import ExportPlan, ExportReport

_log = logging.getLogger("modframe.desk")


class Exports:
    """The exports of one app.

    Args:
        live: What runs, which is what is exported.
        records: What is known of each module beside it.
        workspace: The folder that a relative target begins in.
        data: Where what was exported is remembered; ``None`` remembers it in memory.
        settings: Module id → settings given at start.
    """

    def __init__(
        self,
        live: Live,
        records: Records,
        *,
        workspace: Path,
        data: Path | None,
        settings: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._live, self._records = live, records
        self._workspace, self._data = workspace, data
        self._settings = settings
        self._record = ExportRecord(data)

    def finish(self) -> None:
        """Finish the exports that were cut off, wherever the record says that one may have gone.

        A folder where that fails is named in the log: nothing of it is loaded here.
        """
        for folder in self._record.folders() - {self._workspace / "modules"}:
            try:
                finish_changes(folder)
            except (OSError, WorkspaceError) as error:
                _log.warning("%s", error)

    def files(self, module_id: str) -> set[str]:
        """Return the files that modframe wrote into a module's folder in the workspace."""
        folder = folder_of(self._workspace / "modules", module_id)
        digests = self._record.digests(folder)
        return {path.relative_to(folder).as_posix() for path in digests}

    def export(self, module_id: str, to: str | Path, *, force: bool = False) -> ExportReport:
        """Write the live source of a module below a folder: in the workspace, or absolute.

        Raises:
            ExportError: If nothing is live, a relative folder leads out of the workspace, or the
                export is refused; nothing was written.
        """
        from ..ship import export, export_folder

        with refusal_logged(module_id, "was not exported"):
            generation = self._generation(module_id)
            report = export(
                generation.source,
                export_folder(self._workspace, to, data=self._data, module_id=module_id),
                workspace=self._workspace,
                record=self._record,
                draft=self._records[module_id].draft,
                settings=self._settings,
                force=force,
            )
        log_event(module_id, f"exported · {report.line}", generation=generation.number)
        return report

    def plan(self, module_id: str, to: str | Path = "modules") -> ExportPlan:
        """Return what `export` would do to each file; nothing is tried out, and nothing changes.

        Raises:
            ExportError: If nothing is live, or it can't be exported there.
        """
        from ..ship import export_folder, plan_of_export

        source = self._generation(module_id).source
        folder = export_folder(self._workspace, to, data=self._data, module_id=module_id)
        return plan_of_export(source, folder, workspace=self._workspace, record=self._record)

    def _generation(self, module_id: str) -> Generation:
        generation = self._live.generations.get(module_id)
        if generation is None:
            state = self._records.state(module_id)
            raise ExportError(
                f"{module_id} is {state}, and only what is live is exported",
                cure="mend it until it goes live, then export it",
                findings=(),
            )
        return generation
