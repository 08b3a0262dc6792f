"""The texts of a burst → one transaction; where that fails, what is sound and unrelated goes live.

Called by `Watching`, on the app loop. A text that fails keeps its module as it was. So are the
modules of the burst that have to do with it: they were saved together, and may need each other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ..errors import BlockedError, ModframeError, NotRunningError
from ..runtime.change.graph import reach
from ..runtime.change.outcome import Outcome
from ..runtime.change.swap import Swap
from ..source import Source
from .scan import mentions

Change = Callable[..., Awaitable[list[Outcome]]]


@dataclass(slots=True)
class Carried:
    """What became of a burst.

    Attributes:
        outcomes: Of the modules that are live now, those rebuilt with them included.
        failed: Module id → why its text isn't live. ``held``: those that wait for one of them.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    failed: dict[str, BaseException] = field(default_factory=dict)
    held: dict[str, BaseException] = field(default_factory=dict)


async def carry(
    swap: Swap, sources: Mapping[str, Source], *, change: Change, anew: bool
) -> Carried:
    """Make texts live: all of them, or, without those that fail and what is related, the rest.

    Args:
        swap: What knows Live and the records.
        sources: Module id → text.
        change: Carries a transaction out: ``swap.change``, or what stands before it.
        anew: Whether a text that is live is built anew.
    """
    done = Carried()
    left = dict(sources)
    before = _numbers(swap, left)
    while left:
        try:
            done.outcomes += await change(list(left.values()), anew=anew)
            return done
        except NotRunningError:
            raise
        except ModframeError as error:
            failed = _failures(swap, left, error)
        # What failed to be activated is live all the same, and so is what went live with it.
        for key, number in _numbers(swap, left).items():
            if number > before[key]:
                done.outcomes.append(Outcome(key, "live", before[key], number))
                del left[key]
        if not left:
            done.failed |= failed
            return done
        related = _related(swap, left, failed)
        done.failed |= failed
        done.held |= {key: BlockedError(key, failed) for key in related - failed.keys()}
        for key in done.held:
            swap.records[key].error = done.held[key]
        without = {key: one for key, one in left.items() if key not in related | failed.keys()}
        if len(without) == len(left):
            # What failed is none of these, and nothing less can be tried.
            done.held |= {key: BlockedError(key, failed) for key in left}
            return done
        left = without
    return done


def _numbers(swap: Swap, module_ids: Iterable[str]) -> dict[str, int]:
    """The numbers of what is live, 0 where nothing is.

    `carry` itself holds no generation: its frame is in the traceback of what failed, which may be
    kept for long.
    """
    live = swap.live.generations
    return {key: live[key].number if key in live else 0 for key in module_ids}


def _failures(
    swap: Swap, sources: Mapping[str, Source], error: ModframeError
) -> dict[str, BaseException]:
    """The modules that failed by themselves, whether they were saved or hang on one that was."""
    found: dict[str, BaseException] = {
        key: record.error
        for key, record in swap.records.items()
        if record.error is not None
        and (key in sources or record.error is error)
        and not isinstance(record.error, BlockedError)
    }
    if not found:  # an error of no module's is everyone's
        found = dict.fromkeys(sources, error)
        for key in found:
            swap.records[key].error = error
    return found


def _related(swap: Swap, sources: Mapping[str, Source], failed: Iterable[str]) -> set[str]:
    """The modules of a burst that have to do with those, directly or not."""
    begin = set(failed)

    def joins(key: str, group: set[str]) -> bool:
        return any(_are_related(swap, sources, key, one) for one in group)

    return {*reach(begin, sources, joins), *(begin & sources.keys())}


def _are_related(swap: Swap, sources: Mapping[str, Source], one: str, other: str) -> bool:
    for key, needed in ((one, other), (other, one)):
        live = swap.live.generations.get(key)
        if live is not None and needed in live.spec.required_ids:
            return True
        if key in sources and mentions(sources[key], needed):
            return True
    return False
