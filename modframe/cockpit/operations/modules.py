"""The buttons of a module: what one would do (`plan`), and do it (`do`).

Each action is one verb of `Module` or `AppContext`. Its plan says why it is refused, if it is; what
``force`` would take away, if that helps; and for each module what would happen to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from ...desk.rollback import errors_of
from ...desk.waiting import Waiting
from ...errors import ModframeError
from ...load.text import is_test
from ...runtime.change.outcome import Outcome
from ...runtime.change.plan import PlanEntry, diff_of
from ...source import Source
from ...wording import count, some
from .. import blocks as ui
from ..asks import Ask, Operation
from ..plans import Planned, tests_blocks
from .history import entry_named

Action = Literal[
    "reload", "test", "unload", "rollback", "export", "load_draft", "test_draft", "drop_draft"
]


@dataclass(frozen=True, slots=True)
class Step:
    """One action on one module.

    Attributes:
        module: The `Module`.
        to: Which entry of the history a rollback goes to.
        force: Whether what other modules use is taken away; of an export, whether files that were
            changed by hand are written over.
    """

    ask: Ask
    module: Any
    to: str = ""
    force: bool = False

    @property
    def app(self) -> Any:
        """The `AppContext`."""
        return self.ask.app

    @property
    def draft(self) -> Source:
        """What cells have written and is not live.

        Raises:
            ModframeError: If there is nothing.
        """
        draft: Source | None = self.module.draft
        live = self.module.source
        if draft is None or (live is not None and draft.full_digest == live.full_digest):
            raise ModframeError(
                f"{self.module.id} has no draft that is not live",
                cure="write one in a %%module cell",
            )
        return draft


def plan(ask: Ask, module: str, action: Action, *, to: str = "", force: bool = False) -> ui.View:
    """Show what `do` would do with the same arguments; nothing changes."""
    step = Step(ask, ask.app.modules[module], to, force)
    planned = _PLANS[action](step)
    taken = _PLANS[action](replace(step, force=False)).force if force else planned.force
    choice = [ui.Check("force", taken, force, tone="warn")] if taken else []
    return ui.View([*planned.blocks(), *choice], refused=bool(planned.refused), danger=force)


def do(ask: Ask, module: str, action: Action, *, to: str = "", force: bool = False) -> ui.View:
    """Do it; show the line that says what came of it, and how the tests ended, if any ran."""
    step = Step(ask, ask.app.modules[module], to, force)
    done = _DEEDS[action](step)
    if isinstance(done, str):
        return ui.View([ui.Note(done, "good")])
    outcome = done if isinstance(done, Outcome) else ask.facts.records[step.module.id].outcome
    tests = getattr(outcome, "tests", None)
    return ui.View([ui.Note(str(outcome), "good"), *tests_blocks(tests.tried if tests else ())])


def draft(ask: Ask, module: str) -> ui.View:
    """Show what cells have written and isn't live, as the plan of loading it, and its buttons."""
    one = ask.app.modules[module]
    if one.draft is None or (one.source and one.draft.full_digest == one.source.full_digest):
        return ui.View([ui.Empty("No draft", "What the cells say is what is live.")])
    about = "The draft against what is live. Nothing changes until it is loaded."
    buttons = (
        ui.action_button(one.id, "load_draft", "Load", style="primary"),
        ui.action_button(one.id, "test_draft", "Load with tests"),
        ui.action_button(one.id, "drop_draft", "Drop draft", danger=True),
    )
    return ui.View([
        ui.Row((ui.Heading(about), *buttons), "Draft"),
        *_plan_draft(Step(ask, one)).blocks(),
    ])  # fmt: skip


# -- a new generation ------------------------------------------------------------------------


def _plan_reload(step: Step) -> Planned:
    planned = _planned(step, step.ask.facts.current(step.module.id))
    return replace(planned, force="")  # a reload can't be forced


def _reload(step: Step) -> None:
    step.module.reload()


def _plan_test(step: Step) -> Planned:
    source = step.ask.facts.current(step.module.id)
    return _tested(_planned(step, source), source)


def _test(step: Step) -> None:
    source = step.ask.facts.current(step.module.id)
    step.app.load(source, test=True, force=step.force)


def _tested(planned: Planned, source: Source) -> Planned:
    """Return a plan with the files with tests, and with the refusal if there are none."""
    files = sorted(filter(is_test, source.files))
    if files:
        return replace(planned, tests=files)
    write = "write functions called test_... in test_api.py or tests/test_....py"
    return replace(planned, refused=f"{source.module_id} has no tests: {write}.")


def _plan_rollback(step: Step) -> Planned:
    entry = entry_named(step.module, step.to)
    found = step.app.plan(entry.source, force=step.force)
    note = f"Generation {entry.generation}{errors_of(entry)}." if entry.errors else ""
    same = all(one.action == "stay" for one in found)
    return Planned.of(found, refused="Its text is what is live." if same else "", note=note)


def _rollback(step: Step) -> None:
    step.module.rollback(entry_named(step.module, step.to), force=step.force)


