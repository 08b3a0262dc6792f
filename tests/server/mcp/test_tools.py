"""The documented methods of live services as tools: which, with what schema, and what calls answer."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from mcp import MCPError

from modframe.app import AppContext
from modframe.server.mcp.names import LONGEST, tool_name
from tests.fakes import ORDERS
from tests.server.mcp.clients import GENERATIONS, connected, read, text_of

SHOP = dedent(
    '''
    import enum
    from dataclasses import dataclass
    from datetime import date
    from typing import Any
    from fastapi import HTTPException
    from pydantic import BaseModel, SecretStr
    from modframe.decorators import module
    from core.error_utils import Result


    class Colour(enum.Enum):
        RED = "red"


    class Item(BaseModel):
        name: str
        colour: Colour = Colour.RED


    class Order(BaseModel):
        items: list[Item]
        day: date | None = None


    @dataclass
    class Parcel:
        item: Item


    class Settings(BaseModel):
        api_key: SecretStr = SecretStr("sk-live-12345678")
        dsn: str = "postgres://shop:hunter22pass@db/shop"


    class Odd:
        def __repr__(self):
            return f"<{type(self).__module__}.Odd>"


    @module(settings=Settings)
    class Shop:
        async def place(self, order: Order, parcel: Parcel | None = None, *, colour: Colour = Colour.RED) -> dict:
            """Place an order.

            A second paragraph, which no assistant reads.
            """
            assert type(order) is Order
            return {"items": [item.name for item in order.items], "day": order.day, "colour": colour}

        def refuse(self, number: int) -> Result:
            """Refuse an order."""
            return Result.error("NOT_FOUND", f"no order {number}", details={"row": "detail-of-the-author"})

        def accept(self) -> Result:
            """Accept an order."""
            return Result.success(data=[1, 2])

        def forbid(self) -> None:
            """Answer as a route would."""
            raise HTTPException(403, "orders are closed")

        def fail(self) -> None:
            """Fail without being asked."""
            raise ValueError("text-of-the-exception")

        def leave(self) -> None:
            """Try to end the process."""
            raise SystemExit(3)

        def tell(self) -> str:
            """Tell what is a secret."""
            return f"key {self.settings.api_key.get_secret_value()} at {self.settings.dsn}"

        def keep(self) -> dict:
            """Return what JSON has no word for."""
            return {"nan": float("nan"), "bytes": b"\\xff\\x00", "odd": Odd(), "nested": Result.error("A", "b", "c")}

        def nothing(self) -> None:
            """Return nothing."""

        def unsaid(self) -> int:
            return 1

        def _hidden(self) -> int:
            """Not public."""
    '''
)


@pytest.mark.parametrize("mode", GENERATIONS)
async def test_documented_methods_are_tools_and_answer(app: AppContext, mode: str) -> None:
    """A docstring counts; undocumented and private methods and the framework's own are left out."""
    app.load({"api.py": SHOP}, id="shop")
    app.load({"api.py": ORDERS}, id="extensions.orders")
    async with connected(app.serve(port=0, mcp=True), mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        names = ["accept", "fail", "forbid", "keep", "leave", "nothing", "place", "refuse", "tell"]
        assert set(tools) == {"extensions-orders__total", *(f"shop__{name}" for name in names)}
        assert tools["shop__place"].description == "Place an order."
        assert tools["extensions-orders__total"].input_schema == {
            "type": "object",
            "properties": {"plus": {"type": "integer", "default": 0}},
            "required": [],
            "additionalProperties": False,
        }
        schema = tools["shop__place"].input_schema
        assert schema["required"] == ["order"]
        assert schema["properties"]["order"]["properties"]["items"]["items"] == {
            "$ref": "#/$defs/Item"
        }
        assert set(schema["$defs"]) == {"Colour", "Item", "Parcel"}
        assert tools["shop__place"].output_schema is None

        order = {"items": [{"name": "tea"}], "day": "2026-11-30"}
        placed = await client.call_tool("shop__place", {"order": order, "colour": "red"})
        assert placed.structured_content == {"items": ["tea"], "day": "2026-11-30", "colour": "red"}
        assert text_of(placed) == '{"items":["tea"],"day":"2026-11-30","colour":"red"}'
        total = await client.call_tool("extensions-orders__total", {"plus": 2})
        assert (text_of(total), total.structured_content, total.is_error) == (
            "42",
            {"result": 42},
            False,
        )
        accepted = await client.call_tool("shop__accept", {})
        assert accepted.structured_content == {"result": [1, 2]}
        assert text_of(await client.call_tool("shop__nothing", {})) == "null"
        kept = (await client.call_tool("shop__keep", {})).structured_content
        assert kept == {
            "nan": None,
            "bytes": "_wA=",
            "odd": "<modules.standard.shop.api.Odd>",
            "nested": {"code": "A", "message": "b"},
        }


@pytest.mark.parametrize("mode", GENERATIONS)
async def test_errors_are_the_authors_words_or_a_correlation_id(app: AppContext, mode: str) -> None:
    """An error `Result` and an `HTTPException` are shown, any other exception is only in the log."""
    app.load({"api.py": SHOP}, id="shop")
    async with connected(app.serve(port=0, mcp=True), mode) as client:

        async def refused(tool: str, **values: Any) -> str:
            answer = await client.call_tool(tool, values)
            assert answer.is_error
            assert "detail-of-the-author" not in answer.model_dump_json()
            return text_of(answer)

        assert await refused("shop__refuse", number=7) == "NOT_FOUND: no order 7"
        assert await refused("shop__forbid") == "403: orders are closed"
        for tool in ("shop__fail", "shop__leave"):
            text = await refused(tool)
            assert text.startswith("This call failed; the log has the reason under ")
            errors = (await read(client, "modframe://errors/shop"))["errors"]
            assert errors[0]["correlation_id"] == text.rpartition(" ")[2]
            assert errors[0]["message"].startswith(f"tool {tool} failed with ")
        assert "text-of-the-exception" in errors[1]["message"]

        assert await refused("shop__refuse") == "'number' is missing"
        assert await refused("shop__refuse", numbr=7) == (
            "there is no argument 'numbr'; did you mean 'number'?; 'number' is missing"
        )
        unfit = await refused("shop__refuse", number=None)
        assert unfit == "'number' does not fit: Input should be a valid integer"
        with pytest.raises(
            MCPError, match="there is no tool 'shop__plaec'; did you mean 'shop__place'"
        ):
            await client.call_tool("shop__plaec", {})


@pytest.mark.parametrize("mode", GENERATIONS)
async def test_no_text_has_a_secret(app: AppContext, mode: str) -> None:
    """Neither what a tool returns nor a resource shows a setting's secret or a password in a URL."""
    app.load({"api.py": SHOP}, id="shop")
    server = app.serve(port=0, mcp=True)
    async with connected(server, mode) as client:
        told = await client.call_tool("shop__tell", {})
        texts = [told.model_dump_json(), (await client.list_tools()).model_dump_json()]
        texts += [
            (await client.read_resource(resource.uri)).model_dump_json()
            for resource in (await client.list_resources()).resources
        ]
    assert "key **********" in texts[0]
    for secret in ("sk-live-12345678", "hunter22pass", server.token):
        assert not [text for text in texts if secret in text]


def test_names_are_short_plain_and_never_the_same() -> None:
    """However long or odd the names are, and wherever their underscores stand."""
    methods = ["b__c", "c", "größe", "x" * 100, "x" * 101, "b"]
    modules = [
        "standard.a",
        "standard.a__b",
        "standard.a_",
        "extensions.a",
        "standard.extensions_a",
    ]
    modules += ["standard.ä", "standard.ö", f"standard.{'m' * 60}"]
    names = [tool_name(module, method) for module in modules for method in methods]
    assert len(set(names)) == len(names)
    assert all(len(name) <= LONGEST and name.isascii() for name in names)
    assert tool_name("standard.a_b", "c") == "a_b__c"
    assert tool_name("standard.a", "b_c") == "a__b_c"


async def test_types_of_one_name_stay_apart(app: AppContext) -> None:
    """Two parameters whose types have models of the same name get a schema each."""
    text = dedent(
        '''
        from pydantic import BaseModel
        from modframe.decorators import module

        class Box(BaseModel):
            class Size(BaseModel):
                cm: int
            size: Size

        class Bag(BaseModel):
            class Size(BaseModel):
                litres: float
            size: Size

        @module
        class Pack:
            def pack(self, box: Box, bag: Bag) -> str:
                """Pack."""
                return f"{box.size.cm} {bag.size.litres}"
        '''
    )
    app.load({"api.py": text}, id="pack")
    async with connected(app.serve(port=0, mcp=True), "legacy") as client:
        (tool,) = (await client.list_tools()).tools
        properties, definitions = tool.input_schema["properties"], tool.input_schema["$defs"]
        for name, field in (("box", "cm"), ("bag", "litres")):
            key = properties[name]["properties"]["size"]["$ref"].removeprefix("#/$defs/")
            assert list(definitions[key]["properties"]) == [field]
        values = {"box": {"size": {"cm": 3}}, "bag": {"size": {"litres": 2}}}
        assert text_of(await client.call_tool(tool.name, values)) == "3 2.0"
