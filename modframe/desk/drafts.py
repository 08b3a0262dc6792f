"""`Drafts`: the sources that cells are working on, and the swaps to them; the magics call it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Container
from pathlib import Path

from ..errors import ModframeError
from ..load import missing_files
from ..runtime.change.outcome import Outcome
from ..runtime.change.plan import Plan
from ..runtime.change.swap import Swap
from ..runtime.change.transaction import Trial
from ..source import Source, SourceFile
from .waiting import Waiting, cells_to_run


class Drafts:
    """Keeps a draft for each module that cells write to; it begins as the live source, if any.

    While a module is live from its folder, its draft is a mixture of files and cells until all
    cells were run again. It is tried once no cell is expected to change it further.

    Args:
        swap: The changes of the app.
        exported: Returns the files that modframe wrote into a module's folder.
    """

    def __init__(self, swap: Swap, exported: Callable[[str], Collection[str]]) -> None:
        self._swap = swap
        self._exported = exported
        self._given: dict[str, set[str]] = {}
        """Module id → the files that cells gave, or dropped, since the start."""

    def put(self, module_id: str, file: str, content: SourceFile) -> Source:
        draft = self.with_text(module_id, file, content)
        self._swap.records[module_id].draft = draft
        self._given.setdefault(module_id, set()).add(file)
        return draft

    def with_text(self, module_id: str, file: str, content: SourceFile) -> Source:
        """Return what the draft would be with a file put in; changes nothing."""
        draft = self._current(module_id) or Source(module_id, {}, "cells")
        return draft.with_file(file, content)

    def _current(self, module_id: str) -> Source | None:
        """Return the draft, or what is live; files of a folder are as they are live now."""
        record, live = self._swap.records.get(module_id), self._live(module_id)
        draft = record.draft if record is not None else None
        if draft is None or live is None or live.origin != "folder":
            return draft or live
        given = self._given.get(module_id, set())
        files = {file: content for file, content in live.all_files.items() if file not in given}
        files |= {file: content for file, content in draft.all_files.items() if file in given}
        return Source.of(module_id, files, "cells", draft.place)

    def _live(self, module_id: str) -> Source | None:
        generation = self._swap.live.generations.get(module_id)
        return generation.source if generation else None

    async def plan(
        self,
        draft: Source,
        outer_names: Container[str] = (),
        *,
        file: str = "",
        notebook: Path | None = None,
    ) -> Plan | Waiting:
        """Return what `attempt` would do with a draft that a cell has given ``file`` of."""
        given = self._given.get(draft.module_id, set()) | {file}
        if waiting := await self._waits_for(draft, given, notebook):
            return waiting
        return await self._swap.plan([draft], outer_names=outer_names)

    async def _waits_for(
        self, draft: Source, given: Collection[str], notebook: Path | None
    ) -> Waiting | None:
        key, live = draft.module_id, self._live(draft.module_id)
        if live is None:
            missing = missing_files(draft)
            return Waiting(key, tuple(missing)) if missing else None
        if live.origin != "folder" or draft.digest == live.digest:
            return None
        files = await asyncio.to_thread(
            lambda: cells_to_run(
                draft, given=given, exported=self._exported(key), notebook=notebook
            )
        )
        return Waiting(key, files, in_folder=True) if files else None

    async def attempt(
        self,
        module_id: str,
        outer_names: Container[str] = (),
        *,
        force: bool = False,
        keep: bool = False,
        notebook: Path | None = None,
        trial: Trial | None = None,
    ) -> Outcome | Waiting:
        """Swap to the whole draft, or return the files whose cells it waits for.

        Args:
            module_id: The module.
            outer_names: Names of the notebook, which module code does not see.
            force: As for `AppContext.load`.
            keep: Whether files of the folder stay whose cells were not run since the start.
            notebook: Where the module's cells are, if that is known.
            trial: Tests that have to pass; equal text is then built anew as well.

        Raises:
            LoadError: If it fails; what is live is untouched, and the draft stays.
        """
        if module_id not in self._swap.records.ids():  # which looking it up would change
            raise _no_draft(module_id)
        record, draft = self._swap.records[module_id], self._current(module_id)
        if record.draft is None or draft is None:
            raise _no_draft(module_id)
        record.draft = draft
        given = self._given.setdefault(module_id, set())
        if keep:
            given.update(draft.files)
        if waiting := await self._waits_for(draft, given, notebook):
            if not waiting.in_folder:
                record.state, record.error = "DRAFT", None
            return waiting
        outcome = (
            await self._swap.change(
                [draft],
                anew=force or trial is not None,
                force=force,
                outer_names=outer_names,
                trial=trial,
            )
        )[0]
        if record.draft is draft:
            record.draft = None
        return outcome

    def drop(self, module_id: str, file: str | None) -> Source | None:
        """Take a file out of the draft and return the rest; ``None`` drops the whole draft.

        Raises:
            ModframeError: If the draft has no such file, or there is no such module.
        """
        records = self._swap.records
        if module_id not in records.ids():
            raise _no_draft(module_id)
        record, live = records[module_id], self._live(module_id)
        if file is None:
            self._forget_given(module_id)
            record.draft = record.error = None
            if live is None and not record.number and not record.building:
                del records[module_id]  # else it was live, and its number must not be reused
            return None
        draft = self._current(module_id)
        if draft is None or file not in draft.all_files:
            files = ", ".join(sorted(draft.all_files)) if draft else "none"
            raise ModframeError(
                f"the draft has no {file!r}", cure=f"its files: {files}", subject=module_id
            )
        record.draft = draft.without(file)
        self._given.setdefault(module_id, set()).add(file)
        return record.draft

    def _forget_given(self, module_id: str) -> None:
        """Forget which files cells gave, but for those that say what is live."""
        record, live = self._swap.records[module_id], self._live(module_id)
        if record.draft is not None:
            live_texts, texts = live.texts if live is not None else {}, record.draft.texts
            given = self._given.pop(module_id, set())
            self._given[module_id] = {
                file for file in given if texts.get(file) == live_texts.get(file)
            }


def _no_draft(module_id: str) -> ModframeError:
    return ModframeError(
        f"{module_id} has no draft",
        cure="write one in a %%module cell",
        module_id=module_id,
    )
