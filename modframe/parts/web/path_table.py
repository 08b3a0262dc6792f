"""`PathTable`: which modules and mounted applications claim a path.

The engine makes one for Live and keeps it in step with what is published; a trial makes another one
over what would be live. The dispatcher asks it once for each request. A module keeps the prefixes
that it had, or that its newest text says, while it isn't live. Used on the app loop only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .paths import API_PREFIX, PART, prefix_of, prefixes_of

if TYPE_CHECKING:
    from ...runtime.generation import Generation
    from .problem import ASGIApp


_START = len(API_PREFIX)


class Claim(NamedTuple):
    """A prefix, and who answers below it.

    Attributes:
        prefix: Without a slash at its end; empty for the root.
        module_id: The module; empty if an application claims the prefix.
        app: That application, which gets the whole path, and answers its own errors.
    """

    prefix: str
    module_id: str = ""
    app: ASGIApp | None = None


class Mounting(Protocol):
    """Where mounted applications are said, from any thread: each change makes a new mapping."""

    @property
    def mounts(self) -> Mapping[str, ASGIApp]:
        """Path → the application that answers there, behind the modules of the same path."""


class _Nowhere:
    mounts: Mapping[str, ASGIApp] = MappingProxyType({})


@lru_cache(maxsize=256)
def ancestors(path: str) -> tuple[str, ...]:
    """Return what a path lies below, the root first, without the path itself.

    >>> ancestors("/api/users")
    ('', '/api')
    """
    parent, slash, _ = path.rpartition("/")
    return (*ancestors(parent), parent) if slash else ()


def prefixes_in(generation: Generation) -> tuple[str, ...]:
    """Return the prefixes of a generation's routes, built or loaded only; empty without routes."""
    if (web := generation.parts.get(PART)) is not None or not generation.loaded:
        prefixes: tuple[str, ...] = web.prefixes if web is not None else ()
        return prefixes
    spec = generation.spec
    return prefixes_of(generation.module_id, spec.paths) if spec.router is not None else ()


