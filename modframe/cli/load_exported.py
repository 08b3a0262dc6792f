"""``python -m modframe.cli.load_exported``: start an exported module in a fresh process.

In comes a request as JSON on standard input; out goes a file of findings as JSON.
`modframe.ship.fresh_process` is on the other side. What the module prints goes to standard output,
which is shown only if no findings come back. ``modframe inspect --format json`` can't stand in for
this: it takes no settings, and tells neither rules and lines of an error nor what would not stop.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ModframeError
from ..finding import Finding
from ..process import start
from ..runtime.failure import as_load_error
from ..ship.fresh_process import RESULT
from ..source import Source
from ..source.folder_change import change_folder


def main() -> None:
    """Start the module, stop it again, and write the findings."""
    request = json.load(sys.stdin)
    content = json.dumps([finding.to_dict() for finding in _start_and_stop(request)])
    change_folder(Path(request["workspace"]), {RESULT: content.encode()})


def _start_and_stop(request: dict[str, Any]) -> list[Finding]:
    module_id = request["module"]
    try:
        app = start(
            workspace=request["workspace"],
            data=Path(request["workspace"], "data"),
            modules=[module_id],
            settings=request["settings"],
        )
    except ModframeError as error:
        return _findings(error, request, of=module_id)
    errors = {key: module.error for key, module in app.modules.items() if module.error}
    unsettled = app.stop().unsettled
    # Its own error first, then those of the modules that may have blocked it.
    causes = sorted(errors, key=lambda key: key != module_id) if module_id in errors else []
    findings = [finding for key in causes for finding in _findings(errors[key], request, of=key)]
    return findings + [
        Finding("trial-stop", "warning", f"it did not stop cleanly: {fault}") for fault in unsettled
    ]


def _findings(error: BaseException, request: dict[str, Any], *, of: str) -> list[Finding]:
    """Return a module's error as findings whose texts don't name the temporary folder."""
    findings = as_load_error(Source(of, {}, "folder"), "start", error).findings
    folder = request["workspace"].rstrip("/") + "/"
    prefix = "" if of == request["module"] else f"{of}: "
    return [
        replace(
            finding,
            message=prefix + finding.message.replace(folder, ""),
            file=finding.file.replace(folder, ""),
        )
        for finding in findings
    ]


if __name__ == "__main__":
    main()
