"""`Entries`: an accordion of forms, one for each method or route, which follows the snapshot.

An entry is kept while the facts it was built from stay the same, so that what a person typed and
the result below survive every refresh, and every swap that doesn't change them. A form is made
when its entry is first opened.
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
        key: Identifies it among the others.
        title: Its line.
        about: What the method or route does.
        fields: The inputs of its form.
    """

    key: tuple[str, ...]
    title: str
    about: str
    fields: tuple[Field, ...]

    @property
    def facts(self) -> tuple[Any, ...]:
        """The facts its form is built from."""
        return self.about, self.fields


@dataclass(slots=True)
class _Built:
    facts: Any
    box: w.VBox = field(default_factory=w.VBox)
    form: Form | None = None


class Entries:
    """The entries of one tab.

    Args:
        build: Makes the form of an entry.
        empty: The sentence shown if there are none.
    """

    def __init__(self, build: Callable[[Entry], Form], *, empty: str) -> None:
        self._build = build
        self._built: dict[tuple[str, ...], _Built] = {}
        self._entries: tuple[Entry, ...] = ()
        self._accordion = w.Accordion()
        self._empty = html(nothing(empty))
        self._accordion.observe(lambda _: self._fill_opened(), "selected_index")
        self.widget = w.VBox([self._empty])

    def __len__(self) -> int:
        return len(self._entries)

    def form(self, *key: str) -> Form:
        """Return the form of an entry; it is made if the entry wasn't opened yet."""
        return self._fill(next(entry for entry in self._entries if entry.key == key))

    def update(self, entries: Sequence[Entry]) -> None:
        """Show these entries; change only widgets whose facts differ."""
        first = not self._entries
        open_key = self._open_key()
        facts = {entry.key: entry.facts for entry in entries}
        outdated = [
            self._built.pop(key)
            for key, built in list(self._built.items())
            if built.facts != facts.get(key)
        ]
        self._entries = tuple(entries)
        for key, entry_facts in facts.items():
            self._built.setdefault(key, _Built(entry_facts))
        keys = list(facts)
        children = tuple(self._built[key].box for key in keys)
        titles = [entry.title for entry in self._entries]
        if children != self._accordion.children:
            self._accordion.selected_index = None
            self._accordion.children = children
            self._accordion.titles = titles
            opened = 0 if first and keys else None
            self._accordion.selected_index = keys.index(open_key) if open_key in keys else opened
        self._accordion.titles = titles
        shown = (self._accordion,) if keys else (self._empty,)
        if self.widget.children != shown:
            self.widget.children = shown
        for built in outdated:
            close_tree(built.box)

    def _open_key(self) -> tuple[str, ...] | None:
        index = self._accordion.selected_index
        return None if index is None else self._entries[index].key

    def _fill_opened(self) -> None:
        index = self._accordion.selected_index
        if index is not None and index < len(self._entries):
            self._fill(self._entries[index])

    def _fill(self, entry: Entry) -> Form:
        built = self._built[entry.key]
        if built.form is None:
            built.form = self._build(entry)
            built.box.children = (built.form.widget,)
        return built.form

    def close(self) -> None:
        """Close its widgets, also those that aren't shown."""
        for widget in (self.widget, self._accordion, self._empty):
            close_tree(widget)
