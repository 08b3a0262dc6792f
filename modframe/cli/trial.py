"""The other side of an export's trial: ``python -m modframe.cli.trial`` in a fresh process.

In comes a request as JSON on standard input; out goes a file of findings as JSON. Whatever the
module prints goes to standard output, which `modframe.ship.fresh_process` shows only
if all else fails.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..app import AppContext, start
from ..errors import Finding, ModframeError
from ..runtime.failure import as_load_error
from ..ship.files import replace_file
from ..source import Source


def main() -> None:
    """Start the module, stop it again, and write down what was found."""
    request = json.load(sys.stdin)
    findings = _try(request)
    content = json.dumps([one.to_dict() for one in findings]).encode()
    replace_file(Path(request["result"]), content)


def _try(request: dict[str, Any]) -> list[Finding]:
    try:
        app = start(
            workspace=request["workspace"],
            data=request["data"],
            modules=[request["module"]],
            settings=request["settings"],
        )
    except ModframeError as error:
        return _findings(error, request, of=request["module"])
    try:
        found = _errors(app, request)
    finally:
        report = app.stop()
    return [
        *found,
        *(
            Finding("trial-stop", "warning", f"it did not stop cleanly: {fault}")
            for fault in report.unsettled
        ),
    ]


def _errors(app: AppContext, request: dict[str, Any]) -> list[Finding]:
    own = app.modules[request["module"]]
    if own.error is None:
        return []
    causes = [own, *(one for one in app.modules.values() if one.id != own.id and one.error)]
    return [
        finding
        for one in causes
        if one.error is not None
        for finding in _findings(one.error, request, of=one.id)
    ]


def _findings(error: BaseException, request: dict[str, Any], *, of: str) -> list[Finding]:
    """A module's error as findings whose texts don't name the folder of the trial."""
    found = as_load_error(Source(of, {}, "folder"), "start", error).findings
    stage = request["workspace"].rstrip("/") + "/"
    other = "" if of == request["module"] else f"{of}: "
    return [
        replace(
            one,
            message=other + one.message.replace(stage, ""),
            file=one.file.replace(stage, ""),
        )
        for one in found
    ]


if __name__ == "__main__":
    main()
