"""`Drafts`: the sources that cells are working on, and the swaps to them; the magics call it."""

from __future__ import annotations

from collections.abc import Container

from ..errors import ModframeError
from ..load import missing_files
from ..runtime.change.outcome import Outcome
from ..runtime.change.plan import Plan
from ..runtime.change.swap import Swap
from ..runtime.change.transaction import Trial
from ..source import Source, SourceFile


class Drafts:
    """Keeps a draft for each module that cells write to; it begins as the live source, if any."""

    def __init__(self, swap: Swap) -> None:
        self._swap = swap

    def put(self, module_id: str, file: str, content: SourceFile) -> Source:
        draft = self.with_text(module_id, file, content)
        self._swap.records[module_id].draft = draft
        return draft

    def with_text(self, module_id: str, file: str, content: SourceFile) -> Source:
        """Return what the draft would be with a file put in; changes nothing."""
        record = self._swap.records.get(module_id)
        draft = (record.draft if record is not None else None) or self._live(module_id)
        return (draft or Source(module_id, {}, "cells")).with_file(file, content)

    def _live(self, module_id: str) -> Source | None:
        generation = self._swap.live.generations.get(module_id)
        return generation.source if generation else None

    async def plan(self, draft: Source, outer_names: Container[str] = ()) -> Plan | tuple[str, ...]:
        """Return what a swap to a draft would do; if nothing is live, the files it waits for."""
        if self._live(draft.module_id) is None and (missing := missing_files(draft)):
            return tuple(missing)
        return await self._swap.plan([draft], outer_names=outer_names)

    async def attempt(
        self,
        module_id: str,
        outer_names: Container[str] = (),
        *,
        force: bool = False,
        trial: Trial | None = None,
    ) -> Outcome | tuple[str, ...]:
        """Swap to the whole draft, or, if nothing is live, return the files it still waits for.

        Args:
            module_id: The module.
            outer_names: Names of the notebook, which module code does not see.
            force: As for `AppContext.load`.
            trial: Tests that have to pass; equal text is then built anew as well.

        Raises:
            LoadError: If it fails; what is live is untouched, and the draft stays.
        """
        record = self._swap.records[module_id]
        draft = record.draft
        if draft is None:
            raise ModframeError(
                f"{module_id} has no draft",
                cure="write one in a %%module cell",
                module_id=module_id,
            )
        if self._live(module_id) is None and (missing := missing_files(draft)):
            record.state, record.error = "DRAFT", None
            return tuple(missing)
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
            ModframeError: If the draft has no such file.
        """
        records = self._swap.records
        record, live = records[module_id], self._live(module_id)
        if file is None:
            record.draft = record.error = None
            if live is None and not record.number and not record.building:
                del records[module_id]  # else it was live, and its number must not be reused
            return None
        draft = record.draft or live
        if draft is None or file not in draft.all_files:
            files = ", ".join(sorted(draft.all_files)) if draft else "none"
            raise ModframeError(
                f"the draft has no {file!r}", cure=f"its files: {files}", subject=module_id
            )
        record.draft = draft.without(file)
        return record.draft