class PathTable:
    """Prefix → the claims of it: modules by id, then the mounted application.

    What a change of one module costs doesn't depend on how many others there are.

    Args:
        generations: What is live already.
    """

    def __init__(self, generations: Mapping[str, Generation] | None = None) -> None:
        self._mounting: Mounting = _Nowhere()
        self._mounts = self._mounting.mounts
        self._claims: dict[str, tuple[Claim, ...]] = {}
        self._alone: dict[str, Claim] = {}
        self._prefixes: dict[str, tuple[str, ...]] = {}
        self._below: Counter[str] = Counter()
        self._nested: set[str] = set()
        self._depths: Counter[int] = Counter()
        self._deepest = 0
        self.published(generations or (), (generations or {}).get)

    # -- what is known of modules ---------------------------------------------------------

    def published(
        self, module_ids: Iterable[str], find: Callable[[str], Generation | None]
    ) -> None:
        """Follow a change of these modules; one that isn't live any more keeps its prefixes."""
        for module_id in module_ids:
            if (generation := find(module_id)) is not None:
                self._put(module_id, prefixes_in(generation))

    def expect(self, generation: Generation) -> None:
        """Note where a module that isn't live yet will be, as far as its text could be read."""
        key = generation.module_id
        if not generation.loaded:
            if key not in self._prefixes:
                self._put(key, (prefix_of(key),))
        else:
            self._put(key, prefixes_in(generation))

    def forget(self, module_ids: Iterable[str]) -> None:
        """Take out modules that were removed and will not come back by themselves."""
        for module_id in module_ids:
            self._put(module_id, ())
            self._prefixes.pop(module_id, None)

    def over(self, generations: Mapping[str, Generation]) -> PathTable:
        """Return the table as it would be if these generations were live."""
        other = PathTable()
        other.follow(self._mounting)
        for claims in self._claims.values():
            stay = (one for one in claims if one.module_id and one.module_id not in generations)
            other._insert(stay)
        other._prefixes = {
            key: prefixes for key, prefixes in self._prefixes.items() if key not in generations
        }
        other.published(generations, generations.get)
        return other

    def prefixes(self, module_id: str) -> tuple[str, ...]:
        """Return the prefixes of a module, as they are or last were; empty if none are known."""
        return self._prefixes.get(module_id, ())

    def main_prefix(self, module_id: str) -> str:
        """Return the first prefix of a module; the default one if none is known."""
        return (self.prefixes(module_id) or (prefix_of(module_id),))[0]

    def _put(self, module_id: str, prefixes: tuple[str, ...]) -> None:
        before = self._prefixes.get(module_id, ())
        self._prefixes[module_id] = prefixes
        if before != prefixes:
            self._remove(Claim(prefix, module_id) for prefix in before)
            self._insert(Claim(prefix, module_id) for prefix in prefixes)

    # -- mounted applications -------------------------------------------------------------

    def follow(self, mounting: Mounting) -> None:
        """Let the applications that something mounts claim their paths, now and after changes."""
        self._mounting = mounting
        self._follow()

    def _follow(self) -> None:
        before, self._mounts = self._mounts, self._mounting.mounts
        self._remove(_mounted(before))
        self._insert(_mounted(self._mounts))

    # -- claims ---------------------------------------------------------------------------

    def only(self, path: str) -> Claim | None:
        """Return who claims a path, where it is plain to see that nobody else can; else ``None``.

        This is the way of nearly every request: no claimed prefix lies below another one.
        """
        if self._nested or self._mounting.mounts is not self._mounts:
            return None
        alone = self._alone
        if path.startswith(API_PREFIX):
            end = path.find("/", _START)
            if (claim := alone.get(path if end < 0 else path[:end])) is not None:
                return claim
        end = 0
        for _ in range(self._deepest):
            end = path.find("/", end + 1)
            if (claim := alone.get(path if end < 0 else path[:end])) is not None:
                return claim
            if end < 0:
                break
        return None

    def at(self, path: str) -> tuple[Claim, ...]:
        """Return who claims a path: the longest prefix first, modules by id, then a mount."""
        if self._mounting.mounts is not self._mounts:
            self._follow()
        claims = self._claims
        found = claims.get("", ())
        end = 0
        for _ in range(self._deepest):
            end = path.find("/", end + 1)
            here = claims.get(path if end < 0 else path[:end])
            if here is not None:
                found = (*here, *found) if found else here
            if end < 0:
                break
        return found

    def has_below(self, prefix: str) -> bool:
        """Return whether anyone claims a prefix that lies below this one."""
        return bool(self._below[prefix])

    def _insert(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self._set(claim.prefix, (*self._claims.get(claim.prefix, ()), claim), 1)

    def _remove(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            rest = (one for one in self._claims[claim.prefix] if one != claim)
            self._set(claim.prefix, tuple(rest), -1)

    def _set(self, prefix: str, claims: tuple[Claim, ...], number: int) -> None:
        """Put the claims of one prefix in place, which are ``number`` more than before."""
        self._claims[prefix] = claims if len(claims) == 1 else tuple(sorted(claims, key=_rank))
        self._alone.pop(prefix, None)
        if len(claims) == 1:
            self._alone[prefix] = claims[0]
        elif not claims:
            del self._claims[prefix]
        above = ancestors(prefix)
        for one in above:
            self._below[one] += number
        for one in (*above, prefix):
            nested = one in self._claims and self._below[one]
            (self._nested.add if nested else self._nested.discard)(one)
        depth = prefix.count("/")
        self._depths[depth] += number
        if number > 0:
            self._deepest = max(self._deepest, depth)
        elif depth == self._deepest and not self._depths[depth]:
            self._deepest = max((one for one, many in self._depths.items() if many), default=0)

    def __repr__(self) -> str:
        return f"<PathTable: {len(self._prefixes)} modules at {len(self._claims)} prefixes>"


def _mounted(mounts: Mapping[str, ASGIApp]) -> list[Claim]:
    return [Claim(path.rstrip("/"), app=app) for path, app in mounts.items()]


def _rank(claim: Claim) -> tuple[bool, str]:
    return claim.app is not None, claim.module_id
