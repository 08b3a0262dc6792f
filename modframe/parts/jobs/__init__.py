"""Jobs: the named tasks of modules, run at times, or from their start on.

`JobsPart` reads what a generation declares with ``@task``; `Jobs` belongs to the app and runs each
task on the generation that is live. Modules and people reach them as `Task`.
"""

from .faces import AppTasks, Task
from .jobs import Jobs
from .part import JobsPart

__all__ = ["AppTasks", "Jobs", "JobsPart", "Task"]
