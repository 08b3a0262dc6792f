"""Counts what is in stock."""

from modframe.decorators import module


@module
class Stock:
    def edition(self) -> int:
        return 2

    def left(self, item: str) -> int:
        self.app_context.get_logger().info("%s counted", item)
        return 10 * 2
