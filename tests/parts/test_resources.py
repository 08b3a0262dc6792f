"""``app_context.resource``: one object for old and new, closed when the last generation goes."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from datetime import datetime
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError
from tests import inside

MODULE = dedent(
    """
    import asyncio
    import contextlib
    import functools
    import threading

    from core.app_context import app_context
    from core.logging import get_framework_logger
    from modframe.decorators import module
    from pydantic import BaseModel
    from things import Client, Slow, events

    SIZE = 3


    class Options(BaseModel):
        size: int = 1


    def make(*args, **kwargs):
        return Client("plain", *args, **kwargs)


    async def make_slow(*args):
        await asyncio.sleep(0)
        return Client("awaited", *args)


    @contextlib.contextmanager
    def managed():
        client = Client("managed")
        yield client
        client.close()


    @contextlib.asynccontextmanager
    async def managed_async():
        task = asyncio.current_task()
        client = Client("managed_async")
        yield client
        assert asyncio.current_task() is task
        client.close()

    {head}

    @module
    class Thing:
        async def initialize(self):
            {initialize}

        async def get(self):
            return self.it

        async def number(self) -> int:
            return {number}
    """
)


@pytest.fixture
def things(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A library that lives outside of modules, and notes what happens to its clients."""

    class Client:
        def __init__(self, *about: Any, **more: Any) -> None:
            self.about, self.more = about, more
            things.events.append(f"open {about[0]}")

        def close(self) -> None:
            things.events.append(f"close {self.about[0]}")

    class Slow(Client):
        async def aclose(self) -> None:
            raise OSError("the line is dead")

    things = SimpleNamespace(Client=Client, Slow=Slow, events=[])
    monkeypatch.setitem(sys.modules, "things", things)
    return things


def text(make: str, number: int = 1, *, head: str = "", then: str = "") -> dict[str, str]:
    body = dedent(f"self.it = {make}\n{dedent(then)}").strip().replace("\n", "\n        ")
    lines = MODULE.replace("{initialize}", body).replace("{number}", str(number))
    return {"api.py": lines.replace("{head}", dedent(head))}


def load(app: AppContext, make: str, number: int = 1, **more: Any) -> Any:
    """Load the module; the object that it got."""
    app.load(text(make, number, **more), id="thing")
    inside.settle(app)
    return app.get_service("thing").get().result()


KINDS = {
    "plain": "app_context.resource(make, 1, size=2)",
    "awaited": "await app_context.resource(make_slow, 'a')",
    "managed": "app_context.resource(managed)",
    "managed_async": "await app_context.resource(managed_async)",
}


@pytest.mark.parametrize("kind", KINDS)
def test_old_and_new_share_it_and_the_last_one_closes_it(
    kind: str, app: AppContext, things: Any
) -> None:
    """Made once however often the module is swapped; closed once, when it is unloaded."""
    first = load(app, KINDS[kind], 1)
    assert first.about[0] == kind
    for number in range(2, 5):
        assert load(app, KINDS[kind], number) is first
    assert things.events == [f"open {kind}"]
    view = app.snapshot().module("standard.thing")
    assert view is not None
    (row,) = view.parts["resources"]["shared"]
    assert (row["name"], row["users"]) == (
        kind.replace("plain", "make").replace("awaited", "make_slow"),
        (4,),
    )
    assert datetime.fromisoformat(row["since"]).tzinfo is not None
    app.modules["thing"].unload()
    assert things.events == [f"open {kind}", f"close {kind}"]
    assert app.modules["thing"].state == "STOPPED"


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("make, 1", "make, 2", False),
        ("make, [1, {'a': 2.0}]", "make, [1, {'a': 2.0}]", True),
        ("make, True", "make, 1", False),
        ("functools.partial(make, 1), 2", "functools.partial(make, 1), 2", True),
        ("functools.partial(make, 1), 2", "functools.partial(make, 2), 2", False),
        ("make, Options(size=2)", "make, Options(size=2)", True),
        ("make, Options(size=2)", "make, Options(size=3)", False),
        ("Client, 'x'", "Client, 'x'", True),
        ("Client, 'x'", "Slow, 'x'", False),
        ("make, Client", "make, Client", True),
        ("lambda: make(SIZE)", "lambda: make(SIZE)", True),
        ("lambda: make(SIZE)", "lambda: make(SIZE + 1)", False),
        ("lambda n=number: make(n)", "lambda n=number: make(n)", True),
        ("lambda n=number: make(n)", "lambda n=number + 1: make(n)", False),
        ("(lambda n: lambda: make(n))(1)", "(lambda n: lambda: make(n))(1)", True),
    ],
)
def test_what_tells_one_from_another(
    before: str, after: str, same: bool, app: AppContext, things: Any
) -> None:
    """The factory's text and what it is given; equal values are the same, whoever made them."""
    head = "number = 7"
    first = load(app, f"app_context.resource({before})", 1, head=head)
    second = load(app, f"app_context.resource({after})", 2, head=head)
    assert (first is second) is same
    if not same and type(first) is things.Client:
        assert [one for one in things.events if one.startswith("close")] == [
            f"close {first.about[0]}"
        ]


