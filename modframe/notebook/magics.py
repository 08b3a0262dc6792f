"""``%%module``, ``%modframe`` and ``%%sql``: they parse their line and call the app context."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.display import display

from ..app import AppContext
from ..desk.waiting import Waiting
from ..errors import ModframeError
from ..process import app_in_use, current_app, start
from ..runtime.change.outcome import Outcome
from ..source import SourceFile
from ..source.cells import parse_line
from ..spec import module_id_of
from ..wording import count
from .cell import cell_file, notebook_of
from .completion import SQLNames
from .errors import show_errors
from .failure import note_draft
from .hooks import Hooks
from .outputs import MaskedOutputs
from .shown import show_health, show_help, show_logs, show_status

T = TypeVar("T")
_SHOWS: Mapping[str, Callable[[AppContext, str], None]] = {
    "errors": show_errors, "status": show_status, "health": show_health, "logs": show_logs,
}  # fmt: skip
_TARGET = re.compile(r"\s*([A-Za-z_]\w*)\s*<<\s*\Z")


def _parsed(parse: Callable[[str], T], text: str) -> T:
    """Parse a magic's line, or a part of it.

    Raises:
        UsageError: If it can't be parsed; with what could be meant.
    """
    try:
        return parse(text)
    except ModframeError as error:
        raise UsageError(str(error)) from None


@magics_class
class ModframeMagics(Magics):
    """The magics of one shell."""

    shell: Any

    def __init__(self, shell: Any, hooks: Hooks, outputs: MaskedOutputs, names: SQLNames) -> None:
        super().__init__(shell)
        self.hooks, self.outputs, self.names = hooks, outputs, names

    @cell_magic
    def module(self, line: str, cell: str) -> None:
        """``%%module MODULE [FILE] [--draft] [--test] [--plan] [--force]``

        Make this cell one of a module's files, ``api.py`` by default, and swap to the module's
        whole draft; ``orders`` means ``standard.orders``. Another text, such as ``README.md`` or
        ``queries/all.sql``, travels with the module and makes no new generation.

        If that fails, nothing live has changed and the draft keeps the text: correct this cell or
        another one of the module, and run it.

        After a restart a module that was exported is live from its folder. A cell that differs from
        its file then waits until the other cells that differ were run too, so that no mixture of
        cells and files goes live; ``%modframe keep orders`` goes live without them.

        ``--draft``: keep the text, don't try it yet. ``--plan``: say what would change; change
        nothing. ``--force``: take away what live modules use, too. ``--test``: run the module's own
        tests, in cells or files called ``test_....py``, on the new generation before it goes live:
        if one fails, the swap fails.
        """
        arguments = _parsed(parse_line, line)
        module_id = arguments.module_id
        if arguments.plan and (arguments.draft or arguments.force or arguments.test):
            raise UsageError(
                "--plan changes nothing and runs no tests, so it goes with none of --draft, "
                "--force and --test; the plan itself says whom --force would break"
            )
        app = current_app() or start()
        content = cell_file(self.shell, self.hooks.cells.running, cell)
        if arguments.plan:
            self._plan(app, module_id, arguments.file, content)
            return
        content.register()  # IPython put its own transformed text under the cell's name
        draft = app.draft(module_id, arguments.file, content)
        if arguments.draft:
            print(f"{module_id} drafted · {arguments.file} · {count(len(draft.all_files), 'file')}")
            return
        try:
            outcome = app.try_draft(
                module_id,
                outer_names=self.shell.user_ns,
                force=arguments.force,
                notebook=notebook_of(self.shell),
                test=arguments.test,
            )
        except ModframeError as error:
            is_live = getattr(error, "step", "") == "activate"
            note_draft(error, draft, "" if is_live else _draft_note(app, module_id, arguments.file))
            raise
        self._say(app, outcome)

    def _say(self, app: AppContext, outcome: Outcome | Waiting) -> None:
        """Print the line that a change leaves below its cell."""
        if isinstance(outcome, Waiting):
            print(f"{outcome.module_id} drafted · waits for {outcome}")
        else:
            print(outcome.line(f"{app.url}/docs" if app.url else ""))

    def _plan(self, app: AppContext, module_id: str, file: str, content: SourceFile) -> None:
        """Show what running a cell would do."""
        plan = app.plan_draft(
            module_id, file, content,
            outer_names=self.shell.user_ns, notebook=notebook_of(self.shell),
        )  # fmt: skip
        if isinstance(plan, Waiting):
            print(f"{module_id} would be drafted · would wait for {plan}")
        else:
            display({"text/plain": str(plan), "text/html": plan._repr_html_()}, raw=True)

    @line_magic
    def modframe(self, line: str) -> None:
        """``%modframe drop orders [FILE]``: remove a file from the draft, or the whole draft.

        ``%modframe keep orders``: go live with the draft as it is, though it waits for cells whose
        files are in the module's folder.

        ``%modframe errors [MODULE] [--since 10m] [--text TEXT] [--limit 20] [--groups]``: show what
        failed, one by one or by kind; ``%modframe errors --explain CODE`` says what a code means.

        ``%modframe status [MODULE]``, ``%modframe health [MODULE]``, ``%modframe logs [MODULE]
        [--level LEVEL] [--since 10m] [--id ID] [--lines 50]``: show what the shell's commands
        print. ``%modframe help``: what can be written in cells.

        ``%modframe nest``: let your own ``asyncio.run`` work in cells (`nest_asyncio2`).
        """
        words = line.split()
        if words[:1] == ["drop"] and len(words) in (2, 3):
            module_id = _parsed(module_id_of, words[1])
            app = app_in_use()
            remaining = app.drop(module_id, words[2] if len(words) == 3 else None)
            what = f"{words[2]} is out of the draft" if remaining else "the draft is dropped"
            print(f"{module_id}: {what}; {_live_note(app, module_id)}")
        elif words[:1] == ["keep"] and len(words) == 2:
            module_id = _parsed(module_id_of, words[1])
            app = app_in_use()
            self._say(app, app.try_draft(module_id, outer_names=self.shell.user_ns, keep=True))
        elif words[:1] == ["help"]:
            show_help(_rest_of(line))
        elif words and words[0] in _SHOWS:
            _SHOWS[words[0]](app_in_use(), _rest_of(line))
        elif words == ["nest"]:
            import nest_asyncio2

            nest_asyncio2.apply()
            print("asyncio.run() can be called in cells now")
        else:
            unknown = words and words[0] not in ("drop", "keep", "nest")
            what = f"there is no {words[0]!r}. " if unknown else ""
            raise UsageError(
                f"{' '.join(('%modframe', *words))}: {what}Write %modframe drop MODULE [FILE], "
                "%modframe keep MODULE, %modframe nest, or one of those that show something: "
                "%modframe status, errors, logs, health [MODULE]. %modframe help explains them."
            )

    @cell_magic
    def sql(self, line: str, cell: str) -> Any:
        """SQL over the module databases, tables named ``<database>.<table>``.

        ``%%sql NAME <<`` puts the rows into a variable instead of showing them.
        """
        target = _TARGET.match(line) if line.strip() else None
        if line.strip() and target is None:
            raise UsageError("%%sql [NAME <<]: the query stands below this line")
        rows = app_in_use().database.sql(cell)
        if target is None:
            return rows
        self.shell.user_ns[target.group(1)] = rows
        return None


def _rest_of(line: str) -> str:
    """Return a line without its first word."""
    return (*line.split(maxsplit=1), "")[1]


def _live_note(app: AppContext, module_id: str) -> str:
    number = app.modules[module_id].generation if module_id in app.modules else 0
    return f"generation {number} stays live" if number else "nothing is live yet"


def _draft_note(app: AppContext, module_id: str, file: str) -> str:
    """Return what is live and what the draft keeps, to show which cell to correct."""
    module = app.modules[module_id]
    draft, source = module.draft, module.source
    others = [
        f"{name} ({content.cell})" if content.cell else name
        for name, content in (draft.all_files.items() if draft else ())
        if name != file and (source is None or name not in source.all_files
                             or source.all_files[name].text != content.text)
    ]  # fmt: skip
    also = f", beside {', '.join(others)}" if others else ""
    live = _live_note(app, module_id)
    return (
        f"{live[0].upper()}{live[1:]}; the draft keeps {file} as this cell says it{also}. "
        "Mend a cell and run it."
    )
