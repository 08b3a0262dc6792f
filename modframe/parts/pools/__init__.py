"""Pools: module functions run in threads and in child processes, which end with their generation.

`PoolsPart` keeps them; ``app_context.tasks`` of a module is a `PoolTasks`, and more.
"""

from .part import PoolsPart
from .pool_tasks import PoolTasks

__all__ = ["PoolTasks", "PoolsPart"]