def test_a_changed_factory_makes_another(app: AppContext, things: Any) -> None:
    """A line of the factory's text is enough; the old one is closed with the old generation."""
    made = "app_context.resource(make)"
    first = load(app, made)
    changed = text(made)["api.py"].replace('Client("plain"', 'Client("other"')
    app.load({"api.py": changed}, id="thing")
    inside.settle(app)
    assert app.get_service("thing").get().result() is not first
    assert things.events == ["open plain", "open other", "close plain"]


def test_the_old_generation_dies_though_its_resource_lives(app: AppContext, things: Any) -> None:
    """Class, factory, instance and generation can't be reached through what is shared."""
    for kind in ("plain", "awaited"):
        load(app, KINDS[kind], 1)
        generation: Any = inside.generation(app, "thing")
        names = vars(generation.package.modules()["api.py"])
        kept = {key: weakref.ref(names[key]) for key in ("Thing", "make", "make_slow", "Options")}
        kept |= {"instance": weakref.ref(generation.module), "gen": weakref.ref(generation)}
        del generation, names
        load(app, KINDS[kind], 2)
        gc.collect()
        gc.collect()
        assert [name for name, one in kept.items() if one() is not None] == []


def test_a_failed_build_closes_what_it_made_alone(app: AppContext, things: Any) -> None:
    """What the live generation uses as well stays as it is."""
    load(app, "app_context.resource(make, 1)")
    failing = "app_context.resource(make, 2)\nraise ValueError('no')"
    both = f"app_context.resource(make, 1), {failing}"
    with pytest.raises(LoadError, match="ValueError: no"):
        app.load(text(both), id="thing")
    assert things.events == ["open plain", "open plain", "close plain"]
    app.modules["thing"].unload()
    assert things.events.count("close plain") == 2


@pytest.mark.parametrize("kind", ["", "async "])
def test_a_factory_that_raises_fails_the_module(kind: str, app: AppContext, things: Any) -> None:
    """It leaves nothing, and the next try makes it anew."""
    head = f"{kind}def bad():\n    raise OSError('no route')"
    wait = "await " if kind else ""
    for _ in range(2):
        with pytest.raises(LoadError, match="OSError: no route") as info:
            app.load(text(f"{wait}app_context.resource(bad)", head=head), id="thing")
        assert info.value.step == "phase2"
    assert inside.resources(app) == 0


def test_two_who_ask_at_the_same_time_get_the_same(app: AppContext, things: Any) -> None:
    """One build, for tasks on the loop and for worker threads."""
    two = """
        asked = [app_context.resource(make_slow) for _ in range(3)]
        one = await asyncio.gather(*asked, asked[0])
        assert len(set(map(id, one))) == 1
        many = await asyncio.gather(
            *(asyncio.to_thread(app_context.resource, make) for _ in range(8))
        )
        assert len(set(map(id, many))) == 1
    """
    load(app, "None", then=two)
    assert things.events == ["open awaited", "open plain"]


