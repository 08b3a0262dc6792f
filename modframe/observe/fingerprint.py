"""`Fingerprint`: what one fault has in common each time that it happens.

In go facts of a failure, out comes a short text that groups failures: in `errors.jsonl`, for the
limit on how many of one kind are written, and for people. `facts.py` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a fault is known by. Neither its text nor its line count, nor does the generation.

    Attributes:
        module_id: The module that failed.
        code: The code of a `Result`, an `error_message` or a finding; empty without one.
        type: The exception's type; ``"NoneType"`` without an exception.
        where: The file and the function: ``"api.py:Orders.total"``.

    >>> str(Fingerprint("standard.orders", "", "KeyError", "api.py:Orders.total"))
    'bfe141d178e7'
    """

    module_id: str
    code: str
    type: str
    where: str

    def __str__(self) -> str:
        parts = (self.module_id, self.code, self.type, self.where)
        return blake2b("\0".join(parts).encode(errors="replace"), digest_size=6).hexdigest()
