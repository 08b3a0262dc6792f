"""`PoolTasks`: runs functions of one generation of a module in its threads and processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from ...runtime.generation import Generation
    from .part import PoolsPart

T = TypeVar("T")
P = ParamSpec("P")


class PoolTasks:
    """Runs functions of a module beside the app loop."""

    def __init__(self, generation: Generation, pools: PoolsPart) -> None:
        self._generation = generation
        self._pools = pools

    async def thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in a thread and return its result; for calls that wait.

        The threads belong to the generation. A thread can't be ended: if this call is cancelled,
        its function goes on, and is named if it still runs when the generation has ended.

        Raises:
            BaseException: What the function raises.
        """
        pools = self._pools.of_generation(self._generation)
        return cast("T", await pools.thread(function, args, kwargs))

    async def process(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in a child process and return its result; for long computations.

        The process imports the file that defines the function, of this generation's text, and
        nothing else is started there: it has no services, settings or databases. It stays for the
        next call, and ends with the generation. If this call is cancelled, the process is killed.

        Args:
            function: A function written at the top of a file, or of a library.
            args: Its arguments, and those by name. They and the result must be picklable.

        Raises:
            ProcessError: If it can't be run there, or the process ended before it returned.
            BaseException: What the function raises; the traceback of the process is its cause.
        """
        pools = self._pools.of_generation(self._generation)
        return cast("T", await pools.process(function, args, kwargs))

    def __repr__(self) -> str:
        return f"<tasks of {self._generation.module_id}>"
