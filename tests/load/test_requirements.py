"""What a module's ``requirements.txt`` asks for is compared with what is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

from modframe.app import AppContext
from modframe.errors import LoadError, RequirementsError
from modframe.finding import Finding
from modframe.load.requirements import refuse_unmet, requirement_findings
from modframe.source import Source, SourceFile
from tests.fakes import simple


def write(folder: Path, texts: Mapping[str, str]) -> Path:
    for file, text in texts.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def found(folder: Path, text: str, **more: str) -> list[Finding]:
    write(folder, {"requirements.txt": text, **more})
    return requirement_findings(Source("standard.orders", {}, "mapping"), str(folder))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("# httpx>=99\n\n   # more\n", id="comments"),
        pytest.param(
            "httpx>=0.1  # the client\nPydantic_Settings\n", id="met, however it is spelt"
        ),
        pytest.param("httpx @ https://x/y.whl ; python_version < '3'\n", id="a URL it leaves out"),
        pytest.param("nowhere-at-all; python_version < '3.0'\n", id="a marker leaves it out"),
        pytest.param("sqlalchemy[asyncio]>=2\n", id="an extra that is there"),
        pytest.param("--index-url https://example.org/simple\n--pre\nhttpx\n", id="options"),
        pytest.param("httpx \\\n  >=0.1 \\\n  --hash=sha256:00\n", id="a continued line"),
        pytest.param("\ufeffhttpx\r\n", id="a byte order mark"),
    ],
)
def test_what_is_met_says_nothing(tmp_path: Path, text: str) -> None:
    """Comments, options, markers, extras and continued lines are read as pip reads them."""
    assert found(tmp_path, text) == []


def test_what_is_missing_or_too_old_is_an_error_with_its_command(tmp_path: Path) -> None:
    """Each at its line, with both versions where there are two."""
    text = "httpx>=0.1\n\nhttpx>=99,<100\nnowhere-at-all==1.0  # the driver\n"
    old, missing = found(tmp_path, text)
    assert (old.rule, old.level, old.file, old.line) == (
        "requirements", "error", "requirements.txt", 3,
    )  # fmt: skip
    assert old.message == f"requires httpx<100,>=99, and {version('httpx')} is installed"
    assert old.cure == "install it: pip install 'httpx>=99,<100'"
    assert missing.message == "requires nowhere-at-all==1.0, which is not installed"
    assert missing.line == 4
    with pytest.raises(RequirementsError) as raised:
        refuse_unmet(Source("standard.orders", {}, "mapping"), str(tmp_path))
    assert isinstance(raised.value, LoadError)
    assert raised.value.command == "pip install 'httpx>=99,<100' 'nowhere-at-all==1.0'"
    assert str(raised.value).endswith(f"Install all of them: {raised.value.command}")


def test_an_extra_whose_package_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says which package of the extra it is."""
    rows = ["nowhere-at-all>=2; extra == 'fast'", "other; extra == 'slow'", "httpx"]
    monkeypatch.setattr("modframe.load.requirements.requires", lambda _: rows)
    (finding,) = found(tmp_path, "httpx[fast]\n")
    assert finding.message == (
        "requires httpx[fast], whose extra 'fast' requires nowhere-at-all>=2, which is not installed"
    )


def test_other_files_are_included(tmp_path: Path) -> None:
    """Relative to the file that names them; a circle ends, a missing file is said."""
    findings = found(
        tmp_path,
        "-r more/base.txt\n--requirement=gone.txt\n",
        **{"more/base.txt": "-r ../requirements.txt\n\nnowhere-at-all\n"},
    )
    assert [(one.rule, one.file, one.line) for one in findings] == [
        ("requirements", "more/base.txt", 3),
        ("unchecked-requirement", "requirements.txt", 2),
    ]


@pytest.mark.parametrize(
    "text",
    ["git+https://example.org/driver.git", "./wheels/driver-1.0-py3-none-any.whl", "-e ../driver",
     "-c constraints.txt", "what is this?"],
)  # fmt: skip
def test_what_can_t_be_checked_is_said(tmp_path: Path, text: str) -> None:
    """A URL, a path, a constraint and what pip would not understand refuse nothing."""
    (finding,) = found(tmp_path, f"{text}\n")
    assert (finding.rule, finding.level) == ("unchecked-requirement", "info")
    assert finding.message.endswith(": not checked")


def test_a_name_with_a_url_is_checked_by_name(tmp_path: Path) -> None:
    """Missing, it is an error; installed, its version stays unknown. Passwords are left out."""
    text = "httpx @ https://me:s3cret@example.org/httpx.whl\nnowhere @ https://s3cret@x/no.whl\n"
    findings = found(tmp_path, f"{text}git+https://me:s3cret@example.org/driver\n")
    assert [one.level for one in findings] == ["info", "error", "info"]
    assert "s3cret" not in "".join(map(str, findings))


def test_optional_requirements_are_said_and_refuse_nothing(
    app: AppContext, workspace: Path
) -> None:
    """The module goes live; its findings and a check say what it can't use."""
    write(
        workspace / "modules/standard/orders",
        {"api.py": simple(), "requirements-optional.txt": "nowhere-at-all>=2\n"},
    )
    module = app.load("orders")
    assert module.state == "LIVE"
    (finding,) = module.findings
    assert finding.message == "can use nowhere-at-all>=2, which is not installed"
    assert [one.code for one in app.check("orders")] == ["MF802"]


def test_a_load_is_refused_before_anything_runs(app: AppContext, workspace: Path) -> None:
    """What is live stays; a check says the same; the next load reads the file again."""
    folder = write(
        workspace / "modules/standard/orders",
        {"api.py": "open('ran', 'w').close()\n" + simple(), "requirements.txt": "nowhere-at-all\n"},
    )
    with pytest.raises(RequirementsError, match=r"line 1: requires nowhere-at-all, which is not"):
        app.load("orders")
    assert app.modules["orders"].state == "FAILED"
    assert not (workspace / "ran").exists()
    assert [(one.rule, one.file) for one in app.check("orders")] == [
        ("requirements", "requirements.txt")
    ]
    (folder / "requirements.txt").write_text("httpx\n")
    assert app.load("orders").state == "LIVE"


def test_a_cell_s_requirements_are_checked_too(app: AppContext) -> None:
    """The finding has the cell and its line."""
    app.draft("orders", "api.py", SourceFile(simple(), "<one>"))
    text = SourceFile("nowhere-at-all\n", "<two>", first_line=2, cell="Cell In[2]")
    app.draft("orders", "requirements.txt", text)
    (finding,) = app.check("orders")
    assert finding.place == "requirements.txt, Cell In[2], line 2"
