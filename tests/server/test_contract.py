"""The merged document is valid, and modframe's own and the example modules do what it says."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import modframe
from modframe.app import AppContext
from modframe.server import Server
from tests.server.everything.module import NEIGHBOUR, module_files

EXAMPLES = Path(modframe.__file__).parents[1] / "modules/standard"
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def server(app: AppContext) -> Server:
    """The core modules and all example modules, served."""
    for folder in sorted(EXAMPLES.iterdir()):
        if (folder / "api.py").exists():
            app.load(folder)
    return app.serve(port=0)


def test_the_document_is_valid(app: AppContext, server: Server, tmp_path: Path) -> None:
    """With all that FastAPI can do in it; and it is that of what is live at each moment."""
    app.load({"api.py": NEIGHBOUR}, id="neighbour")
    app.load(module_files(1, tmp_path), id="everything")
    document = httpx.get(f"{server.url}/openapi.json").json()
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    ids = [one["operationId"] for item in document["paths"].values() for one in item.values()]
    assert len(set(ids)) == len(ids) > 60
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert tags["standard.everything"] == "Uses all of FastAPI."
    needed = {
        path.split("/")[3]: one.get("security")
        for path, item in document["paths"].items()
        for one in item.values()
        if not path.startswith("/api/v1/everything")
    }
    assert needed.pop("core") == [{"modframe.token": []}]
    assert not any(needed.values())
    for number in range(3):
        text = NEIGHBOUR.replace("@module", f"router.get('/{number}')(greeting)\n\n\n@module")
        app.load({"api.py": text}, id="neighbour")
        paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
        assert [path for path in paths if path.startswith("/api/v1/neighbour")] == [
            f"/api/v1/neighbour/{number}"
        ]


@pytest.mark.parametrize(
    ("modes", "examples"),
    [([POSITIVE], 2), pytest.param([POSITIVE, NEGATIVE], 30, marks=pytest.mark.soak)],
    ids=["quick", "soak"],
)
def test_operations_do_what_their_document_says(
    server: Server, subtests: pytest.Subtests, modes: list[GenerationMode], examples: int
) -> None:
    """Whatever it allows or forbids: no fault of the server, no answer that it doesn't describe."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    headers = {"Authorization": f"Bearer {server.token}"}
    limits = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in modes:

            @limits
            @given(case=operation.as_strategy(generation_mode=mode))
            def try_one(case: schemathesis.Case) -> None:
                case.call_and_validate(base_url=server.url, headers=headers, checks=CHECKS)

            with subtests.test(operation.label, mode=mode.name):
                try:
                    try_one()
                except Unsatisfiable:
                    assert mode is NEGATIVE  # it takes nothing
