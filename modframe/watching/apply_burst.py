"""`apply_burst`: the texts of one burst of saves become one transaction.

In go the texts, out comes a `BurstResult`. `Watching` calls it on the app loop. A module whose text
fails stays as it was. So do the modules of the burst that are related to it: they were saved
together and may need each other. The rest of the burst goes live.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import BlockedError, ModframeError, NotRunningError
from ..runtime.change.outcome import Outcome
from ..runtime.change.swap import Swap
from ..runtime.live import reach
from ..source import Source
from .scan import mentions

Change = Callable[..., Awaitable[list[Outcome]]]


@dataclass(slots=True)
class BurstResult:
    """What a burst changed.

    Attributes:
        outcomes: Of the modules that are live now, those rebuilt with them included.
        failed: Module id → why its text isn't live.
        held: Module id → the error of a module that waits for one that failed.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    failed: dict[str, BaseException] = field(default_factory=dict)
    held: dict[str, BaseException] = field(default_factory=dict)


async def apply_burst(
    swap: Swap, sources: Mapping[str, Source], *, change: Change, anew: bool
) -> BurstResult:
    """Make texts live: all of them, or all but those that fail and the modules related to them.

    ``change`` runs a transaction; with ``anew`` it also builds texts again that are live already.
    """
    result = BurstResult()
    remaining = dict(sources)
    before = _live_numbers(swap, remaining)
    while remaining:
        try:
            result.outcomes += await change(list(remaining.values()), anew=anew)
            return result
        except NotRunningError:
            raise
        except ModframeError as error:
            failed = _failures(swap, remaining, error)
        # A module whose activation failed is live, and so are the modules published with it.
        for key, number in _live_numbers(swap, remaining).items():
            if number > before[key]:
                result.outcomes.append(Outcome(key, "live", before[key], number))
                del remaining[key]
        if not remaining:
            result.failed |= failed
            return result
        related = _related(swap, remaining, failed)
        result.failed |= failed
        result.held |= {key: BlockedError(key, failed) for key in related - failed.keys()}
        for key, blocked in result.held.items():
            swap.records[key].error = blocked
        rest = {
            key: source for key, source in remaining.items() if key not in related | failed.keys()
        }
        if len(rest) == len(remaining):
            # No module of the burst failed or is related to one that did: no part can be tried.
            result.held |= {key: BlockedError(key, failed) for key in remaining}
            return result
        remaining = rest
    return result


def _live_numbers(swap: Swap, module_ids: Iterable[str]) -> dict[str, int]:
    """Return module id → number of its live generation, 0 without one.

    `apply_burst` holds no generation itself: its frame stays in the traceback of a failure, which
    may be kept for long.
    """
    live = swap.live.generations
    return {key: live[key].number if key in live else 0 for key in module_ids}


def _failures(
    swap: Swap, sources: Mapping[str, Source], error: ModframeError
) -> dict[str, BaseException]:
    """Return the modules that failed by themselves: saved ones, and dependents of saved ones."""
    failed: dict[str, BaseException] = {
        key: record.error
        for key, record in swap.records.items()
        if record.error is not None
        and (key in sources or record.error is error)
        and not isinstance(record.error, BlockedError)
    }
    if not failed:  # the error belongs to no single module, so every module of the burst has it
        failed = dict.fromkeys(sources, error)
        for key in failed:
            swap.records[key].error = error
    return failed


def _related(swap: Swap, sources: Mapping[str, Source], failed: Iterable[str]) -> set[str]:
    """Return the modules of a burst that failed or are related to one that did."""
    begin = set(failed)

    def related_to(key: str) -> list[str]:
        return [other for other in sources if _are_related(swap, sources, key, other)]

    return {*reach(begin, related_to), *(begin & sources.keys())}


def _are_related(swap: Swap, sources: Mapping[str, Source], first: str, second: str) -> bool:
    """Return whether one of two modules requires the other, or names it in its text."""
    for key, needed in ((first, second), (second, first)):
        live = swap.live.generations.get(key)
        if live is not None and needed in live.spec.required_ids:
            return True
        if key in sources and mentions(sources[key], needed):
            return True
    return False
