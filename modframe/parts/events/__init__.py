"""Events: queues that belong to the app, and the methods of live generations that empty them.

`EventsPart` reads what a generation subscribes to; `Events` has the queues and delivers.
"""

from .dead import DeadLetter
from .events import Events
from .faces import AppEvents, ModuleEvents
from .part import EventsPart

__all__ = ["AppEvents", "DeadLetter", "Events", "EventsPart", "ModuleEvents"]