def test_at_import_and_awaited_later(app: AppContext, things: Any) -> None:
    """A file may ask at its top; what must be awaited is awaited where there is a loop."""
    head = "CLIENT = app_context.resource(make)\nSLOW = app_context.resource(make_slow)\n"
    first = load(app, "CLIENT, await SLOW", 1, head=head)
    second = load(app, "CLIENT, await SLOW", 2, head=head)
    assert [one is two for one, two in zip(first, second, strict=True)] == [True, True]
    with pytest.raises(LoadError):
        app.load(
            text("1", head=f"{head}\nOTHER = app_context.resource(make, 5)\n1 / 0"), id="thing"
        )
    assert things.events == ["open plain", "open awaited", "open plain", "close plain"]


def test_modules_do_not_share(app: AppContext, things: Any) -> None:
    """The same text in two modules makes two."""
    app.load([("thing", text(KINDS["plain"])), ("other", text(KINDS["plain"]))])
    one, two = (app.get_service(name).get().result() for name in ("thing", "other"))
    assert one is not two


def test_an_instance_of_the_modules_own_class(app: AppContext, things: Any) -> None:
    """It is shared like any other, keeps its class alive, and the log says so."""
    head = "class Mine(Client):\n    pass"
    first = load(app, "app_context.resource(Mine, 'mine')", 1, head=head)
    second = load(app, "app_context.resource(Mine, 'mine')", 2, head=head)
    assert first is second
    assert things.events == ["open mine"]
    assert any("'Mine' is of a class of the module's own" in one.message for one in lines(app))
    third = load(app, "app_context.resource(Mine, 'mine')", 3, head=head.replace("pass", "n = 1"))
    assert third is not first
    assert things.events == ["open mine", "open mine", "close mine"]


def lines(app: AppContext) -> Any:
    return app.snapshot().log


