"""`Directory`: finds generations, modules and services by name, and says why one isn't found.

The engine makes one; handles, module contexts, the dispatcher and the watchdog ask it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import FrameType

from ..errors import ModframeError, NotRunningError, ServiceUnavailableError, reason_of
from ..names import module_id_in, number_in
from ..observe import Stall
from ..spec import module_of_service
from .calls.handles import not_found_error
from .failure import as_death
from .garbage.finalizers import find_finalizer
from .generation import Generation
from .live import Live
from .loop.app_loop import Progress
from .ownership import place_of
from .record import Records

_AWAIT = "await something in it, or give what takes long to a thread"
_LET_GO = "let go of what it waits for when the module stops"


class Directory:
    """What there is in one app, by name.

    Args:
        live: What runs.
        records: What is known of each module beside it.
        on_disk: Returns the ids of the modules in the workspace and in notebooks.
        stall: Returns what keeps the app loop at the moment.

    Attributes:
        stopped: Whether the app is being stopped, or has been.
    """

    def __init__(
        self,
        live: Live,
        records: Records,
        *,
        on_disk: Callable[[], Iterable[str]],
        stall: Callable[[], Stall | None],
    ) -> None:
        self.stopped = False
        self._live, self._records = live, records
        self._on_disk, self._stall = on_disk, stall

    def find(self, module_id: str) -> Generation | None:
        """Return the live generation of a module."""
        return self._live.generations.get(module_id)

    def building(self, module_id: str) -> Generation | None:
        """Return the generation of a module that is being built."""
        record = self._records.get(module_id)
        return record.building if record else None

    def live_generations(self) -> Iterable[Generation]:
        """Return the generations that are live."""
        return self._live.generations.values()

    def all_generations(self) -> list[Generation]:
        """Return the generations that are live or being built."""
        building = (record.building for record in list(self._records.values()))
        return [*self._live.generations.values(), *filter(None, building)]

    def package_of(self, module_id: str) -> str | None:
        """Return the private package that a module's plain name leads to."""
        generation = self.find(module_id)
        return generation.package_name if generation else None

    def number_of(self, package: str) -> int:
        """Return the number of a private package's generation; 0 if it never went live."""
        number, live = number_in(package), self.find(module_id_in(package))
        went_live = live is not None and number.isdigit() and int(number) <= live.number
        return int(number) if went_live else 0

    def live_names(self) -> list[str]:
        """Return the name of each live service, and the id of each live module without one."""
        services = {key: one.spec.service for key, one in self._live.generations.items()}
        return [service.name if service else key for key, service in services.items()]

    def known_names(self) -> set[str]:
        """Return the names of all modules and services there are, live or not."""
        return {*self._on_disk(), *self._records.ids(), *self.live_names()}

    # -- what is said of them ---------------------------------------------------------------

    def explain(self, name: str) -> ModframeError:
        """Make the error for a name that leads to no service: not live and why, or unknown."""
        if self.stopped:
            return NotRunningError(
                f"modframe was stopped, and with it the run that {name!r} was looked up in",
                cure="start modframe and call get_service() again",
            )
        module_id = module_of_service(name)
        record = self._records.get(module_id)
        if record is None or (record.state == "DRAFT" and record.draft is None):
            return not_found_error(name, self.live_names())
        if record.state == "DRAFT":
            return ServiceUnavailableError(
                f"{module_id} is a draft and not live yet",
                cure="run its cells; the last one says what it waits for",
                module_id=module_id,
                state=record.state,
            )
        reason = f": {reason_of(record.error)}" if record.error else ""
        return ServiceUnavailableError(
            f"{module_id} is {record.state}{reason}",
            cure="" if record.error else f"load it with app.load({module_id!r})",
            module_id=module_id,
            state=record.state,
        )

    def absent(self, module_id: str) -> tuple[str, str] | None:
        """Return the state of a module that isn't live, and where it says why."""
        record = self._records.get(module_id)
        if record is None or (record.removed and not self.stopped):
            return None
        # The text of an exception is not for everyone who can send a request.
        why = "the log and the status page say why" if record.error is not None else ""
        return self._records.state(module_id), why

    def name_code(self, frame: FrameType) -> tuple[str, str, str] | None:
        """Return whose code runs in a frame or has called it, the place there, and what to do.

        A finalizer is its own module's fault, and not of the code that happens to collect garbage.
        """
        if (finalizer := find_finalizer(frame)) is not None:
            return finalizer.module_id, f"the finalizer {finalizer}", _LET_GO
        place = place_of(frame)
        if place is None:
            return None
        generation = self._of_package(place.package)
        content = generation.source.files.get(place.file) if generation is not None else None
        return place.module_id, place.text(content.cell if content else ""), _AWAIT

    def note_dead_thread(
        self, package: str, name: str, error: BaseException, *, mask: Callable[[str], str]
    ) -> None:
        """Keep, as an error of the generation of a private package, that a thread of it died.

        ``mask`` takes the secrets out of what it says.
        """
        generation = self._of_package(package)
        if generation is not None and generation.stage in ("building", "live"):
            death = as_death(generation.source, name, error, kind="thread")
            death.hide(mask)
            generation.note_death(death)

    def _of_package(self, package: str) -> Generation | None:
        return next((one for one in self.all_generations() if one.package_name == package), None)

    def progress(self) -> Iterator[Progress]:
        """Yield what keeps the app loop, and what changes do with each module; from any thread."""
        if (stall := self._stall()) is not None and stall.module_id:
            text = f"{stall.place}, which keeps the app loop from everything else; an interrupt"
            yield Progress(
                f"{text} ends the wait, a restart of the process what never ends", own=True
            )
        for record in list(self._records.values()):
            generation = record.building or self.find(record.module_id)
            if generation is not None and (text := generation.progress):
                yield Progress(text, own=generation.step is not None)
