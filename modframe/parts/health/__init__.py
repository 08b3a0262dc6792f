"""Health: a module's check runs in the background while it is live, and its verdicts are kept.

`HealthPart` runs the checks, `Check` is that of one generation, `verdict_of` reads what it
returned, `Health` is what is known of a module, and `Overview` says it of all modules.
"""

from .health import HEADS, Health, HealthReport, Status, health_row
from .overview import Overview
from .part import HealthPart

__all__ = ["HEADS", "Health", "HealthPart", "HealthReport", "Overview", "Status", "health_row"]
