"""Public signatures as people use them; mypy checks this file, and nothing runs it."""

from modframe import Result, app_context, start
from modframe.decorators import (
    ServiceMethod,
    graceful_shutdown,
    module,
    phase2_operations,
    register_service,
    require_services,
    requires_modules,
    stream_policy,
)


@module
class Orders:
    async def total(self) -> int:
        return 1


@module("standard.shop", requires=["orders"])
class Shop:
    async def total(self) -> int:
        return 1


@register_service("standard.full.service", methods=[ServiceMethod("total")])
@require_services([])
@requires_modules([{"modules": ["orders"], "optional": True}])
@phase2_operations(methods=["begin"], dependencies=["standard.orders.service"])
@graceful_shutdown(method="end", timeout=3)
class Full:
    async def begin(self) -> Result:
        return Result.success()


@module(keep_state=("count",), swap="stop_first", streams="reconnect")
class Port:
    count = 0

    def dump_state(self) -> dict[str, int]:
        return {"count": self.count}

    def load_state(self, state: dict[str, int], from_version: str) -> None:
        self.count = state["count"]


@stream_policy("finish")
async def events(after: int) -> str:
    return str(after)


class Fake:
    async def total(self) -> int:
        return 2


async def override() -> int:
    with app_context.override("orders", Fake()) as fake:
        first: str = await events(1)
        return await fake.total() + len(first)


async def use() -> Result:
    total: int = await start().get_service(Orders).total()
    await start().get_service("standard.shop").total()
    found: Result = Result.success(data=total)
    app_context.database.sql("SELECT 1")
    start().load("orders", test=True).unload()
    start().load(["orders", "standard.shop"], test=True)[0].unload()
    plan = start().plan({"api.py": "x = 1"}, id="orders")
    actions: list[str] = [entry.action for entry in plan if not plan.refused]
    orders = start().modules["orders"]
    if len(orders.history) > len(actions):
        oldest = orders.history[0]
        texts: dict[str, str] = oldest.source.texts
        orders = orders.rollback(oldest) if texts else orders.rollback(to=2, force=True)
    start().load(["orders", "standard.shop"], force=orders.rollback().generation > 1)
    start().watch().stop()
    tags: set[str] = {
        tag for one in start().services(text="tea") for method in one.methods for tag in method.tags
    }
    texts_of_rows: list[str] = [row[1] for row in start().services("sales").rows if row[3] in tags]
    actions += texts_of_rows
    return found if found.success else Result.error("NO", str(found.message))
