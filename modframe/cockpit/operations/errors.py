"""The tab *Errors*: recorded failures by kind, of all modules or of one, and of one request."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping

from ...errors import ModframeError
from ...names import short_id
from ...observe import Wanted
from ...observe.failure import Failure
from ...observe.recorded import Group
from ...wording import one_line
from .. import blocks as ui
from ..asks import Ask, Operation

_MOST = 1000
"""How many kinds are listed."""
_NEWEST = 50
"""How many failures of one kind, or of one request, are shown."""
_WIDTH = 300
_SINCE = (
    ("", "All that is kept"),
    ("10m", "Last 10 minutes"),
    ("1h", "Last hour"),
    ("1d", "Last day"),
)
_COLUMNS = ("Error", "Module", "Count", "Last", ("Place", "mono cut"), "Generations", "First")
_CORRELATION = re.compile(r"[0-9a-f]{16,32}|[0-9a-f]{8}-[0-9a-f-]{27}")


def errors(
    ask: Ask, module: str = "", *, only: str = "", since: str = "", text: str = ""
) -> ui.View:
    """Show the kinds of failures, the one that came last first.

    Args:
        module: Only this module's, in its own tab. ``only``: the one chosen among all.
        since: Only newer ones: ``10m``, ``2h``, ``1d``, or a time.
        text: Only those that have it in any of their texts; the correlation id of a request also
            shows what failed in it.
    """
    wanted = Wanted.of(module or only or None, since=since or None, text=text)
    groups = ask.facts.log.errors.groups(wanted, limit=None)
    modules = [("", "All modules"), *((key, short_id(key)) for key in ask.facts.seen.ids())]
    which = ui.Select("module", "Module", modules, only, argument="only")
    hint = "Text, or the correlation id of a request"
    controls = (
        *([] if module else [which]),
        ui.Select("since", "Since", _SINCE, since),
        ui.Field("text", "Text or correlation id", text, hint=hint, live=True),
        ui.Button("Refresh", does="again"),
    )
    request = _request(ask, text.strip())
    return ui.View([ui.Row(controls, "Filter"), *request, *_kinds(ask, groups, module)])


def _kinds(ask: Ask, groups: list[Group], module: str) -> Iterator[ui.Block]:
    if not groups:
        yield ui.Empty("No errors", "Nothing was recorded that fits.")
        return
    total, shown = len(groups), groups[:_MOST]
    cut = f", the newest {len(shown):,} are listed" if total > len(shown) else ""
    many = f"{total:,} kind{'' if total == 1 else 's'} of error{cut}"
    yield ui.Text(many, "muted", status=True)
    known = set() if module else set(ask.facts.seen.ids())
    rows = [_cells(one, module, known) for one in shown]
    opens = [ui.Call("error_kind", {"kind": one.newest.fingerprint}) for one in shown]
    yield ui.Table("Errors", _COLUMNS, rows, opens)


def _cells(group: Group, module: str, known: Container[str]) -> tuple[ui.Cell, ...]:
    facts, newest = group.to_dict(), group.newest
    name = newest.module_id
    where = ui.Link(name, "errors") if name in known else short_id(name)
    live = ((number, many) for number, many in sorted(group.generations.items()) if number)
    return (
        ui.Text(one_line(newest.message)[:_WIDTH], "cause", newest.kind),
        "" if module else where,
        group.count,
        ui.Time(facts["last"]),
        newest.place,
        ", ".join(f"{number} ({many:,})" for number, many in live),
        ui.Time(facts["first"]),
    )


def error_kind(ask: Ask, kind: str, *, failure: int = 0) -> ui.View:
    """Show one of the newest failures of a kind, the newest first; ``kind`` is its fingerprint."""
    found = ask.facts.log.errors.find(Wanted(fingerprint=kind), limit=_NEWEST)
    if not found:
        raise ModframeError("it is kept no more", cure="ask for the errors again")
    newest = found[0]
    title = ui.Heading(f"{newest.kind} in {short_id(newest.module_id)}")
    options = [(at, _title(one)) for at, one in enumerate(found)]
    which = ui.Select("failure", "Which", options, failure, title="Which")
    shown = _failure(found[min(failure, len(found) - 1)])
    return ui.View([ui.Row([title, ui.CLOSE]), which, *shown], "The chosen kind")


def _title(failure: Failure) -> str:
    time = failure.to_dict()["time"]
    return f"{time}, generation {failure.generation}" if failure.generation else time


def _request(ask: Ask, request: str) -> Iterator[ui.Block]:
    """Yield what failed in a request, in the order it did; nothing if it is no correlation id."""
    if not _CORRELATION.fullmatch(request):
        return
    found = ask.facts.log.errors.find(Wanted(text=request), limit=_NEWEST)
    mine = [one for one in reversed(found) if one.correlation_id == request]
    shown: list[ui.Block] = [block for one in mine for block in _failure(one)]
    nothing = ui.Text("Nothing that is kept failed in it.", "muted")
    blocks = [ui.Heading(f"Request {request}"), *(shown or [nothing])]
    yield ui.Section("The request", blocks, card=True)


def _failure(failure: Failure) -> Iterator[ui.Block]:
    facts = failure.to_dict()
    yield ui.Error({name: facts[name] for name in ("type", "code", "message", "place")})
    if failure.count > 1:
        text = f"It stands for {failure.count:,} failures of this kind."
        yield ui.Text(text, "muted")
    if request := failure.correlation_id:
        yield ui.Row([ui.Text("Request"), ui.Text(request, "mono"), ui.Copy(request)])
    if failure.traceback:
        yield ui.Code(failure.traceback, "Traceback")


OPERATIONS: Mapping[str, Operation] = {"errors": errors, "error_kind": error_kind}
