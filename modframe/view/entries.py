"""`Entries`: an accordion of forms, one a method or a route, which follows the snapshot.

An entry lives as long as the facts it was built from: what a person typed into it, and the
outcome below, stay through every refresh and every swap that doesn't change them. Its form is
made when it is first opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import ipywidgets as w

from .fields import Field
from .forms import Form, close_tree, html
from .tables import nothing


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as the snapshot has it; it is built anew only if more than its title changes.

    Attributes:
        key: What tells it from the others; it stays open under this.
        title: Its line.
        about: What it does.
        fields: The inputs of its form.
    """

    key: tuple[str, ...]
    title: str
    about: str
    fields: tuple[Field, ...]

    @property
    def facts(self) -> tuple[Any, ...]:
        """What its form is built from."""
        return self.about, self.fields


@dataclass(slots=True)
class _Built:
    facts: Any
    box: w.VBox = field(default_factory=w.VBox)
    form: Form | None = None


class Entries:
    """The entries of one page.

    Args:
        build: Makes the form of an entry.
        empty: What to say if there are none.
    """

    def __init__(self, build: Callable[[Entry], Form], *, empty: str) -> None:
        self._build = build
        self._built: dict[tuple[str, ...], _Built] = {}
        self._entries: tuple[Entry, ...] = ()
        self._accordion = w.Accordion()
        self._empty = html(nothing(empty))
        self._accordion.observe(lambda _: self._fill(), "selected_index")
        self.widget = w.VBox([self._empty])

    def __len__(self) -> int:
        return len(self._entries)

    def form(self, *key: str) -> Form:
        """The form of an entry, made if it wasn't opened yet."""
        entry = next(one for one in self._entries if one.key == key)
        return self._filled(entry)

    def update(self, entries: Sequence[Entry]) -> None:
        """Show these; touch only what changed."""
        first = not self._entries
        open_key = self._open_key()
        gone = [
            self._built.pop(key)
            for key, built in list(self._built.items())
            if built.facts != next((one.facts for one in entries if one.key == key), None)
        ]
        self._entries = tuple(entries)
        for one in self._entries:
            self._built.setdefault(one.key, _Built(one.facts))
        children = tuple(self._built[one.key].box for one in self._entries)
        keys = [one.key for one in self._entries]
        if children != self._accordion.children:
            self._accordion.selected_index = None
            self._accordion.children = children
            self._accordion.titles = [one.title for one in self._entries]
            opened = 0 if first and keys else None
            self._accordion.selected_index = keys.index(open_key) if open_key in keys else opened
        self._accordion.titles = [one.title for one in self._entries]
        shown = (self._accordion,) if keys else (self._empty,)
        if self.widget.children != shown:
            self.widget.children = shown
        for built in gone:
            close_tree(built.box)

    def _open_key(self) -> tuple[str, ...] | None:
        index = self._accordion.selected_index
        return None if index is None else self._entries[index].key

    def _fill(self) -> None:
        index = self._accordion.selected_index
        if index is not None and index < len(self._entries):
            self._filled(self._entries[index])

    def _filled(self, entry: Entry) -> Form:
        built = self._built[entry.key]
        if built.form is None:
            built.form = self._build(entry)
            built.box.children = (built.form.widget,)
        return built.form

    def close(self) -> None:
        """Close its widgets, those too that aren't shown."""
        for one in (self.widget, self._accordion, self._empty):
            close_tree(one)
