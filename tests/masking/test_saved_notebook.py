"""A notebook that is run and saved, widgets included, holds no secret of a live module."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from modframe.cli.quickstart import ThisInterpreter
from tests.kernels import PATIENCE
from tests.masking import vault

pytestmark = pytest.mark.kernel

CELLS = [
    "%load_ext modframe\nimport modframe\nfrom tests.masking import vault\n"
    "app = modframe.start(settings=vault.SESSION, modules=[])",
    *(f"%%module vault {file}\n{text}" for file, text in reversed(vault.MODULE.items())),
    "module, service = app.modules['vault'], app.get_service('vault')\nmodule",
    "module.settings",
    "print(module.settings, module.settings.account)",
    "await service.tell()",
    "print('said:', await service.tell())",
    "import sys; print(await service.tell(), file=sys.stderr)",
    "await service.fail()",
    "await service.chain()",
    "service.log(), service.show(), await service.die(), service.die_in_thread()",
    f"%%module vault\n{vault.BROKEN['api.py']}",
    f"%%module vault settings.py\n{vault.REFUSING['settings.py']}",
    "module.settings?",
    "1 / 0 if module.settings.password else None",
    "from IPython.display import display, HTML\n"
    "display(HTML(await service.tell()), display_id='it'); display(module.settings)",
    "app.inspect('vault')",
    "assert 'sk-live' in await service.tell()  # the value itself is whole",
    "app.snapshot()",
]


async def test_a_saved_notebook_holds_no_secret(workspace: Path) -> None:
    """Results, prints, tracebacks, displays and the state of widgets show masks."""
    vault.prepare(workspace)
    (workspace / "modules").rename(workspace / "elsewhere")
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in CELLS])
    client = NotebookClient(
        notebook,
        km=ThisInterpreter(),
        timeout=PATIENCE,
        allow_errors=True,
        resources={"metadata": {"path": str(workspace)}},
    )
    root = str(Path(__file__).parents[2])
    await client.async_execute(
        cleanup_kc=True, env={**os.environ, **vault.ENVIRONMENT, "PYTHONPATH": root}
    )
    saved = workspace / "saved.ipynb"
    nbformat.write(notebook, saved)
    texts = [("saved.ipynb", saved.read_text()), *vault.read_files(workspace / "data")]
    # The cells' own text, which the history keeps as well, is as its author wrote it.
    found = list(
        vault.find_secrets((name, text.replace(vault.DEFAULT, "")) for name, text in texts)
    )
    assert not found, "\n".join(found)
    failed = [
        cell.source.split("\n")[0]
        for cell in notebook.cells
        if any(output.output_type == "error" for output in cell.outputs)
    ]
    assert len(failed) == 5, failed
    assert "LIVE" in str(notebook.cells[3].outputs)
    assert texts[0][1].count("**********") > 50
    assert notebook.metadata["widgets"]
