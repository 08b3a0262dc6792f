"""`SettingsChanges`: changes preferences, and makes what is live follow them.

``core.settings`` calls it, on the app loop. A change is checked as a whole, then made to count,
then written; if any of that fails, everything is as it was. What a change means to a module, the
module says: its settings object gets the new values (``live``), and ``on_settings_changed`` is
called if there is one; or it is built anew (``swap``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, TypeVar

from pydantic_core import PydanticSerializationError, to_jsonable_python

from ...errors import ModframeError, reason_of
from ...observe import record_failure
from ...runtime.app import App
from ...runtime.change.ending import Ending
from ...runtime.change.swap import Swap
from ...runtime.failure import refuse_bad_outcome
from ...runtime.generation import Generation, Step
from ...runtime.loop.bounds import run_module_code, run_with_timeout
from ...spec import module_id_of
from ...wording import near, otherwise, some
from .faults import SettingsError, holds_secret
from .fields import FieldNames
from .part import ModuleSettings, SettingsPart
from .preference_file import PreferenceError
from .preferences import Preferences
from .resolve import Resolved

T = TypeVar("T")
Edit = Callable[[dict[str, Any]], dict[str, Any]]
"""From what is kept of a module to what is wanted."""
_ATTEMPTS = 20
_changing: ContextVar[frozenset[str]] = ContextVar(
    "modframe_settings_changing", default=frozenset()
)
"""The modules whose settings the current task changes."""


class SettingsChanges:
    """Changes the preferences of one app.

    Args:
        app: The app.
        preferences: What is kept.
        swap: Builds modules anew.
        ending: Keeps what goes on in the background until it has ended.
    """

    def __init__(self, app: App, preferences: Preferences, *, swap: Swap, ending: Ending) -> None:
        self._app = app
        self._preferences = preferences
        self._swap, self._ending = swap, ending
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def shared(self) -> bool:
        """Whether other kernels may change the same preferences."""
        return self._preferences.shared

    # -- verbs ----------------------------------------------------------------------------

    async def set(self, module_id: str, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Set preferences of a module, all or none; return these settings with their sources.

        Raises:
            ServiceNotFoundError, ServiceUnavailableError: If the module isn't live.
            PreferenceError: If they don't validate, are refused or can't be kept.
        """
        module_id = module_id_of(module_id)
        _, names = self._settings_of(module_id)
        wanted = {
            _field(names, key, module_id): _plain(key, value) for key, value in values.items()
        }
        for name, value in wanted.items():
            if holds_secret(names.model, name, value):
                raise PreferenceError(
                    f"{name!r} of {module_id} is a secret, and preferences are kept as plain text",
                    cure="give it to start(settings=...), or set "
                    f"{names.variable(name)} in the environment",
                    code="SECRET_SETTING",
                )
        await self._change(module_id, lambda kept: {**kept, **wanted})
        explained = self._settings_of(module_id)[0].explain()
        return {name: explained[name] for name in wanted if name in explained}

    async def clear(self, module_id: str, key: str | None) -> None:
        """Forget a preference of a module, or all of them; the module need not be live.

        Raises:
            PreferenceError: If there is no such setting, or the change is refused.
        """
        module_id = module_id_of(module_id)
        kept = await self.kept(module_id)
        if key is not None and key not in kept:
            key = _field(self._settings_of(module_id)[1], key, module_id)

        def without(values: dict[str, Any]) -> dict[str, Any]:
            return {} if key is None else {one: values[one] for one in values if one != key}

        await self._change(module_id, without)

    async def kept(self, module_id: str) -> dict[str, Any]:
        """Return the preferences of a module as they are kept.

        Raises:
            ServiceNotFoundError: If there is neither such a module nor a preference for it.
        """
        module_id = module_id_of(module_id)
        values = (await self._preferences.read()).get(module_id)
        if values is None:
            self._find(module_id)
        return values or {}

    async def look(self) -> None:
        """Follow what other kernels have changed since the last look."""
        table = await self._preferences.look()
        if table is None:
            return
        for module_id in {*table, *self._preferences.module_ids()}:
            if table.get(module_id, {}) != self._preferences.of(module_id):
                await asyncio.shield(self._begin(module_id, partial(self._follow, module_id)))

    def published(self, module_ids: Iterable[str]) -> None:
        """Let modules that were built before a change and went live after it follow it."""
        for module_id in module_ids:
            generation = self._app.directory.find(module_id)
            settings = SettingsPart.of(generation) if generation is not None else None
            if (
                settings is not None
                and settings.resolved is not None
                and settings.resolved.given.preferences is not self._preferences.of(module_id)
            ):
                _ = self._begin(module_id, partial(self._follow, module_id))

    # -- one change -----------------------------------------------------------------------

    async def _change(self, module_id: str, edit: Edit) -> None:
        """Run a change to its end, even if the caller is cancelled."""
        if module_id in _changing.get():
            raise PreferenceError(
                f"the settings of {module_id} are being changed by what this call belongs to",
                cure="change them after on_settings_changed() or the swap has ended",
                code="CHANGE_REFUSED",
            )
        await asyncio.shield(self._begin(module_id, partial(self._change_alone, module_id, edit)))

    def _begin(self, module_id: str, work: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        """Start something that has a module's settings for itself; the end of the app waits."""
        alone = self._exclusively(module_id, work)
        return self._ending.in_background(alone, context=copy_context())

    async def _exclusively(self, module_id: str, work: Callable[[], Awaitable[T]]) -> T:
        async with self._locks.setdefault(module_id, asyncio.Lock()):
            token = _changing.set(_changing.get() | {module_id})
            try:
                return await work()
            finally:
                _changing.reset(token)

    async def _change_alone(self, module_id: str, edit: Edit) -> None:
        before = self._preferences.of(module_id)
        try:
            for _ in range(_ATTEMPTS):
                kept = (await self._preferences.read()).get(module_id, {})
                wanted = edit(dict(kept))
                if wanted != self._preferences.of(module_id):
                    await self._apply(module_id, wanted)
                if wanted == kept:
                    return
                if await self._preferences.write(module_id, expected=kept, wanted=wanted):
                    return
            raise PreferenceError(
                f"other kernels change the preferences of {module_id} all the time",
                cure="try it again",
            )
        except Exception:
            if self._preferences.of(module_id) is not before:
                await self._take_back(module_id, before)
            raise

    async def _apply(self, module_id: str, wanted: Mapping[str, Any]) -> None:
        """Let preferences count for what is live and what will be built; else leave all as it was.

        Raises:
            PreferenceError: If they don't validate, or the module refuses them.
        """
        before = self._preferences.of(module_id)
        generation, settings = self._target(module_id)
        if generation is None or settings is None:
            self._preferences.put(module_id, wanted)
            return
        resolved = _checked(settings, wanted)
        self._preferences.put(module_id, wanted)
        try:
            await self._make_count(generation, settings, resolved)
        except BaseException:
            self._preferences.put(module_id, before)
            raise

    async def _make_count(
        self, generation: Generation, settings: ModuleSettings, resolved: Resolved
    ) -> None:
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
            raise _refused(generation, said) from error
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

    async def _take_back(self, module_id: str, before: Mapping[str, Any]) -> None:
        """Let earlier preferences count again, after they could not be written."""
        try:
            await self._apply(module_id, before)
        except ModframeError as error:
            record_failure(
                module_id,
                f"a change of its settings can't be taken back: {reason_of(error)}",
                error,
            )

    async def _follow(self, module_id: str) -> None:
        """Let what is kept count; what a module refuses is said, and counts at its next load."""
        try:
            kept = (await self._preferences.read()).get(module_id, {})
            if kept != self._preferences.of(module_id):
                self._preferences.put(module_id, kept)
            generation, settings = self._target(module_id)
            if generation is not None and settings is not None:
                await self._make_count(generation, settings, settings.resolve())
        except ModframeError as error:
            record_failure(
                module_id,
                f"a preference that was set elsewhere does not count yet: {reason_of(error)}",
                error,
            )

    def _find(self, module_id: str) -> Generation:
        """Return the generation of a module that is live, or else being built.

        Raises:
            ServiceNotFoundError, ServiceUnavailableError: If there is none; says why.
        """
        directory = self._app.directory
        generation = directory.find(module_id) or directory.building(module_id)
        if generation is None:
            raise directory.explain(module_id)
        return generation

    def _target(self, module_id: str) -> tuple[Generation | None, ModuleSettings | None]:
        """Return the generation that has to follow a change, and its settings if it has some."""
        generation = self._app.directory.find(module_id) or self._app.directory.building(module_id)
        settings = SettingsPart.of(generation) if generation is not None else None
        return generation, settings if settings is not None and settings.model else None

    def _settings_of(self, module_id: str) -> tuple[ModuleSettings, FieldNames]:
        settings = SettingsPart.of(self._find(module_id))
        if settings is None or settings.model is None:
            raise PreferenceError(
                f"{module_id} has no settings",
                cure="register a model in phase 1: "
                "self.app_context.register_pydantic_model(self.MODULE_ID, Model)",
                code="NO_SETTINGS",
            )
        return settings, FieldNames(settings.model, module_id)


def _checked(settings: ModuleSettings, wanted: Mapping[str, Any]) -> Resolved:
    """Return the settings with other preferences; those that are left out already stay so."""
    try:
        return settings.resolve_with(wanted)
    except SettingsError as error:
        raise PreferenceError(
            error.message,
            cure="nothing was changed; give other values",
            code="INVALID_SETTINGS",
            details={
                "faults": [{"setting": name, "message": why} for name, why in error.faults],
                "reasons": [f"{name}: {why}" for name, why in error.reasons],
            },
        ) from error


def _refused(generation: Generation, why: str) -> PreferenceError:
    return PreferenceError(
        f"{generation.module_id} refuses the change of its settings, and has those it had: {why}",
        code="CHANGE_REFUSED",
    )


def _field(names: FieldNames, key: str, module_id: str) -> str:
    name = names.field_of(key)
    if name is None:
        raise PreferenceError(
            f"{module_id} has no setting {key!r}",
            cure=otherwise(near(key, names.keys), f"it has {some(names.keys, 8)}"),
            code="UNKNOWN_SETTING",
        )
    return name


def _plain(key: str, value: Any) -> Any:
    """Return a value as it is kept and read again: as JSON."""
    try:
        return to_jsonable_python(value)
    except (PydanticSerializationError, ValueError, TypeError) as error:
        raise PreferenceError(
            f"{key!r} can't be kept as JSON: {error}",
            cure="give plain values: text, numbers, lists, dictionaries",
            code="INVALID_SETTINGS",
        ) from error
