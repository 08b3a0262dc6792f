"""The buttons of a module: what one would do (`plan`), and do it (`do`).

Each action is one verb of `Module` or `AppContext`. A plan is JSON-ready: why it is refused, if it
is; what ``force`` would take away, if that helps; and for each module what would happen to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...desk.rollback import errors_of
from ...desk.waiting import Waiting
from ...errors import ModframeError
from ...finding import Finding
from ...load.text import is_test
from ...runtime.change.outcome import Outcome
from ...runtime.change.plan import Plan, PlanEntry, diff_of
from ...source import Source
from ...wording import count, some
from ..asks import Ask, Operation
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


def plan(
    ask: Ask, module: str, action: Action, *, to: str = "", force: bool = False
) -> dict[str, Any]:
    """Return what `do` would do with the same arguments; nothing changes."""
    return _PLANS[action](Step(ask, ask.app.modules[module], to, force))


def do(
    ask: Ask, module: str, action: Action, *, to: str = "", force: bool = False
) -> dict[str, Any]:
    """Do it; return the line that says what came of it, and how the tests ended, if any ran."""
    step = Step(ask, ask.app.modules[module], to, force)
    done = _DEEDS[action](step)
    if isinstance(done, str):
        return {"text": done}
    outcome = done if isinstance(done, Outcome) else ask.facts.records[step.module.id].outcome
    tests = getattr(outcome, "tests", None)
    return {"text": str(outcome), "tests": tests.tried if tests is not None else ()}


# -- a new generation ------------------------------------------------------------------------


def _plan_reload(step: Step) -> dict[str, Any]:
    planned = _planned(step, step.ask.facts.current(step.module.id))
    return planned | {"force": ""}  # a reload can't be forced


def _reload(step: Step) -> None:
    step.module.reload()


def _plan_test(step: Step) -> dict[str, Any]:
    source = step.ask.facts.current(step.module.id)
    return _planned(step, source) | _tests_of(source)


def _test(step: Step) -> None:
    source = step.ask.facts.current(step.module.id)
    step.app.load(source, test=True, force=step.force)


def _tests_of(source: Source) -> dict[str, Any]:
    """Return the files with tests, and the refusal if there are none."""
    files = sorted(filter(is_test, source.files))
    if files:
        return {"tests": files}
    write = "write functions called test_... in test_api.py or tests/test_....py"
    return {"tests": [], "refused": f"{source.module_id} has no tests: {write}."}


def _plan_rollback(step: Step) -> dict[str, Any]:
    entry = entry_named(step.module, step.to)
    planned = step.app.plan(entry.source, force=step.force)
    note = f"Generation {entry.generation}{errors_of(entry)}." if entry.errors else ""
    if all(one.action == "stay" for one in planned):
        return plan_facts(planned, refused="Its text is what is live.", note=note)
    return plan_facts(planned, note=note)


def _rollback(step: Step) -> None:
    step.module.rollback(entry_named(step.module, step.to), force=step.force)


def _planned(step: Step, source: Source) -> dict[str, Any]:
    """Return the plan of a change that loads the text anew, also if it is live already."""
    planned = step.app.plan(source, force=step.force)
    if all(one.action == "stay" for one in planned):
        planned = step.app.plan(source, force=True)
    return plan_facts(planned)


# -- the draft -------------------------------------------------------------------------------


def _plan_draft(step: Step) -> dict[str, Any]:
    draft, live = step.draft, step.module.source
    texts = live.texts if live is not None else {}
    written = next((one for one in draft.all_files if draft.texts[one] != texts.get(one)), None)
    if written is None or step.force:  # files were dropped, and nothing else
        return plan_facts(step.app.plan(draft, force=step.force))
    planned = step.app.plan_draft(draft.module_id, written, draft.all_files[written])
    if isinstance(planned, Waiting):
        entry = {"id": draft.module_id, "action": "wait", "diff": diff_of(live, draft)}
        return {"refused": f"It waits for {planned}.", "force": "", "entries": [entry]}
    return plan_facts(planned)


def _load_draft(step: Step, *, test: bool = False) -> Any:
    outcome = step.app.try_draft(step.module.id, force=step.force, test=test)
    if isinstance(outcome, Waiting):
        raise ModframeError(f"the draft waits for {outcome}", subject=step.module.id)
    return outcome


def _plan_test_draft(step: Step) -> dict[str, Any]:
    return _plan_draft(step) | _tests_of(step.draft)


def _test_draft(step: Step) -> Any:
    return _load_draft(step, test=True)


def _plan_drop(step: Step) -> dict[str, Any]:
    live = step.module.source
    why = "what is live stays, and the draft is gone" if live else "nothing of it is kept"
    diff = diff_of(live, step.draft)
    return _one_entry({"id": step.module.id, "action": "drop", "why": why, "diff": diff})


def _drop(step: Step) -> str:
    step.app.drop(step.module.id)
    return f"The draft of {step.module.id} was dropped."


# -- the end, and files ----------------------------------------------------------------------


def _plan_unload(step: Step) -> dict[str, Any]:
    live, key = step.ask.facts.live, step.module.id
    if key not in live.generations:
        state = step.module.state
        return _one_entry({"id": key, "action": "stay", "why": f"it is {state}"}, "It isn't live.")
    needing = live.dependents(key)
    contents = step.ask.facts.seen.module(key).contents
    entry = {
        "id": key,
        "action": "refuse" if needing else "stop",
        "why": f"it has {contents}" if contents else "it has no service and no routes",
        "before": live.generations[key].number,
    }
    require = "requires" if len(needing) == 1 else "require"
    refused = f"{some(needing)} {require} it: unload that first." if needing else ""
    return _one_entry(entry, refused)


def _unload(step: Step) -> str:
    step.module.unload()
    return f"{step.module.id} was unloaded."


def _plan_export(step: Step) -> dict[str, Any]:
    key, exported = step.module.id, step.ask.facts.plan_export(step.module.id)
    written = [path.relative_to(exported.folder).as_posix() for path in exported.write]
    removed = [path.relative_to(exported.folder).as_posix() for path in exported.remove]
    new = {file: text for file, text in step.module.source.texts.items() if file in written}
    old = _texts_of(exported.folder, [*written, *removed])
    total, where = count(len(exported.contents), "file"), exported.folder
    entry = {
        "id": key,
        "action": "export",
        "why": f"{len(written)} of {total} to write, {len(removed)} to remove, in {where}",
        "diff": diff_of(Source.from_texts(key, old), Source.from_texts(key, new)),
        "findings": _finding_facts([*exported.refusals, *exported.findings]),
    }
    if not exported.refusals or step.force:
        return _one_entry(entry)
    files = some([one.file for one in exported.refusals])
    fault = f"{files} would be written over, and modframe did not write it."
    return _one_entry(entry, fault, force=f"Write over {files}")


def _export(step: Step) -> str:
    report = step.module.export(force=step.force)
    return str(report.line)


# -- facts -----------------------------------------------------------------------------------


def _texts_of(folder: Path, files: Iterable[str]) -> dict[str, str]:
    """Return the texts that files have now; one that is no text is left out."""
    texts = {}
    for file in files:
        try:
            texts[file] = (folder / file).read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            continue
    return texts


def _one_entry(entry: Mapping[str, Any], refused: str = "", *, force: str = "") -> dict[str, Any]:
    return {"refused": refused, "force": force, "entries": [entry]}


def plan_facts(planned: Plan, *, refused: str = "", note: str = "") -> dict[str, Any]:
    """Return a plan as JSON-ready data; ``refused`` is a reason that it does not know."""
    why = next((one.why for one in planned if one.action == "refuse" and one.error), "")
    return {
        "refused": refused or (f"{why[0].upper()}{why[1:]}." if why else ""),
        "force": _taken_away(planned),
        "note": note,
        "order": planned.order,
        "entries": [_entry_facts(entry) for entry in planned],
    }


def _taken_away(planned: Plan) -> str:
    """Return what would break if a plan were forced; empty if force does not help."""
    refusals = [
        finding
        for entry in planned
        if entry.action == "refuse"
        for finding in entry.findings
        if finding.level == "error"
    ]
    if not refusals or any(finding.rule != "contract" for finding in refusals):
        return ""
    uses = (str(use) for entry in planned for change in entry.contract for use in change.uses)
    return f"Break {some(list(dict.fromkeys(uses)))}"


def _entry_facts(entry: PlanEntry) -> dict[str, Any]:
    facts = {
        "id": entry.id,
        "action": entry.action,
        "why": entry.why,
        "before": entry.before,
        "after": entry.after,
        "error": entry.error,
        "diff": entry.diff,
        "contract": [_change_facts(change) for change in entry.contract],
        "parts": entry.parts,
        "findings": _finding_facts(entry.findings),
    }
    return {key: value for key, value in facts.items() if value}


def _change_facts(change: Any) -> dict[str, Any]:
    return {"text": change.text, "breaking": change.breaking, "uses": list(map(str, change.uses))}


def _finding_facts(findings: Iterable[Finding]) -> list[dict[str, str]]:
    return [{"level": one.level, "text": str(one)} for one in findings]


def watch(ask: Ask, *, on: bool) -> None:
    """Swap modules in when their files are saved, or no longer."""
    watcher = ask.app.watch()
    if not on:
        watcher.stop()


_PLANS: Mapping[Action, Callable[[Step], dict[str, Any]]] = {
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
OPERATIONS: Mapping[str, Operation] = {"plan": plan, "do": do, "watch": watch}
