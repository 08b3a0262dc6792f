"""What live modules use of a service is not taken away from them, unless that is forced."""

from __future__ import annotations

import pickle
import re

import pytest

from modframe.app import AppContext
from modframe.errors import ContractError, LoadError
from tests.fakes import simple

BASE = simple(
    """
    async def total(self, plus: int = 0) -> int:
        return 42

    async def spare(self):
        return 1

    async def items(self, end: int):
        for number in range(end):
            yield number
    """
)


def shop(body: str, *, arguments: str = 'requires=["orders"]', head: str = "") -> str:
    """Return a module that uses ``orders`` in the given way."""
    return simple(
        "async def ask(self):\n"
        "    orders = self.app_context.get_service('orders')\n"
        + "".join(f"    {line}\n" for line in body.splitlines()),
        arguments=arguments,
        head=head,
    )


def begin(app: AppContext, use: str, *, base: str = BASE, **options: str) -> None:
    """Load ``orders`` and a ``shop`` that uses it."""
    app.load({"api.py": base}, id="orders")
    app.load({"api.py": shop(use, **options)}, id="shop")


def change(app: AppContext, old: str, new: str, *, base: str = BASE) -> None:
    """Load ``orders`` with one piece of its text replaced."""
    assert old in base
    app.load({"api.py": base.replace(old, new)}, id="orders")


def test_a_method_that_is_used_is_not_taken_away(app: AppContext) -> None:
    """The error names the method, its users and both cures, and nothing has changed."""
    begin(app, "return await orders.total(2)")
    with pytest.raises(ContractError) as caught:
        change(app, "total", "sum")
    error = caught.value
    assert re.fullmatch(
        r"standard\.orders: api\.py, line 5: total\(\) is gone, and live modules use it: "
        r"standard\.shop \(api\.py, line 8\); it was total\(plus: int = \.\.\.\) -> int\. "
        r"Change standard\.shop first, or both in one "
        r"app\.load\(\['standard\.orders', 'standard\.shop'\]\), or take it away with force=True "
        r"\(--force in a %%module cell\)\.",
        str(error),
    )
    assert (error.module_id, error.step) == ("standard.orders", "contract")
    assert [difference.kind for difference in error.changes] == ["method removed"]
    assert [(use.module_id, use.line) for use in error.changes[0].uses] == [("standard.shop", 8)]
    assert app.modules["orders"].generation == 1
    assert app.modules["orders"].error is error
    assert app.get_service("shop").ask().result() == 42
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_what_nobody_uses_may_go(app: AppContext) -> None:
    """A method that no live module calls can be removed; the history mentions it."""
    begin(app, "return await orders.total(2)")
    change(app, "spare", "other")
    assert app.modules["orders"].generation == 2
    assert "dropped spare()" in app.modules["orders"].history[-1].outcome


def test_force_takes_away(app: AppContext) -> None:
    """`force=True` allows a change that breaks a live module."""
    begin(app, "return await orders.total(2)")
    app.load({"api.py": BASE.replace("total", "sum")}, id="orders", force=True)
    assert app.modules["orders"].generation == 2
    outcome = app.modules["orders"].history[-1].outcome
    assert "forced: breaks standard.shop (api.py, line " in outcome
    with pytest.raises(AttributeError, match="total"):
        app.get_service("shop").ask().result()


def test_a_reload_forces_nothing(app: AppContext) -> None:
    """`reload` reads the text again, and keeps to the contract."""
    begin(app, "return await orders.total(2)")
    app.modules["orders"].reload()
    assert app.modules["orders"].generation == 2


def test_both_sides_change_in_one_transaction(app: AppContext) -> None:
    """A dependent in the same change is checked with its new text."""
    begin(app, "return await orders.total(2)")
    app.load(
        [
            ("orders", {"api.py": BASE.replace("total", "sum")}),
            ("shop", {"api.py": shop("return await orders.sum(2)")}),
        ]
    )
    assert app.get_service("shop").ask().result() == 42


def test_one_side_that_lags_behind_in_the_same_change_is_named(app: AppContext) -> None:
    """The whole change is refused if a dependent's new text still uses what goes."""
    begin(app, "return await orders.total(2)")
    with pytest.raises(ContractError, match=r"total\(\) is gone.*standard\.shop"):
        app.load(
            [
                ("orders", {"api.py": BASE.replace("total", "sum")}),
                ("shop", {"api.py": shop("return 1 + await orders.total(2)")}),
            ]
        )
    assert app.modules["shop"].generation == 1