def _planned(step: Step, source: Source) -> Planned:
    """Return the plan of a change that loads the text anew, also if it is live already."""
    found = step.app.plan(source, force=step.force)
    if all(one.action == "stay" for one in found):
        found = step.app.plan(source, force=True)
    return Planned.of(found)


# -- the draft -------------------------------------------------------------------------------


def _plan_draft(step: Step) -> Planned:
    draft, live = step.draft, step.module.source
    texts = live.texts if live is not None else {}
    written = next((one for one in draft.all_files if draft.texts[one] != texts.get(one)), None)
    if written is None or step.force:  # files were dropped, and nothing else
        return Planned.of(step.app.plan(draft, force=step.force))
    found = step.app.plan_draft(draft.module_id, written, draft.all_files[written])
    if isinstance(found, Waiting):
        entry = _entry(step, "wait", diff=diff_of(live, draft))
        return Planned([entry], f"It waits for {found}.")
    return Planned.of(found)


def _load_draft(step: Step, *, test: bool = False) -> Any:
    outcome = step.app.try_draft(step.module.id, force=step.force, test=test)
    if isinstance(outcome, Waiting):
        raise ModframeError(f"the draft waits for {outcome}", subject=step.module.id)
    return outcome


def _plan_test_draft(step: Step) -> Planned:
    return _tested(_plan_draft(step), step.draft)


def _test_draft(step: Step) -> Any:
    return _load_draft(step, test=True)


def _plan_drop(step: Step) -> Planned:
    live = step.module.source
    why = "what is live stays, and the draft is gone" if live else "nothing of it is kept"
    return Planned([_entry(step, "drop", why, diff=diff_of(live, step.draft))])


def _drop(step: Step) -> str:
    step.app.drop(step.module.id)
    return f"The draft of {step.module.id} was dropped."


# -- the end, and files ----------------------------------------------------------------------


def _plan_unload(step: Step) -> Planned:
    live, key = step.ask.facts.live, step.module.id
    if key not in live.generations:
        return Planned([_entry(step, "stay", f"it is {step.module.state}")], "It isn't live.")
    needing = live.dependents(key)
    contents = step.ask.facts.seen.module(key).contents
    why = f"it has {contents}" if contents else "it has no service and no routes"
    action = "refuse" if needing else "stop"
    require = "requires" if len(needing) == 1 else "require"
    refused = f"{some(needing)} {require} it: unload that first." if needing else ""
    return Planned([_entry(step, action, why, before=live.generations[key].number)], refused)


def _unload(step: Step) -> str:
    step.module.unload()
    return f"{step.module.id} was unloaded."


def _plan_export(step: Step) -> Planned:
    key, exported = step.module.id, step.ask.facts.plan_export(step.module.id)
    written = [path.relative_to(exported.folder).as_posix() for path in exported.write]
    removed = [path.relative_to(exported.folder).as_posix() for path in exported.remove]
    new = {file: text for file, text in step.module.source.texts.items() if file in written}
    old = _texts_of(exported.folder, [*written, *removed])
    total, where = count(len(exported.contents), "file"), exported.folder
    why = f"{len(written)} of {total} to write, {len(removed)} to remove, in {where}"
    entry = _entry(
        step,
        "export",
        why,
        diff=diff_of(Source.from_texts(key, old), Source.from_texts(key, new)),
        findings=(*exported.refusals, *exported.findings),
    )
    if not exported.refusals or step.force:
        return Planned([entry])
    files = some([one.file for one in exported.refusals])
    fault = f"{files} would be written over, and modframe did not write it."
    return Planned([entry], fault, force=f"Write over {files}")


def _export(step: Step) -> str:
    report = step.module.export(force=step.force)
    return str(report.line)


# -- entries -----------------------------------------------------------------------------------


def _texts_of(folder: Path, files: Iterable[str]) -> dict[str, str]:
    """Return the texts that files have now; one that is no text is left out."""
    texts = {}
    for file in files:
        try:
            texts[file] = (folder / file).read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            continue
    return texts


def _entry(step: Step, action: str, why: str = "", **facts: Any) -> PlanEntry:
    """Return what would happen to the module, by an action that is no change."""
    return PlanEntry(step.module.id, cast("Any", action), why, **facts)


def watch(ask: Ask, *, on: bool) -> None:
    """Swap modules in when their files are saved, or no longer."""
    watcher = ask.app.watch()
    if not on:
        watcher.stop()


_PLANS: Mapping[Action, Callable[[Step], Planned]] = {
    "reload": _plan_reload,
    "test": _plan_test,
    "unload": _plan_unload,
    "rollback": _plan_rollback,
    "export": _plan_export,
    "load_draft": _plan_draft,
    "test_draft": _plan_test_draft,
    "drop_draft": _plan_drop,
}
_DEEDS: Mapping[Action, Callable[[Step], Any]] = {
    "reload": _reload,
    "test": _test,
    "unload": _unload,
    "rollback": _rollback,
    "export": _export,
    "load_draft": _load_draft,
    "test_draft": _test_draft,
    "drop_draft": _drop,
}
OPERATIONS: Mapping[str, Operation] = {"plan": plan, "do": do, "draft": draft, "watch": watch}
