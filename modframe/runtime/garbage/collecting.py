"""`collecting_rarely`: lets the garbage collector run less often while many modules start.

The engine calls it around a start. What a start makes stays alive, so that the collector, which by
default looks after every 700 new containers and again and again at all of them, finds nothing: for
1,000 modules that was a fifth of the start. Garbage of module bodies stays bounded all the same.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

RARELY = 100_000
"""How many new containers there may be until the collector looks at them: some 20 MB."""
_MANY = 20_000
"""From how many new containers on they count as old at once: some 150 modules."""
_OWN_FROZEN = 1_000
"""Python 3.12 freezes some 400 objects by itself."""
_lock = threading.Lock()
_starts = 0
_usual = gc.get_threshold()


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Raise the collector's first threshold in this block; it is one for the process.

    A collector that is switched off, or set by module code in the block, is left as it is.
    """
    global _starts, _usual
    with _lock:
        _starts += 1
        if 0 < gc.get_threshold()[0] < RARELY:
            _usual = gc.get_threshold()
            gc.set_threshold(RARELY, *_usual[1:])
    runs = gc.get_count()[1]
    try:
        yield
    finally:
        with _lock:
            _starts -= 1  # the last of several starts sets it back
            if not _starts and gc.get_threshold() == (RARELY, *_usual[1:]):
                gc.set_threshold(*_usual)
                many = gc.get_count()[0] > _MANY or gc.get_count()[1] > runs
                if many and gc.get_freeze_count() < _OWN_FROZEN:  # else somebody wants them frozen
                    # Makes all containers old without looking at them. Else the collector would do
                    # that soon, such as in the middle of the first request.
                    gc.freeze()
                    gc.unfreeze()
