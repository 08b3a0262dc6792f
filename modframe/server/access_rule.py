"""`AccessRule`: what each path needs of whoever asks for it; the one rule of who sees what.

A `Site` makes it over its modules and pages; the guard asks it once for each request.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..parts.web.path_table import Claim, PathTable
from ..runtime.live import Live
from ..spec import module_id_of
from .guard import Need
from .pages import SystemPages

EVERY = "*"
"""In place of ids: all modules."""


class AccessRule:
    """The rule of one site.

    Args:
        live: The table of what runs. ``paths``: who claims which paths of it.
        pages: The pages of the system.
        public: Ids of modules whose routes need no token from elsewhere either; ``*`` is all.
    """

    def __init__(
        self, live: Live, paths: PathTable, pages: SystemPages, *, public: Iterable[str]
    ) -> None:
        self._live, self._paths, self._pages = live, paths, pages
        self._public: frozenset[str] = frozenset()
        self.let_everyone_use(public)

    def let_everyone_use(self, module_ids: Iterable[str]) -> None:
        """Set the modules whose routes need no token from elsewhere; ``*`` is all.

        Raises:
            InvalidModuleIdError: If one of them is no id.
        """
        self._public = frozenset(one if one == EVERY else module_id_of(one) for one in module_ids)

    def need_of(self, path: str) -> Need:
        """Return what a path needs; where several could answer, what the strictest of them does."""
        is_page = self._pages.has(path)
        if (alone := self._paths.only(path)) is not None and not is_page:
            return self._need_of_claim(alone)
        needs = [self._need_of_claim(one) for one in self._paths.at(path)]
        if not needs or is_page:
            needs.append(self._pages.need_of(path))
        return max(needs)

    def need_of_module(self, module_id: str) -> Need:
        """Return what the routes of a module need."""
        if module_id.startswith("core."):
            return Need.TOKEN
        generation = self._live.generations.get(module_id)
        public = self._public
        if EVERY in public or module_id in public or (generation and generation.spec.public):
            return Need.OPEN
        return Need.TOKEN_FROM_ELSEWHERE

    def _need_of_claim(self, claim: Claim) -> Need:
        return Need.OPEN if claim.app is not None else self.need_of_module(claim.module_id)

    def __repr__(self) -> str:
        return f"<AccessRule: {', '.join(sorted(self._public)) or 'no module'} said to be public>"