@pytest.mark.parametrize(
    ("use", "old", "new", "message"),
    [
        ("return await orders.total(2)", "plus: int = 0", "", "takes no 'plus' any more"),
        ("return await orders.total(plus=2)", "plus: int = 0", "extra: int = 0", "takes 'extra' in place of 'plus'"),
        ("return await orders.total()", "plus: int = 0", "plus: int", "requires 'plus' now"),
        ("return await orders.total(2)", "plus: int = 0", "plus: int, tax: int", "requires 'tax' now"),
        ("return await orders.total(2)", "plus: int = 0", "*, plus: int = 0", "takes 'plus' as keyword only now"),
        ("return await orders.total(2)", "plus: int = 0", "plus: str = ''", "takes 'plus' as str, not int, now"),
        ("return await orders.total(2)", "-> int", "-> str", "returns str, not int, now"),
        ("return await orders.total(2)", "-> int", "-> int | None", "returns int | None, not int, now"),
        ("return await orders.total(2)", "return 42", "yield 42", "gives a stream, not one value, now"),
        ("return [x async for x in orders.items(2)]", "yield number", "return number", "gives one value, not a stream, now"),
        ("call = orders.total\nreturn await call()", "async def total", "async def sum", "total\\(\\) is gone"),
        ("return await getattr(orders, 'total')()", "async def total", "async def sum", "total\\(\\) is gone"),
        ("given = {'plus': 2}\nreturn await orders.total(**given)", "plus: int = 0", "extra: int = 0", "in place of 'plus'"),
    ],
)  # fmt: skip
def test_changes_that_break_a_user_are_refused(
    app: AppContext, use: str, old: str, new: str, message: str
) -> None:
    """Each way in which a signature can break a call has its own message."""
    begin(app, use)
    with pytest.raises(ContractError, match=message):
        change(app, old, new)
    assert app.modules["orders"].generation == 1


@pytest.mark.parametrize(
    ("use", "old", "new"),
    [
        ("return await orders.total()", "plus: int = 0", ""),
        ("return await orders.total(2)", "plus: int = 0", "extra: int = 0"),
        ("return await orders.total(2)", "plus: int = 0", "plus: int"),
        ("return await orders.total(2)", "plus: int = 0", "plus: int = 0, tax: int = 1"),
        ("return await orders.total(2)", "plus: int = 0", "plus: int | None = 0"),
        ("return await orders.total(2)", "plus: int = 0", "plus=0"),
        ("return await orders.total(plus=2)", "plus: int = 0", "*args, **kwargs"),
        ("return await orders.total(2)", "plus: int = 0", "*args"),
        ("return await orders.total(plus=2)", "plus: int = 0", "**kwargs"),
        ("return await orders.total(2)", "plus: int = 0", "given: int = 0, /"),
        ("return await orders.total(2)", "-> int", ""),
        ("return await orders.total(2)", "async def total", "def total"),
        ("return await orders.total()", "plus: int = 0", "plus: str = ''"),
        ("return {}.get('total', self.total)", "async def total", "async def sum"),
        ("import json\nreturn json.total", "async def total", "async def sum"),
        ("return {'a': 1}.total(1, 2, 3)", "async def total", "async def sum"),
        ("return orders.total(1, 2, 3)", "async def total", "async def sum"),
    ],
)  # fmt: skip
def test_changes_that_break_nobody_pass(app: AppContext, use: str, old: str, new: str) -> None:
    """A signature may change where no call depends on it, and from sync to async."""
    text = shop(use) + ("\n    def total(self):\n        return 1\n" if "self.total" in use else "")
    app.load({"api.py": BASE}, id="orders")
    app.load({"api.py": text}, id="shop")
    change(app, old, new)
    assert app.modules["orders"].generation == 2


def test_the_order_of_parameters_counts_for_calls_by_position(app: AppContext) -> None:
    """Swapped parameters break calls by position, and none by name."""
    base = simple("async def move(self, here, there):\n    return here, there")
    begin(app, "return await orders.move(here=1, there=2)", base=base)
    change(app, "here, there):", "there, here):", base=base)
    app.load({"api.py": shop("return await orders.move(1, 2)")}, id="shop")
    with pytest.raises(ContractError, match="takes its parameters as here, there now"):
        app.load({"api.py": base}, id="orders")


