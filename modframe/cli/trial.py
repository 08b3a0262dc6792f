"""The other side of an export's trial: ``python -m modframe.cli.trial`` in a fresh process.

In comes a request as JSON on standard input; out goes a file of findings as JSON. Whatever the
module prints goes to standard output, which `modframe.ship.trial` shows only if all else fails.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ..app import AppContext, start
from ..errors import Finding, ModframeError


def main() -> None:
    """Start the module, stop it again, and write down what was found."""
    request = json.load(sys.stdin)
    findings = _try(request)
    aside = Path(f"{request['result']}.new")
    aside.write_text(json.dumps([one.to_dict() for one in findings]), encoding="utf-8")
    aside.replace(request["result"])


def _try(request: dict[str, Any]) -> list[Finding]:
    try:
        app = start(
            workspace=request["workspace"],
            data=request["data"],
            modules=[request["module"]],
            settings=request["settings"],
        )
    except ModframeError as error:
        return _findings(error, request["workspace"])
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
        for finding in _findings(one.error, request["workspace"], "" if one is own else one.id)
    ]


def _findings(error: BaseException, workspace: str, module_id: str = "") -> list[Finding]:
    """An error as findings whose texts don't name the folder of the trial."""
    found = getattr(error, "findings", None)
    if not found:
        cure = getattr(error, "cure", "")
        message = getattr(error, "message", "") or f"{type(error).__name__}: {error}"
        found = [Finding("trial", "error", message, cure)]
    stage = workspace.rstrip("/") + "/"
    return [
        Finding(
            one.rule,
            one.level,
            (f"{module_id}: " if module_id else "") + one.message.replace(stage, ""),
            one.cure,
            one.file.replace(stage, ""),
            one.line,
        )
        for one in found
    ]


if __name__ == "__main__":
    main()
