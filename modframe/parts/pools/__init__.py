"""Pools: module functions run in threads and in child processes, which end with their generation.

`PoolsPart` keeps them; modules reach them through ``app_context.tasks``, a `ModuleTasks`.
"""

from .module_tasks import ModuleTasks
from .part import PoolsPart

__all__ = ["ModuleTasks", "PoolsPart"]
