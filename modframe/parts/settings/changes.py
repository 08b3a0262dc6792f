"""`SettingsChanges`: changes preferences and what is set for the session; what is live follows.

``core.settings`` calls it, on the app loop. A change is checked as a whole, then made to count,
then written; if any of that fails, everything is as it was. `Adoption` makes it count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, TypeVar

from pydantic_core import PydanticSerializationError, to_jsonable_python

from ...errors import ModframeError, reason_of
from ...masking import MASK, revealed
from ...observe import record_failure
from ...runtime.app import App
from ...runtime.change.ending import Ending
from ...runtime.change.swap import Swap
from ...runtime.generation import Generation
from ...spec import module_id_of
from ...wording import near, otherwise, some
from .adoption import Adoption
from .faults import SettingsError, holds_secret
from .fields import FieldNames
from .part import ModuleSettings, SettingsPart
from .preference_file import PreferenceError
from .resolve import Resolved
from .set_values import SetValues
from .sources import Given, SettingsSources

T = TypeVar("T")
Edit = Callable[[dict[str, Any]], dict[str, Any]]
"""From what is kept of a module to what is wanted."""
_ATTEMPTS = 20
_changing: ContextVar[frozenset[str]] = ContextVar(
    "modframe_settings_changing", default=frozenset()
)
"""The modules whose settings the current task changes."""


class SettingsChanges:
    """Changes what people set of the modules of one app.

    Args:
        app: The app.
        sources: Has the preferences, and what is set for the session.
        swap: Builds modules anew.
        ending: Keeps what goes on in the background until it has ended.
    """

    def __init__(self, app: App, sources: SettingsSources, *, swap: Swap, ending: Ending) -> None:
        self._app = app
        self._preferences, self._now = sources.preferences, sources.now
        self._adoption, self._ending = Adoption(app, swap), ending
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
        wanted, names = self._wanted(module_id, values)
        for name, value in wanted.items():
            if holds_secret(names.model, name, value):
                raise PreferenceError(
                    f"{name!r} of {module_id} is a secret, and preferences are kept as plain text",
                    cure="set it for this session with set_session_value(); to keep it, set "
                    f"{names.variable(name)} in the environment, or give it to start(settings=...)",
                    code="SECRET_SETTING",
                )
        edit = partial(self._edit_preferences, module_id, lambda kept: {**kept, **wanted})
        await self._change(module_id, edit)
        return self._explained(module_id, wanted)

    async def clear(self, module_id: str, key: str | None) -> None:
        """Forget a preference of a module, or all of them; the module need not be live.

        Raises:
            PreferenceError: If there is no such setting, or the change is refused.
        """
        module_id = module_id_of(module_id)
        without = self._without(module_id, key, await self.kept(module_id))
        await self._change(module_id, partial(self._edit_preferences, module_id, without))

    async def set_session(
        self, module_id: str, values: Mapping[str, Any]
    ) -> dict[str, dict[str, Any]]:
        """Set values of a module until the app stops, all or none, secrets too.

        Returns and raises what `set` does.
        """
        module_id = module_id_of(module_id)
        wanted, _ = self._wanted(module_id, values)
        edit = partial(self._edit_session, module_id, lambda now: {**now, **wanted})
        await self._change(module_id, edit)
        return self._explained(module_id, wanted)

    async def clear_session(self, module_id: str, key: str | None) -> None:
        """Take back what was set for the session, or all of a module, which need not be live.

        Raises:
            PreferenceError: If there is no such setting, or the change is refused.
        """
        module_id = module_id_of(module_id)
        without = self._without(module_id, key, self.session_keys(module_id))
        await self._change(module_id, partial(self._edit_session, module_id, without))

    def session_keys(self, module_id: str) -> list[str]:
        """Return the names of what is set for the session of a module.

        Raises:
            ServiceNotFoundError: If there is neither such a module nor anything set for it.
        """
        module_id = module_id_of(module_id)
        keys = list(self._now.of(module_id))
        if not keys:
            self._find(module_id)
        return keys

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
                and not self._has_latest(settings.resolved.given, module_id)
            ):
                _ = self._begin(module_id, partial(self._follow, module_id))

    # -- one change -----------------------------------------------------------------------

    async def _change(self, module_id: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a change to its end, even if the caller is cancelled."""
        if module_id in _changing.get():
            raise PreferenceError(
                f"the settings of {module_id} are being changed by what this call belongs to",
                cure="change them after on_settings_changed() or the swap has ended",
                code="CHANGE_REFUSED",
            )
        await asyncio.shield(self._begin(module_id, work))

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

    async def _edit_session(self, module_id: str, edit: Edit) -> None:
        before = self._now.of(module_id)
        if (wanted := edit(dict(before))) != before:
            await self._apply(self._now, module_id, wanted)

    async def _edit_preferences(self, module_id: str, edit: Edit) -> None:
        before = self._preferences.of(module_id)
        try:
            for _ in range(_ATTEMPTS):
                kept = (await self._preferences.read()).get(module_id, {})
                wanted = edit(dict(kept))
                if wanted != self._preferences.of(module_id):
                    await self._apply(self._preferences, module_id, wanted)
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

    async def _apply(self, store: SetValues, module_id: str, wanted: Mapping[str, Any]) -> None:
        """Let values count for what is live and what will be built; else leave all as it was.

        Raises:
            PreferenceError: If they don't validate, or the module refuses them.
        """
        before = store.of(module_id)
        generation, settings = self._target(module_id)
        store.put(module_id, wanted)
        if generation is None or settings is None:
            return
        try:
            await self._adoption.make_count(generation, settings, _checked(settings))
        except BaseException:
            store.put(module_id, before)
            settings.know_secrets()  # or tries that are refused push them out
            raise

    async def _take_back(self, module_id: str, before: Mapping[str, Any]) -> None:
        """Let earlier preferences count again, after they could not be written."""
        try:
            await self._apply(self._preferences, module_id, before)
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
                await self._adoption.make_count(generation, settings, settings.resolve())
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

    def _has_latest(self, given: Given, module_id: str) -> bool:
        """Return whether settings were made of what is set now."""
        return given.preferences is self._preferences.of(module_id) and given.now is self._now.of(
            module_id
        )

    def _wanted(
        self, module_id: str, values: Mapping[str, Any]
    ) -> tuple[dict[str, Any], FieldNames]:
        """Return values by field, as plain data, and the names of the fields."""
        _, names = self._settings_of(module_id)
        plain = {_field(names, key, module_id): _plain(key, one) for key, one in values.items()}
        return plain, names

    def _without(self, module_id: str, key: str | None, kept: Container[str]) -> Edit:
        """Return what takes one value out of those that are kept, or all."""
        if key is not None and key not in kept:
            key = _field(self._settings_of(module_id)[1], key, module_id)

        def without(values: dict[str, Any]) -> dict[str, Any]:
            return {} if key is None else {one: values[one] for one in values if one != key}

        return without

    def _explained(self, module_id: str, names: Iterable[str]) -> dict[str, dict[str, Any]]:
        explained = self._settings_of(module_id)[0].explain()
        return {name: explained[name] for name in names if name in explained}

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


