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


async def use() -> Result:
    total: int = await start().get_service(Orders).total()
    await start().get_service("standard.shop").total()
    found: Result = Result.success(data=total)
    app_context.database.sql("SELECT 1")
    return found if found.success else Result.error("NO", str(found.message))
