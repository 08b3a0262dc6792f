"""Two sessions write parents and children at random; a model says what must be there."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, ForeignKey, Integer, delete, insert, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import DatabaseConflictError
from tests.parts.database.support import fresh_base

KEYS = st.integers(1, 3)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),  # whose session
        st.sampled_from(
            (
                "add parent",
                "add child",
                "add child in text",
                "move child",
                "move children",
                "delete parent",
                "delete parents",
                "delete child",
                "commit",
                "rollback",
            )
        ),
        KEYS,
        KEYS,
    ),
    min_size=2,
    max_size=12,
)


def models() -> SimpleNamespace:
    """Parents; children of them; pets, which go with their child."""
    base = fresh_base("pairs")

    class Parent(base):  # type: ignore[misc, valid-type]  # made at run time
        __tablename__ = "parents"
        id = Column(Integer, primary_key=True, autoincrement=False)

    class Child(base):  # type: ignore[misc, valid-type]
        __tablename__ = "children"
        id = Column(Integer, primary_key=True, autoincrement=False)
        parent_id: Any = Column(ForeignKey("parents.id"))

    class Pet(base):  # type: ignore[misc, valid-type]
        __tablename__ = "pets"
        id = Column(Integer, primary_key=True)
        child_id: Any = Column(ForeignKey("children.id", ondelete="CASCADE"))

    return SimpleNamespace(base=base, Parent=Parent, Child=Child, Pet=Pet)


class View:
    """What one session must see: parents, and children with their parents, after ``commits``."""

    def __init__(self, parents: set[int], children: dict[int, int], commits: int) -> None:
        self.parents, self.children, self.commits = set(parents), dict(children), commits

    @property
    def whole(self) -> bool:
        """Whether each child's parent is there."""
        return set(self.children.values()) <= self.parents


async def step(m: Any, session: AsyncSession, view: View, kind: str, own: int, other: int) -> None:
    """Do one step in a session and in its view; raise as the session does."""
    if kind == "add parent":
        session.add(m.Parent(id=own))
        await session.flush()
        view.parents.add(own)
    elif kind == "add child":
        session.add(m.Child(id=own, parent_id=other))
        await session.flush()
        await session.execute(insert(m.Pet).values(child_id=own))
        view.children[own] = other
    elif kind == "add child in text":
        values = {"own": own, "other": other}
        await session.execute(text("INSERT INTO children VALUES (:own, :other)"), values)
        view.children[own] = other
    elif kind == "move child":
        child = await session.get(m.Child, own, populate_existing=True)
        if child is not None:
            child.parent_id = other
            await session.flush()
            view.children[own] = other
    elif kind == "move children":
        await session.execute(update(m.Child).values(parent_id=other))
        view.children = dict.fromkeys(view.children, other)
    elif kind == "delete parent":
        parent = await session.get(m.Parent, own, populate_existing=True)
        if parent is not None:
            await session.delete(parent)
            await session.flush()
            view.parents.discard(own)
    elif kind == "delete parents":
        await session.execute(delete(m.Parent).where(m.Parent.id >= own))
        view.parents = {parent for parent in view.parents if parent < own}
    else:
        await session.execute(delete(m.Child).where(m.Child.id == own))
        view.children.pop(own, None)


async def check_steps(steps: list[tuple[int, str, int, int]]) -> None:
    """Let two sessions do the steps; assert after each end of one that every child has a parent."""
    m = models()
    parents, children = {1, 2, 3}, {1: 1}
    commits = 0
    async with Databases(None) as databases, contextlib.AsyncExitStack() as stack:
        await databases.apply("pairs", m.base.metadata)
        async with databases.session("pairs", "begin", strict=True) as session:
            await session.execute(insert(m.Parent), [{"id": parent} for parent in parents])
            await session.execute(insert(m.Child).values(id=1, parent_id=1))
            await session.commit()
        sessions = [
            await stack.enter_async_context(databases.session("pairs", f"session {who}"))
            for who in (0, 1)
        ]
        views: list[View | None] = [None, None]
        for who, kind, own, other in [*steps, (0, "commit", 1, 1), (1, "commit", 1, 1)]:
            session, view = sessions[who], views[who]
            if view is None:
                await session.execute(text("SELECT count(*) FROM parents"))
                view = views[who] = View(parents, children, commits)
            expected = None
            try:
                if kind == "commit":
                    await session.commit()
                    assert view.whole
                    if view.commits == commits:  # no other session was between
                        expected = (view.parents, view.children)
                    commits += 1
                elif kind != "rollback":
                    await step(m, session, view, kind, own, other)
                    continue
            except IntegrityError as error:
                if "isn't there" in str(error):
                    assert not view.whole or kind != "commit"
            except (DatabaseConflictError, DBAPIError):
                other_one = views[1 - who] is not None or view.commits < commits
                assert other_one  # was first
            await session.rollback()
            session.expunge_all()
            views[who] = None
            rows = await databases.sql("SELECT id FROM pairs.parents")
            parents = {parent for (parent,) in rows.rows}
            rows = await databases.sql("SELECT id, parent_id FROM pairs.children")
            children = dict(rows.rows)
            assert set(children.values()) <= parents
            assert expected in (None, (parents, children))
        rows = await databases.sql(
            "SELECT count(*) FROM pairs.pets WHERE child_id NOT IN (SELECT id FROM pairs.children)"
        )
        assert rows.rows == [(0,)]


@pytest.mark.parametrize("tries", [5, pytest.param(100, marks=pytest.mark.soak)])
def test_committed_rows_have_their_parents(tries: int) -> None:
    """Whatever two sessions do side by side: no child without parent is ever committed."""

    @settings(max_examples=tries, deadline=None)
    @given(steps=STEPS)
    @example(steps=[(1, "delete parent", 2, 1), (0, "add child", 2, 2)])
    @example(steps=[(1, "add child in text", 2, 2), (0, "delete parents", 2, 2)])
    @example(steps=[(0, "move children", 1, 3), (1, "delete parents", 3, 1), (1, "commit", 1, 1)])
    def check(steps: list[tuple[int, str, int, int]]) -> None:
        asyncio.run(check_steps(steps))

    check()
