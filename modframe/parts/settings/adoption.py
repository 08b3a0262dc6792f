"""`Adoption`: how a module takes other settings while it runs.

`SettingsChanges` calls it. What a change means to a module, the module says: its settings object
gets the new values (``live``), and ``on_settings_changed`` is called if there is one; or it is
built anew (``swap``).
"""

from __future__ import annotations

from functools import partial

from ...errors import ModframeError, reason_of
from ...observe import record_failure
from ...runtime.app import App
from ...runtime.change.swap import Swap
from ...runtime.failure import refuse_bad_outcome
from ...runtime.generation import Generation, Step
from ...runtime.loop.bounds import run_module_code, run_with_timeout
from .part import ModuleSettings
from .preference_file import PreferenceError
from .resolve import Resolved


class Adoption:
    """Makes resolved settings count for a module of one app."""

    def __init__(self, app: App, swap: Swap) -> None:
        self._app, self._swap = app, swap

    async def make_count(
        self, generation: Generation, settings: ModuleSettings, resolved: Resolved
    ) -> None:
        """Let a module have its settings as they were resolved anew; else leave those it had.

        Raises:
            PreferenceError: If the module refuses them.
        """
        changed = settings.differences(resolved)
        being_built = generation.stage == "building"
        if changed and generation.spec.settings_change == "swap" and not being_built:
            await self._swap_for_change(generation)
            return
        earlier = settings.adopt(resolved)
        hook = generation.find_hook("on_settings_changed")
        if hook is None or not changed or being_built:
            return
        step = Step(hook)
        generation.in_flight += 1
        try:
            outcome = await run_with_timeout(
                lambda: run_module_code(partial(hook, changed)),
                self._app.limits.phase,
                what=step.name,
            )
            refuse_bad_outcome(outcome, step)
        except Exception as error:
            settings.adopt(earlier)
            said = reason_of(error)
            if not isinstance(error, ModframeError | TimeoutError):
                said = f"{step.name} raised {type(error).__name__}: {error}"
            record_failure(generation.module_id, said, error, generation=generation.number)
            raise _refused(generation, settings.without_secrets(said)) from error
        except BaseException:
            settings.adopt(earlier)
            raise
        finally:
            generation.release()

    async def _swap_for_change(self, generation: Generation) -> None:
        key, records = generation.module_id, self._app.records
        if self._app.directory.building(key) is not None:  # which may be what asks for it
            raise _refused(generation, "it is being loaded at the moment; try it again")
        error, stale = records[key].error, records.stale_reason(key)
        try:
            await self._swap.rebuild(generation, label="settings changed")
        except ModframeError as fault:
            records[key].error = error
            raise _refused(generation, f"it can't be swapped: {reason_of(fault)}") from fault
        if stale:  # the text that is live runs anew, and a newer one has failed all the same
            records[key].error = error


def _refused(generation: Generation, why: str) -> PreferenceError:
    return PreferenceError(
        f"{generation.module_id} refuses the change of its settings, and has those it had: {why}",
        code="CHANGE_REFUSED",
    )
