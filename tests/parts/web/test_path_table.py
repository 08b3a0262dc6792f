"""The table of who claims a path, on its own."""

from __future__ import annotations

from types import MappingProxyType, SimpleNamespace
from typing import Any

from modframe.parts.web.path_table import Claim, PathTable
from modframe.runtime.generation import Generation
from modframe.source import Source


def generation(name: str, *prefixes: str) -> Generation:
    """A generation that was built, with routes at some prefixes."""
    made = Generation(Source(name, {}, "mapping"), 1)
    made.parts["web"] = SimpleNamespace(prefixes=prefixes) if prefixes else None
    return made


def table_of(**prefixes: tuple[str, ...]) -> PathTable:
    return PathTable({name: generation(name, *each) for name, each in prefixes.items()})


def who(table: PathTable, path: str) -> list[str]:
    return [claim.module_id for claim in table.at(path)]


def test_the_longest_prefix_comes_first() -> None:
    """Prefixes end at slashes; modules of one prefix stand in the order of their ids."""
    table = table_of(root=("",), b=("/api", "/x"), a=("/api",), deep=("/api/users/all",))
    assert who(table, "/api/users/all/7") == ["deep", "a", "b", "root"]
    assert who(table, "/api/users/al") == ["a", "b", "root"]
    assert who(table, "/apis") == who(table, "/") == ["root"]
    assert table.at("/x/y")[0] == Claim("/x", "b")
    assert (table.has_below("/api"), table.has_below("/x")) == (True, False)


def test_a_path_that_only_one_can_have() -> None:
    """It is found at once until prefixes are nested, and again once they are not."""
    table = table_of(a=("/api/v1/a",), b=("/b/c",))
    assert table.only("/api/v1/a/7/x") == Claim("/api/v1/a", "a")
    assert table.only("/b/c") == Claim("/b/c", "b")
    assert [table.only(path) for path in ("/", "/b", "/api/v1/ab", "/c/c")] == [None] * 4
    table.published(["c"], {"c": generation("c", "")}.get)
    assert table.only("/b/c") is None
    assert who(table, "/b/c") == ["b", "c"]
    table.forget(["c"])
    assert table.only("/b/c") == Claim("/b/c", "b")
    assert (table.at("/"), table.prefixes("c")) == ((), ())


def test_what_leaves_keeps_its_place_and_what_moves_does_not() -> None:
    """A module that isn't live any more stays in the table; a moved one is at its new prefix."""
    table = table_of(a=("/a",), b=("/b",))
    table.published(["a"], {}.get)
    assert who(table, "/a") == ["a"]
    table.published(["b"], {"b": generation("b", "/c")}.get)
    assert (who(table, "/b"), who(table, "/c")) == ([], ["b"])
    other = table.over({"a": generation("a", "/d")})
    assert (who(other, "/a"), who(other, "/d"), who(other, "/c")) == ([], ["a"], ["b"])
    assert who(table, "/a") == ["a"]
    assert repr(other) == "<PathTable: 2 modules at 2 prefixes>"


def test_mounts_follow_a_mapping() -> None:
    """A new mapping counts from the next look on, behind the modules of the same path."""

    async def app(*_: Any) -> None: ...

    said: Any = SimpleNamespace(mounts=MappingProxyType({"/": app}))
    table = table_of(a=("",), b=("/b",))
    table.follow(said)
    assert table.at("/x") == (Claim("", "a"), Claim("", app=app))
    said.mounts = MappingProxyType({"/b": app})
    assert table.only("/b") is None
    assert table.at("/b/x") == (Claim("/b", "b"), Claim("/b", app=app), Claim("", "a"))
    said.mounts = MappingProxyType({})
    assert who(table, "/b") == ["b", "a"]