def test_every_kind_of_parameter_and_method_is_understood(app: AppContext) -> None:
    """Wrapped, inherited, static and class methods are compared alike."""
    base = simple(
        """
        @wrapping
        async def wrapped(self, x: int):
            return x

        @staticmethod
        def fixed(a, b=1):
            return 1

        @classmethod
        def made(cls, a):
            return 2

        async def many(self, *args: int, key: int = 1, **more):
            return 3

        part = print
        """,
        head=(
            "from functools import wraps\n"
            "def wrapping(f):\n    @wraps(f)\n    async def inner(*a, **k):\n        return await f(*a, **k)\n    return inner\n"
            "class Common:\n    async def common(self, a, /, b):\n        return 4\n"
        ),
    ).replace("class Thing:", "class Thing(Common):")
    begin(
        app,
        "return [await orders.wrapped(1), await orders.fixed(1), await orders.made(2),\n"
        "    await orders.many(1, 2, key=3, other=4), await orders.common(1, 2)]",
        base=base,
    )
    assert app.get_service("shop").ask().result() == [1, 1, 2, 3, 4]
    for old, new, message in [
        ("x: int", "x: str", "wrapped.. takes 'x' as str"),
        ("fixed(a, b=1)", "fixed(b=1)", "fixed.. takes no 'a'"),
        ("made(cls, a)", "made(cls)", "made.. takes no 'a'"),
        ("*args: int, ", "", "many.. takes no 'args'"),
        (", **more", "", "many.. takes no 'more'"),
        ("a, /, b", "b, a, /", "common.. "),
    ]:
        with pytest.raises(ContractError, match=message):
            change(app, old, new, base=base)
    change(app, "a, /, b", "a, b", base=base)
    change(app, "part = print", "def part(self):\n        return 5", base=base)
    assert app.modules["orders"].generation == 3


def test_a_service_that_goes_or_is_renamed_is_refused(app: AppContext) -> None:
    """A module that looks a service up by any of its names counts as its user."""
    service = (
        "from modframe.decorators import module, register_service, ServiceMethod\n\n\n"
        "@register_service('standard.orders.{name}', methods=[ServiceMethod('total')])\n"
        "@module(service='Service')\nclass Orders:\n    pass\n\n\n"
        "class Service:\n    async def total(self):\n        return 1\n"
    )
    begin(app, "return await orders.total()", base=service.format(name="service"))
    with pytest.raises(
        ContractError, match=r"'standard\.orders\.service' is called 'standard\.orders\.main' now"
    ):
        app.load({"api.py": service.format(name="main")}, id="orders")
    with pytest.raises(ContractError, match=r"'standard\.orders\.service' is gone"):
        app.load({"api.py": simple("pass", name="Orders")}, id="orders")


def test_documented_types_count_where_nothing_is_annotated(app: AppContext) -> None:
    """A changed type of a `ServiceParam` or `ServiceReturn` is a change of the contract."""
    text = (
        "from modframe.decorators import module, register_service, ServiceMethod, ServiceParam, ServiceReturn\n\n\n"
        "@register_service('standard.orders.service', methods=[ServiceMethod('total', "
        "params=[ServiceParam('plus', 'int')], returns=ServiceReturn('int'))])\n"
        "@module(service='Service')\nclass Orders:\n    pass\n\n\n"
        "class Service:\n    async def total(self, plus):\n        return plus\n"
    )
    begin(app, "return await orders.total(2)", base=text)
    with pytest.raises(ContractError, match="takes 'plus' as float, not int, now"):
        change(app, "'plus', 'int'", "'plus', 'float'", base=text)
    with pytest.raises(ContractError, match="returns float, not int, now"):
        change(app, "ServiceReturn('int')", "ServiceReturn('float')", base=text)