FAULTS = {
    "generator": ("app_context.resource(gen)", "Put @contextlib.contextmanager above it"),
    "lock": ("app_context.resource(make, app_context)", "by its argument 1, of type ModuleContext"),
    "self": ("app_context.resource(make, self)", "by its argument 1, of type Thing"),
    "nothing": ("app_context.resource(3)", "3 can't make a resource"),
    "coroutine": ("app_context.resource(lambda: make_slow())", "Give the `async def` function"),
    "circle": ("app_context.resource(round)", "asks for itself while it is made"),
    "circles": ("await app_context.resource(around)", "asks for itself while it is made"),
    "thread": (
        "await asyncio.to_thread(asyncio.run, wait(app_context.resource(make_slow)))",
        "is made by a coroutine, which runs on the app loop",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_what_cannot_be_shared_says_so(what: str, app: AppContext, things: Any) -> None:
    """A factory that is none, and arguments that belong to one generation, are clear errors."""
    make, sentence = FAULTS[what]
    head = """
    def gen():
        yield 1

    def round():
        return app_context.resource(round)

    async def around():
        return await app_context.resource(around)

    async def wait(one):
        return await one
    """
    with pytest.raises(LoadError) as info:
        app.load(text(make, head=head), id="thing")
    assert sentence in str(info.value)
    assert inside.resources(app) == 0


def test_a_close_that_fails_is_named(app: AppContext, things: Any) -> None:
    """The others are closed all the same, what was made last first."""
    load(app, "app_context.resource(make), app_context.resource(Slow, 'slow')")
    app.modules["thing"].unload()
    assert app.modules["thing"].state == "FAILED_UNLOAD"
    assert things.events == ["open plain", "open slow", "close plain"]
    (fault,) = app.stop().unsettled
    assert "closing the resource 'Slow' failed: OSError('the line is dead')" in fault


def test_tasks_of_a_resource_outlive_the_generation_that_made_it(
    app: AppContext, things: Any
) -> None:
    """What was started while it was made belongs to it, and ends with it."""
    head = """
    async def watched():
        client = Client("watched")
        client.task = asyncio.create_task(asyncio.sleep(3600))
        return client
    """
    client = load(app, "await app_context.resource(watched)", 1, head=head)
    assert load(app, "await app_context.resource(watched)", 2, head=head) is client
    assert not client.task.done()
    app.modules["thing"].unload()
    assert client.task.cancelled()


def test_an_executor_that_is_shared_works_on(app: AppContext, things: Any) -> None:
    """The old generation's end does not shut it down; the last one's does."""
    make = "app_context.resource(ThreadPoolExecutor, 1)"
    head = "from concurrent.futures import ThreadPoolExecutor"
    pool = load(app, make, 1, head=head)
    assert load(app, make, 2, head=head) is pool
    assert pool.submit(threading.get_ident).result() != threading.get_ident()
    app.modules["thing"].unload()
    with pytest.raises(RuntimeError, match="shutdown"):
        pool.submit(int)


def test_after_its_end_a_generation_can_ask_no_more(app: AppContext, things: Any) -> None:
    """Who holds on to an old instance gets an error that says so."""
    load(app, "self")
    old: Any = inside.generation(app, "thing")
    app.modules["thing"].unload()
    with pytest.raises(Exception, match=r"generation 1 of standard.thing has ended"):
        old.context.resource(dict)
    with pytest.raises(Exception, match=r"generation 1 of standard.thing has ended"):
        app.run(old.context.resource(things_async))


async def things_async() -> dict[str, str]:
    return {}


def test_sources_of_folder_modules_are_their_own(app: AppContext, things: Any) -> None:
    """An old generation that asks late is told by the text it was made from."""
    folder = Path("modules/standard/thing")
    folder.mkdir(parents=True)
    (folder / "api.py").write_text(text("app_context.resource(make)")["api.py"])
    app.load("thing")
    first = app.get_service("thing").get().result()
    (folder / "api.py").write_text(text("app_context.resource(make)", 2)["api.py"] + "\n# more\n")
    app.load("thing")
    assert app.get_service("thing").get().result() is first
    assert things.events == ["open plain"]


def test_a_module_that_stops_first_hands_its_resource_on(app: AppContext, things: Any) -> None:
    """The old one has ended when the new one asks; what that does not ask for is closed then."""
    first = text("app_context.resource(make, 1)", then="app_context.resource(make, 2)")
    second = text("app_context.resource(make, 1)", 2)
    for each in (first, second):
        each["api.py"] = each["api.py"].replace("@module\n", '@module(swap="stop_first")\n')
    app.load(first, id="thing")
    client = app.get_service("thing").get().result()
    app.load(second, id="thing")
    assert app.get_service("thing").get().result() is client
    assert things.events == ["open plain", "open plain", "close plain"]
    failing = second["api.py"].replace("async def number", "1 / 0\n    async def number")
    with pytest.raises(LoadError):
        app.load({"api.py": failing}, id="thing")
    app.modules["thing"].unload()
    assert things.events.count("open plain") == things.events.count("close plain")


def test_what_a_thread_still_makes_is_closed_as_well(app: AppContext, things: Any) -> None:
    """The load has failed meanwhile: its end waits for the thread, and closes what it made."""
    things.started, things.go = threading.Event(), threading.Event()
    head = """
    import things

    def slow():
        things.started.set()
        things.go.wait()
        return Client("slow")
    """
    then = """
        asyncio.get_running_loop().run_in_executor(None, app_context.resource, slow)
        await asyncio.to_thread(things.started.wait)
        raise ValueError("no")
    """
    errors = []

    def load_it() -> None:
        try:
            app.load(text("1", head=head, then=then), id="thing")
        except LoadError as error:
            errors.append(error)

    thread = threading.Thread(target=load_it)
    thread.start()
    things.started.wait()
    things.go.set()
    thread.join()
    assert "ValueError: no" in str(errors[0])
    assert things.events == ["open slow", "close slow"]