def _checked(settings: ModuleSettings) -> Resolved:
    """Return the settings as they are to be now; preferences that are left out already stay so."""
    try:
        return settings.resolve_all()
    except SettingsError as error:
        clean = settings.without_secrets  # an author's validator may repeat what it refuses
        raise PreferenceError(
            clean(error.message),
            cure="nothing was changed; give other values",
            code="INVALID_SETTINGS",
            details={
                "faults": [{"setting": name, "message": clean(why)} for name, why in error.faults],
                "reasons": [f"{name}: {clean(why)}" for name, why in error.reasons],
            },
        ) from error


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
    """Return a value as it is kept and read again: as JSON, which holds no generation."""
    try:
        plain = to_jsonable_python(revealed(value))
    except (PydanticSerializationError, ValueError, TypeError) as error:
        raise PreferenceError(
            f"{key!r} can't be kept as JSON: {error}",
            cure="give plain values: text, numbers, lists, dictionaries",
            code="INVALID_SETTINGS",
        ) from error
    if MASK in str(plain):  # read masked, edited and sent back
        why = f"{MASK} stands for a secret that is not shown"
        raise PreferenceError(
            f"{key!r} can't be set: {why}",
            cure="give the secret itself",
            code="INVALID_SETTINGS",
            details={"reasons": [f"{key}: {why}; give the secret itself"]},
        )
    return plain