def test_types_of_the_module_itself_are_the_same_in_every_generation(app: AppContext) -> None:
    """An annotation with the module's own class doesn't change from swap to swap."""
    base = simple(
        "async def first(self) -> Item:\n    return Item()",
        head="class Item:\n    mark = 1\n",
    )
    begin(app, "return (await orders.first()).mark", base=base)
    change(app, "mark = 1", "mark = 2", base=base)
    assert app.get_service("shop").ask().result() == 2
    change(app, "-> Item", "-> 'Item'", base=base)
    assert app.modules["orders"].generation == 3


def test_an_importer_counts_as_a_user(app: AppContext) -> None:
    """A module that imports from the changed one is rebuilt with it, and its uses count."""
    base = simple("async def total(self):\n    return LIMIT", head="LIMIT = 1")
    begin(
        app,
        "return LIMIT + await orders.total()",
        base=base,
        head="from modules.standard.orders.api import LIMIT",
        arguments="",
    )
    with pytest.raises(ContractError, match=r"standard\.shop \(api\.py"):
        change(app, "def total", "def sum", base=base)
    app.load({"api.py": base.replace("def total", "def sum")}, id="orders", force=True)
    assert app.modules["shop"].generation == 2


def test_tests_of_a_dependent_are_no_users(app: AppContext) -> None:
    """A method that only the tests of a dependent call can be removed."""
    app.load({"api.py": BASE}, id="orders")
    tests = "def test_it(app):\n    app.get_service('orders').total(2)\n"
    app.load({"api.py": shop("return 1"), "test_api.py": tests}, id="shop")
    change(app, "total", "sum")
    assert app.modules["orders"].generation == 2


def test_a_dependent_that_left_is_no_user(app: AppContext) -> None:
    """A former dependent that was unloaded or requires it no more doesn't count."""
    begin(app, "return await orders.total(2)")
    app.modules["shop"].unload()
    change(app, "total", "sum")
    app.load({"api.py": BASE}, id="orders")
    app.load({"api.py": shop("return await orders.total(2)")}, id="shop")
    app.load({"api.py": simple("async def total(self):\n    return self.total")}, id="shop")
    change(app, "total", "sum")
    assert app.modules["orders"].generation == 4


def test_a_failed_text_is_refused_for_its_own_fault(app: AppContext) -> None:
    """A text that doesn't load raises its own error, not one of the contract."""
    begin(app, "return await orders.total(2)")
    with pytest.raises(LoadError) as caught:
        app.load({"api.py": "1 / 0\n"}, id="orders")
    assert not isinstance(caught.value, ContractError)


WRAPPED = """
import functools

def bare(function):
    async def wrapper(*args, **kwargs):
        return await function(*args, **kwargs)
    return wrapper
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("async def x(self, a): return a", "@bare\nasync def x(self, a): return a"),
        ("async def x(self, *a): return a[0]", "async def x(self, a, b=1): return a"),
        ("async def x(self, a: int): return a", "def _x(self, b, a): return a\nx = functools.partialmethod(_x, 1)"),
        ("def x(self, a): return a", "@functools.lru_cache\ndef x(self, a): return a"),
        ("async def x(self, a: 'List[int]') -> 'typing.Dict[str, dt.date]': return a", "async def x(self, a: 'list[int]') -> 'dict[str, date]': return a"),
        ("async def x(self, *, a): return a", "async def x(self, **more): return more['a']"),
    ],
)  # fmt: skip
def test_another_way_to_say_the_same_is_no_change(app: AppContext, before: str, after: str) -> None:
    """Another wrapper or another spelling of a type that accepts the same calls passes."""
    give = "a=7" if "*, a" in before else "7"
    user = f"async def go(self): return await self.app_context.get_service('thing').x({give})"
    before, after = (f"def also(self): pass\n{signature}" for signature in (before, after))
    app.load({"api.py": simple(before, head=WRAPPED)}, id="thing")
    app.load({"api.py": simple(user, arguments="requires=['standard.thing.service']")}, id="user")
    app.load({"api.py": simple(after, head=WRAPPED)}, id="thing")
    assert app.modules["thing"].generation == 2
    assert app.get_service("user").go().result(60) == 7


def test_a_cached_method_is_a_method(app: AppContext) -> None:
    """A service may consist of one cached method."""
    text = simple("@functools.lru_cache\ndef x(self, a): return a", head="import functools")
    app.load({"api.py": text}, id="thing")
    assert app.get_service("thing").x(3).result(60) == 3
    assert dir(app.get_service("thing")) == ["x"]
