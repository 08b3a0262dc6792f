"""``%%module``, ``%modframe`` and ``%%sql``: thin; the work is the app context's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from ..app import AppContext, current_app, start
from ..errors import InvalidModuleIdError, ModframeError
from ..runtime.change.outcome import Outcome
from ..source import SourceFile
from ..source.cells import ARGUMENTS, is_module_file, parse_line
from ..spec import module_id_of
from ..wording import count
from .cell import Cells, cell_file
from .failure import note_draft

_INTO = re.compile(r"\s*([A-Za-z_]\w*)\s*<<\s*\Z")


def the_app() -> AppContext:
    """The app that runs, started on first use."""
    return current_app() or start()


def _all_of(arguments: Iterable[tuple[str, dict[str, Any]]]) -> Callable[[Any], Any]:
    """A magic's arguments out of a table that others read too."""

    def decorate(magic: Any) -> Any:
        for name, options in reversed(list(arguments)):
            magic = argument(name, **options)(magic)
        return magic

    return decorate


@magics_class
class ModframeMagics(Magics):
    """The magics of one shell."""

    shell: Any

    def __init__(self, shell: Any, cells: Cells) -> None:
        super().__init__(shell)
        self._cells = cells

    @magic_arguments()
    @_all_of(ARGUMENTS)
    @cell_magic
    def module(self, line: str, cell: str) -> None:
        """Make this cell one of a module's files, and swap to the module's whole draft.

        If that fails, what is live is untouched and the draft keeps the text: mend this cell or
        another of the module's, and run it.

        With ``--test`` the module's own tests, in cells called ``test_....py`` or in files of that
        name, are run on the new generation before it goes live: if one fails, so does the swap.
        """
        given = self._given(line)
        module_id = _module_id(given.module)
        if not is_module_file(given.file):
            raise UsageError(
                f"{given.file!r} can't be a module's file: give a Python file such as services.py"
            )
        if given.plan and (given.draft or given.force or given.test):
            raise UsageError(
                "--plan changes nothing and runs no tests, so it goes with none of --draft, "
                "--force and --test; the plan itself says whom --force would break"
            )
        app = the_app()
        content = cell_file(self.shell, self._cells.running, cell)
        if given.plan:
            self._plan(app, module_id, given.file, content)
            return
        content.register()  # IPython put its own transformed text under the cell's name
        draft = app.draft(module_id, given.file, content)
        if given.draft:
            print(f"{module_id} drafted · {given.file} · {count(len(draft.files), 'file')}")
            return
        try:
            outcome = app.try_draft(
                module_id, outer_names=self.shell.user_ns, force=given.force, test=given.test
            )
        except ModframeError as error:
            note_draft(error, draft, _kept(app, module_id, given.file))
            raise
        if isinstance(outcome, tuple):
            print(f"{module_id} drafted · waits for {', '.join(outcome)}")
        else:
            print(_line(outcome, app.url))

    def _given(self, line: str) -> Any:
        """What stands behind ``%%module``; where it can't be understood, what could be meant."""
        try:
            return parse_argstring(self.module, line)
        except (UsageError, ValueError):  # ValueError: of a quote that is left open
            try:
                parse_line(line)
            except ModframeError as error:
                raise UsageError(str(error)) from None
            raise

    def _plan(self, app: AppContext, module_id: str, file: str, content: SourceFile) -> None:
        """Show what a cell would do."""
        plan = app.plan_draft(module_id, file, content, outer_names=self.shell.user_ns)
        if isinstance(plan, tuple):
            print(f"{module_id} would be drafted · would wait for {', '.join(plan)}")
        else:
            display({"text/plain": str(plan), "text/html": plan._repr_html_()}, raw=True)

    @line_magic
    def modframe(self, line: str) -> None:
        """``%modframe drop orders [FILE]``: take a file, or the module's whole draft, out.

        ``%modframe nest``: let your own ``asyncio.run`` work in cells (`nest_asyncio2`).
        """
        words = line.split()
        if words[:1] == ["drop"] and len(words) in (2, 3):
            module_id = _module_id(words[1])
            left = the_app().drop(module_id, words[2] if len(words) == 3 else None)
            what = f"{words[2]} is out of the draft" if left else "the draft is dropped"
            print(f"{module_id}: {what}; {_stays(the_app(), module_id)}")
        elif words == ["nest"]:
            import nest_asyncio2

            nest_asyncio2.apply()
            print("asyncio.run() can be called in cells now")
        else:
            raise UsageError("%modframe drop MODULE [FILE]  or  %modframe nest")

    @cell_magic
    def sql(self, line: str, cell: str) -> Any:
        """SQL over the module databases, tables named ``<database>.<table>``.

        ``%%sql NAME <<`` puts the rows into a variable instead of showing them.
        """
        into = _INTO.match(line) if line.strip() else None
        if line.strip() and into is None:
            raise UsageError("%%sql [NAME <<]: the query stands below this line")
        rows = the_app().database.sql(cell)
        if into is None:
            return rows
        self.shell.user_ns[into.group(1)] = rows
        return None


def _module_id(name: str) -> str:
    try:
        return module_id_of(name)
    except InvalidModuleIdError as error:
        raise UsageError(str(error)) from None


def _line(outcome: Outcome, url: str) -> str:
    """What a cell leaves: ``standard.orders 1 → 2 · live in 4 ms · 2 routes · http://...``."""
    line = str(outcome)
    if outcome.kind == "live" and url and outcome.routes:
        line += f" · {url}/docs"
    if outcome.findings:
        line += f" · {count(len(outcome.findings), 'finding')}"
    return line


def _stays(app: AppContext, module_id: str) -> str:
    number = app.modules[module_id].generation if module_id in app.modules else 0
    return f"generation {number} stays live" if number else "nothing is live yet"


def _kept(app: AppContext, module_id: str, file: str) -> str:
    """What is live and what the draft keeps, so that a person knows which cell to mend."""
    module = app.modules[module_id]
    draft, live = module.draft, module.source
    others = [
        f"{name} ({one.cell})" if one.cell else name
        for name, one in (draft.files.items() if draft else ())
        if name != file and (live is None or name not in live.files
                             or live.files[name].text != one.text)
    ]  # fmt: skip
    also = f", beside {', '.join(others)}" if others else ""
    stays = _stays(app, module_id)
    return (
        f"{stays[0].upper()}{stays[1:]}; the draft keeps {file} as this cell says it{also}. "
        "Mend a cell and run it."
    )
