"""References where the engine doesn't check them: relationships, violations, deletes, races."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Integer,
    Table,
    bindparam,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload, selectinload

from modframe.parts.database.backend import ENGINES
from modframe.parts.database.databases import Databases
from modframe.parts.database.errors import DatabaseConflictError
from tests.parts.database.blog import blog
from tests.parts.database.support import fresh_base


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The engine without references of its own; a test can name others."""
    name: str = getattr(request, "param", "duckdb")
    return name


@pytest.fixture
async def models(databases: Databases) -> SimpleNamespace:
    """The blog, with its tables, article 1 and comment 7 on it."""
    models = blog()
    await databases.apply("blog", models.base.metadata)
    async with databases.session("blog", "begin", strict=True) as session:
        session.add(models.Article(id=1, title="one", comments=[models.Comment(id=7, text="yes")]))
        await session.commit()
    return models


async def rows(databases: Databases, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query, in a session of its own."""
    async with databases.session("blog", "look") as session:
        return [tuple(row) for row in await session.execute(text(query))]


async def count(databases: Databases, table: str) -> int:
    """How many rows a table has."""
    ((number,),) = await rows(databases, f"SELECT count(*) FROM {table}")
    return int(number)


async def test_no_foreign_key_is_made(databases: Databases, models: SimpleNamespace) -> None:
    """Neither for tables nor for columns; all other constraints are there."""
    kinds = await databases.sql("SELECT DISTINCT constraint_type FROM duckdb_constraints()")
    found = {kind for (kind,) in kinds.rows}
    assert "PRIMARY KEY" in found
    assert "FOREIGN KEY" not in found


EVERYWHERE = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@EVERYWHERE
async def test_relationships_load(databases: Databases, models: SimpleNamespace) -> None:
    """Eagerly by select and by join, over a table between, to the same table, by two columns."""
    m = models
    async with databases.session("blog", "fill", strict=True) as session:
        article = await session.get(m.Article, 1, options=[selectinload(m.Article.tags)])
        article.tags += [m.Tag(name="a"), m.Tag(name="b")]
        session.add(m.Comment(text="no", article_id=1, answers_id=7))
        session.add(m.Ticket(seat=m.Seat(row=3, place=4)))
        await session.commit()
    async with databases.session("blog", "read") as session:
        by_select = select(m.Article).options(
            selectinload(m.Article.comments), selectinload(m.Article.tags)
        )
        article = (await session.scalars(by_select)).one()
        assert [comment.text for comment in article.comments] == ["yes", "no"]
        assert {tag.name for tag in article.tags} == {"a", "b"}
        by_join = select(m.Comment).options(joinedload(m.Comment.answers)).order_by(m.Comment.id)
        comments = (await session.scalars(by_join)).all()
        assert {comment.answers and comment.answers.text for comment in comments} == {None, "yes"}
        ticket = (await session.scalars(select(m.Ticket).options(joinedload(m.Ticket.seat)))).one()
        assert (ticket.seat.row, ticket.seat.place) == (3, 4)


@EVERYWHERE
async def test_legal_changes_of_referenced_rows_work(
    databases: Databases, models: SimpleNamespace
) -> None:
    """A unique column of a parent, a value used again, child then parent in one transaction."""
    m = models
    async with databases.session("blog", "change", strict=True) as session:
        article = await session.get(m.Article, 1, options=[selectinload(m.Article.comments)])
        article.title = "uno"
        await session.flush()
        await session.delete(article)
        await session.flush()
        session.add(m.Article(id=1, title="uno"))
        await session.commit()
    assert (await count(databases, "articles"), await count(databases, "comments")) == (1, 0)


LOST: dict[str, Any] = {
    "flush": lambda m, s: s.add(m.Comment(id=8, article_id=3)),
    "self": lambda m, s: s.add(m.Comment(id=8, answers_id=30)),
    "two columns": lambda m, s: s.add(m.Ticket(id=8, row=1, place=2)),
    "core": lambda m, s: s.execute(insert(m.Comment).values(id=8, article_id=3)),
    "core many": lambda m, s: s.execute(
        insert(m.Comment), [{"id": 8, "article_id": 1}, {"id": 9, "article_id": 3}]
    ),
    "values": lambda m, s: s.execute(
        insert(m.Comment).values([{"id": 8, "article_id": 3}, {"id": 9, "article_id": 1}])
    ),
    "from select": lambda m, s: s.execute(
        insert(m.Comment).from_select(["id", "article_id"], select(m.Article.id + 7, 3))
    ),
    "between": lambda m, s: s.execute(insert(m.tagged).values(article_id=1, tag_id=5)),
    "update": lambda m, s: s.execute(update(m.Comment).values(article_id=3)),
    "update by expression": lambda m, s: s.execute(
        update(m.Comment).values(article_id=m.Comment.article_id + 2)
    ),
    "text": lambda m, s: s.execute(text("INSERT INTO comments (id, article_id) VALUES (8, 3)")),
    "text of all columns": lambda m, s: s.execute(
        text("INSERT INTO comments VALUES (8, 't', 3, NULL)")
    ),
    "text with a parameter": lambda m, s: s.execute(
        text("INSERT INTO comments (id, article_id) VALUES (8, :article_id + 2)"), {"article_id": 1}
    ),
    "quoted text": lambda m, s: s.execute(
        text('/* x */ update "main"."comments" set "article_id" = (select 3 where true) where true')
    ),
    "comment before": lambda m, s: s.execute(
        text("-- DELETE FROM tags\nDELETE FROM articles WHERE id = 1")
    ),
    "two statements": lambda m, s: s.execute(
        text("SELECT 1; INSERT INTO comments (id, article_id) VALUES (8, 3)")
    ),
    "with": lambda m, s: s.execute(
        text("WITH x AS (SELECT 3 AS i) INSERT INTO comments (id, article_id) SELECT 8, i FROM x")
    ),
    "upsert": lambda m, s: s.execute(
        text("INSERT INTO comments (id) VALUES (7) ON CONFLICT (id) DO UPDATE SET article_id = 3")
    ),
    "merge": lambda m, s: s.execute(
        text(
            "MERGE INTO comments USING (SELECT 7 AS id) AS n ON n.id = comments.id "
            "WHEN MATCHED THEN UPDATE SET article_id = 3"
        )
    ),
    "bulk delete": lambda m, s: s.execute(delete(m.Article)),
    "text delete": lambda m, s: s.execute(text("DELETE FROM articles WHERE id = 1")),
    "key changed": lambda m, s: s.execute(update(m.Article).values(id=m.Article.id + 4)),
    "bulk by key": lambda m, s: s.execute(
        update(m.Comment.__table__)
        .where(m.Comment.id == bindparam("which"))
        .values(article_id=bindparam("other")),
        [{"which": 7, "other": 3}],
    ),
}


ORM_AND_CORE = [
    "flush", "self", "two columns", "core", "core many", "from select", "between", "update",
    "bulk delete", "key changed", "bulk by key",
]  # fmt: skip


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("how", ORM_AND_CORE)
async def test_other_engines_raise_the_same_error(
    how: str, databases: Databases, models: SimpleNamespace
) -> None:
    """Theirs comes with the statement."""
    async with databases.session("blog", how) as session:
        with pytest.raises(IntegrityError):  # noqa: PT012  # the engine chooses when
            done = LOST[how](models, session)
            if done is not None:
                await done
            await session.commit()
        await session.rollback()
        session.add(models.Comment(id=20, article_id=1))
        await session.commit()
    found = await rows(databases, "SELECT id, article_id FROM comments ORDER BY id")
    assert found == [(7, 1), (20, 1)]


@pytest.mark.parametrize("how", LOST)
async def test_a_row_without_parent_is_an_integrity_error(
    how: str, databases: Databases, models: SimpleNamespace
) -> None:
    """It names both rows; nothing was written, and the session works on."""
    async with databases.session("blog", how) as session:
        done = LOST[how](models, session)
        if done is not None:
            await done
        with pytest.raises(IntegrityError, match=r"\w+\(.*\) refers to|refers to .*isn't there"):
            await session.commit()
        if how in ("flush", "self", "two columns"):
            await session.rollback()
        session.add(models.Comment(id=20, article_id=1))
        await session.commit()
    found = await rows(databases, "SELECT id, article_id FROM comments ORDER BY id")
    assert found == [(7, 1), (20, 1)]
    assert await count(databases, "articles") == 1


async def test_the_error_names_both_rows(databases: Databases, models: SimpleNamespace) -> None:
    """Table, key and column of the child; table and key of the parent."""
    async with databases.session("blog", "lost") as session:
        session.add(models.Comment(id=8, article_id=3))
        with pytest.raises(IntegrityError) as info:
            await session.flush()
    sentence = "comments(id=8).article_id refers to articles(id=3), which isn't there"
    assert sentence in str(info.value)
    async with databases.session("blog", "lost") as session:
        session.add(models.Ticket(id=8, row=1, place=2))
        with pytest.raises(IntegrityError) as info:
            await session.flush()
    sentence = "tickets(id=8).(row, place) refers to seats(row=1, place=2), which isn't there"
    assert sentence in str(info.value)


async def test_a_parent_deleted_by_the_orm_with_children_left(
    databases: Databases, models: SimpleNamespace
) -> None:
    """The flush finds the child."""
    async with databases.session("blog", "delete") as session:
        tag, article = models.Tag(id=2, name="t"), await session.get(models.Article, 1)
        session.add(tag)
        await session.flush()
        await session.execute(insert(models.tagged).values(article_id=1, tag_id=2))
        await session.execute(delete(models.Comment))
        await session.commit()
    async with databases.session("blog", "delete") as session:
        await session.execute(text("SELECT 1"))
        article = await session.get(models.Article, 1)
        session.expunge(article)
        statement = models.Article.__table__.delete().where(models.Article.id == 1)
        await session.execute(statement)
        with pytest.raises(IntegrityError, match=r"tagged\(article_id=1, tag_id=2\)\.article_id"):
            await session.commit()


async def test_the_order_inside_a_transaction_does_not_matter(
    databases: Databases, models: SimpleNamespace
) -> None:
    """For statements that aren't of a flush, the commit has to be right."""
    async with databases.session("blog", "order", strict=True) as session:
        await session.execute(text("INSERT INTO comments (id, article_id) VALUES (8, 2)"))
        await session.execute(text("INSERT INTO articles (id) VALUES (2)"))
        await session.commit()
        await session.execute(text("INSERT INTO comments (id, article_id) VALUES (9, 4)"))
        await session.execute(text("DELETE FROM comments WHERE id = 9"))
        await session.commit()
    assert await count(databases, "comments") == 2


async def test_a_commit_by_a_block_checks_too(
    databases: Databases, models: SimpleNamespace
) -> None:
    """``async with session.begin()`` raises at its end, rolled back."""
    async with databases.session("blog", "block") as session:
        with pytest.raises(IntegrityError):
            async with session.begin():
                await session.execute(text("INSERT INTO comments (id, article_id) VALUES (8, 2)"))
    assert await count(databases, "comments") == 1


SIDES = {
    "orm": (
        lambda m, s: s.add(m.Comment(article_id=1)),
        lambda m, s: s.execute(delete(m.Article).where(m.Article.id == 1)),
    ),
    "text": (
        lambda m, s: s.execute(text("INSERT INTO comments (article_id) VALUES (1)")),
        lambda m, s: s.execute(text("DELETE FROM articles")),
    ),
}


@pytest.mark.parametrize("how", SIDES)
@pytest.mark.parametrize("first", ["child", "parent"])
async def test_child_and_parent_side_by_side(
    how: str, first: str, databases: Databases, models: SimpleNamespace
) -> None:
    """Of two sessions that insert a child and delete its parent, the later commit is refused."""
    m = models
    async with databases.session("blog", "clear", strict=True) as session:
        await session.execute(delete(m.Comment))
        await session.commit()
    async with (
        databases.session("blog", "child") as child,
        databases.session("blog", "parent") as parent,
    ):
        await child.execute(text("SELECT 1"))
        await parent.execute(text("SELECT 1"))
        for session, change in zip((child, parent), SIDES[how], strict=True):
            done = change(m, session)
            if done is not None:
                await done
            await session.flush()
        one, two = (child, parent) if first == "child" else (parent, child)
        await one.commit()
        with pytest.raises(DatabaseConflictError, match=r"article_id -> articles\.id"):
            await two.commit()
        await two.commit()  # it was rolled back, so nothing is left
    left = await count(databases, "articles"), await count(databases, "comments")
    assert left == ((1, 1) if first == "child" else (0, 0))


async def test_children_of_one_parent_side_by_side(
    databases: Databases, models: SimpleNamespace
) -> None:
    """Two sessions may refer to one parent at the same time."""
    async with (
        databases.session("blog", "one", strict=True) as one,
        databases.session("blog", "two", strict=True) as two,
    ):
        for session in (one, two):
            session.add(models.Comment(article_id=1))
            await session.flush()
        await one.commit()
        await two.commit()
    assert await count(databases, "comments") == 3


async def test_a_reference_can_be_added_to_a_table(databases: Databases) -> None:
    """By a new column or on an old one; rows that break it are noted, and nothing is refused."""
    base = fresh_base("blog")
    Table("articles", base.metadata, Column("id", Integer, primary_key=True))
    Table(
        "comments",
        base.metadata,
        Column("id", Integer, primary_key=True),
        Column("article_id", Integer),
    )
    await databases.apply("blog", base.metadata)
    async with databases.session("blog", "before", strict=True) as session:
        await session.execute(text("INSERT INTO comments VALUES (1, NULL), (2, 9)"))
        await session.commit()
    models = blog()
    change = await databases.apply("blog", models.base.metadata)
    assert "comments.answers_id" in change.columns
    (note,) = change.notes
    assert note.startswith("comments(id=2).article_id refers to articles(id=9), which isn't there")
    again = await databases.apply("blog", models.base.metadata)
    assert not again.notes
