"""The requests of a real application on each engine, as ratios to plain FastAPI on SQLite.

Run `python benchmarks/database_mix.py`; nothing imports it. The application is cut from RealWorld's
Conduit: one request in five creates an article, four read a list of twenty with tags and authors.
All applications have the same models and routes, and run interleaved in one process, called as a
server calls them. PostgreSQL is the server of ``MODFRAME_TEST_POSTGRES_URL``, else the one that the
tests start.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from fastapi import FastAPI
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

import modframe

USERS, TAGS, ARTICLES = 20, 30, 500

MODELS = """
from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text
from sqlalchemy.orm import relationship

article_tags = Table(
    "article_tags",
    Base.metadata,
    Column("article_id", ForeignKey("articles.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String(40), nullable=False, unique=True)
    bio = Column(Text, nullable=False, default="")


class Tag(Base):
    __tablename__ = "tags"
    id = Column(Integer, primary_key=True)
    name = Column(String(40), nullable=False, unique=True)


class Article(Base):
    __tablename__ = "articles"
    id = Column(Integer, primary_key=True)
    slug = Column(String(80), nullable=False, unique=True)
    title = Column(String(80), nullable=False)
    body = Column(Text, nullable=False)
    author_id = Column(ForeignKey("users.id"), nullable=False, index=True)
    author = relationship(User)
    tags = relationship(Tag, secondary=article_tags)
"""

ROUTES = """
from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

router = APIRouter()


class NewArticle(BaseModel):
    slug: str
    title: str
    body: str
    author: str
    tags: list[str] = []


class ArticleOut(NewArticle):
    id: int


def shown(article):
    return ArticleOut(
        id=article.id, slug=article.slug, title=article.title, body=article.body,
        author=article.author.name, tags=[tag.name for tag in article.tags],
    )


@router.get("/articles")
async def articles(offset: int = 0) -> list[ArticleOut]:
    query = (
        select(Article).options(joinedload(Article.author), selectinload(Article.tags))
        .order_by(Article.id.desc()).offset(offset).limit(20)
    )
    async with open_session() as session:
        return [shown(article) for article in await session.scalars(query)]


@router.post("/articles", status_code=201)
async def create(new: NewArticle) -> ArticleOut:
    async with open_session() as session:
        author = await session.scalar(select(User).where(User.name == new.author))
        tags = await session.scalars(select(Tag).where(Tag.name.in_(new.tags)))
        article = Article(
            slug=new.slug, title=new.title, body=new.body, author=author, tags=list(tags)
        )
        session.add(article)
        await session.commit()
        return shown(article)


async def fill(users, tags, articles):
    async with open_session() as session:
        people = [User(name=f"user{n}") for n in range(users)]
        labels = [Tag(name=f"tag{n}") for n in range(tags)]
        session.add_all([*people, *labels])
        session.add_all(
            Article(
                slug=f"article-{n}", title=f"Article {n}", body="x" * 400,
                author=people[n % users], tags=[labels[n % tags], labels[(n * 7 + 1) % tags]],
            )
            for n in range(articles)
        )
        await session.commit()
"""

MODULE = """
from modframe import app_context
from modframe.database import get_database_base
from modframe.decorators import module

DATABASE_NAME = "{name}"
DATABASE_ENGINE = "{engine}"
Base = get_database_base(DATABASE_NAME)


def open_session():
    return app_context.database.integrity_session(DATABASE_NAME, "the benchmark")

{models}
{routes}

@module
class Conduit:
    async def fill(self, users, tags, articles):
        await fill(users, tags, articles)
"""


def plain_app(folder: Path) -> tuple[FastAPI, ModuleType, Any]:
    """The same models and routes on FastAPI, SQLAlchemy and aiosqlite alone."""
    from sqlalchemy.orm import declarative_base

    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'plain.sqlite'}")

    @event.listens_for(engine.sync_engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for setting in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    def open_session() -> AbstractAsyncContextManager[AsyncSession]:
        return AsyncSession(engine, expire_on_commit=False)

    code = ModuleType("plain_conduit")
    vars(code).update(Base=declarative_base(), open_session=open_session)
    exec(MODELS + ROUTES, vars(code))  # this file's own text
    app = FastAPI()
    app.include_router(code.router, prefix="/api/v1/plain")
    return app, code, engine


def scope_for(method: str, path: str, query: str = "") -> dict[str, Any]:
    """A request as a client would make it."""
    headers = [(b"host", b"127.0.0.1:8000"), (b"accept", b"*/*")]
    headers += [(b"content-type", b"application/json")] * (method == "POST")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }


async def call(app: Any, scope: dict[str, Any], body: bytes = b"") -> None:
    """Make one request; its answer has to be a good one."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if sent[0]["status"] not in {200, 201}:
        raise SystemExit(f"{scope['path']}: {sent[0]['status']} {sent[1].get('body', b'')[:300]}")


class Mix:
    """One application under the mix of requests; times are in ms."""

    def __init__(self, app: Any, prefix: str) -> None:
        self._app = app
        self._path = f"/api/v1/{prefix}/articles"
        self._made = 0

    async def read(self) -> None:
        """Read a page of the list."""
        self._made += 1
        await call(self._app, scope_for("GET", self._path, f"offset={self._made * 20 % ARTICLES}"))

    async def create(self) -> None:
        """Create an article with two tags."""
        self._made += 1
        article = {
            "slug": f"new-{self._made}",
            "title": "New",
            "body": "y" * 400,
            "author": f"user{self._made % USERS}",
            "tags": [f"tag{self._made % TAGS}", f"tag{(self._made + 1) % TAGS}"],
        }
        await call(self._app, scope_for("POST", self._path), json.dumps(article).encode())

    async def run(self, requests: int) -> tuple[float, float, float]:
        """Return the ms of a read, of a create, and of a request of the mix."""
        spent = {self.read: 0.0, self.create: 0.0}
        for number in range(requests):
            step = self.create if number % 5 == 0 else self.read
            began = time.perf_counter()
            await step()
            spent[step] += time.perf_counter() - began
        creates = len(range(0, requests, 5))
        return (
            spent[self.read] / (requests - creates) * 1000,
            spent[self.create] / creates * 1000,
            sum(spent.values()) / requests * 1000,
        )


@asynccontextmanager
async def mixes(folder: Path) -> AsyncIterator[dict[str, Mix]]:
    """All applications, with the same rows."""
    engines = ["sqlite", "duckdb"]
    if "MODFRAME_DATABASE_URL_MIX_POSTGRESQL" in os.environ:
        engines.append("postgresql")
    for engine in engines:
        home = folder / "modules" / "standard" / f"mix_{engine}"
        home.mkdir(parents=True)
        text = MODULE.format(name=f"mix_{engine}", engine=engine, models=MODELS, routes=ROUTES)
        (home / "api.py").write_text(text, encoding="utf-8")
    app, plain, plain_engine = plain_app(folder)
    async with plain_engine.begin() as connection:
        await connection.run_sync(plain.Base.metadata.create_all)
    await plain.fill(USERS, TAGS, ARTICLES)
    hosted = modframe.create_app(workspace=folder, data=folder / "data", strict=True)
    async with lifespan(hosted):
        for engine in engines:
            service = modframe.app_context.get_service(f"mix_{engine}")
            await service.fill(USERS, TAGS, ARTICLES)
        yield {
            "plain FastAPI, SQLite": Mix(app, "plain"),
            **{f"modframe, {engine}": Mix(hosted, f"mix_{engine}") for engine in engines},
        }
    await plain_engine.dispose()


@contextmanager
def postgres_url(wanted: bool = True) -> Iterator[str]:
    """Yield the URL of a new database on a server; empty if there is no server."""
    sys.path.append(str(Path(__file__).parents[1]))
    from tests.postgres_server import VARIABLE, PostgresServer, programs, running_server

    with ExitStack() as stack:
        url = os.environ.get(VARIABLE, "")
        server = PostgresServer(url) if url else None
        if wanted and server is None and programs() is not None:
            server = stack.enter_context(running_server())
        if not wanted or server is None:
            yield ""
            return
        stack.callback(server.drop_databases)
        yield stack.enter_context(server.database())


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Run an application's lifespan around the block."""
    messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan"}, messages.get, answers.put))
    for step in ("startup", "shutdown"):
        await messages.put({"type": f"lifespan.{step}"})
        answer = await answers.get()
        if answer["type"] != f"lifespan.{step}.complete":
            raise SystemExit(answer.get("message", answer))
        if step == "startup":
            yield
    await task


async def compare(folder: Path, *, rounds: int, requests: int) -> None:
    """Print the table."""
    async with mixes(folder) as applications:
        figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in applications}
        for mix in applications.values():
            await mix.run(requests)
        gc.collect()
        gc.freeze()
        for number in range(rounds):
            order: Callable[[Any], Any] = list if number % 2 else reversed
            for name in order(list(applications)):
                figures[name].append(await applications[name].run(requests))
    base = next(iter(figures.values()))
    print(f"{'':<26}{'read ms':>9}{'create ms':>11}{'mix ms':>9}{'ratio of the mix':>18}")
    for name, rows in figures.items():
        read, create, mix = (statistics.median(column) for column in zip(*rows, strict=True))
        ratio = statistics.median(own[2] / plain[2] for own, plain in zip(rows, base, strict=True))
        print(f"{name:<26}{read:>9.2f}{create:>11.2f}{mix:>9.2f}{ratio:>18.2f}")


def main() -> None:
    """Measure in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--requests", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres_url() as url:
        if url:
            os.environ["MODFRAME_DATABASE_URL_MIX_POSTGRESQL"] = url
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        asyncio.run(compare(Path(folder), rounds=arguments.rounds, requests=arguments.requests))


if __name__ == "__main__":
    main()
