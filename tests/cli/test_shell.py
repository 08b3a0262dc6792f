"""The other commands: what they print, as text and as JSON, and how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import modframe
from modframe.cli import main
from modframe.logging import get_framework_logger
from tests.cli.conftest import Shell
from tests.fakes import ORDERS


def test_help_and_version(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command has its help; the version is the package's."""
    names = (
        "quickstart", "serve", "list", "inspect", "init", "scaffold", "compliance", "export",
        "reference", "logs", "errors", "doctor", "health", "db", "link", "mcp",
    )  # fmt: skip
    done = shell.run("--help")
    assert done.returncode == 0
    listed = re.findall(r"^  (\w+)  ", done.stdout, re.MULTILINE)
    assert [one for one in listed if not one.startswith("-")] == [
        "quickstart", "serve", "link", "mcp", "list", "inspect", "health", "init", "scaffold",
        "export", "reference", "logs", "errors", "doctor", "compliance", "db",
    ]  # fmt: skip
    for name in names:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert (ended.value.code, capsys.readouterr().err) == (0, "")
    assert shell.run("--version").stdout == f"modframe {modframe.__version__}\n"


@pytest.mark.parametrize(
    "words", [["serve", "--prot", "1"], ["nothing"], ["scaffold"], ["inspect"], ["export"]]
)
def test_wrong_usage_is_status_2(shell: Shell, words: list[str]) -> None:
    """And says so on standard error."""
    done = shell.run(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "error" in done.stderr.lower()


def test_list_reads_and_runs_nothing(shell: Shell) -> None:
    """Id, type, version, and whether the text passes the checks."""
    assert "no modules in" in shell.run("list").stdout
    text = ORDERS.replace(
        "    async def initialize",
        '    MODULE_VERSION = "1.2.3"\n    MODULE_DESCRIPTION = "[bold]Tea[/bold]"\n\n'
        "    async def initialize",
    )
    shell.write("standard.orders", "open('ran', 'w').close()\n" + text)
    shell.write("extensions.bad", "x = (\n")
    done = shell.run("list")
    assert done.returncode == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["module", "type", "version", "checks", "description"],
        ["extensions.bad", "extensions", "1", "error"],
        ["standard.orders", "standard", "1.2.3", "ok", "[bold]Tea[/bold]"],
    ]
    facts = json.loads(shell.run("list", "--format", "json").stdout)
    assert [(one["id"], one["version"], len(one["errors"])) for one in facts["modules"]] == [
        ("extensions.bad", "", 1),
        ("standard.orders", "1.2.3", 0),
    ]
    assert not (shell.folder / "ran").exists()


def test_inspect_shows_what_a_module_has(shell: Shell) -> None:
    """Loaded in memory and stopped again: nothing is kept."""
    shell.write("standard.orders", ORDERS)
    done = shell.run("inspect", "orders")
    assert done.returncode == 0
    assert done.stdout.startswith("standard.orders\n  state")
    assert "standard.orders.service" in done.stdout
    assert "GET /api/v1/orders/total" in done.stdout
    facts = json.loads(shell.run("inspect", "orders", "--format", "json").stdout)
    assert (facts["id"], facts["state"]) == ("standard.orders", "LIVE")
    assert [one.name for one in shell.folder.iterdir()] == ["modules"]


def test_inspect_of_a_module_that_fails_or_isn_t_there(shell: Shell) -> None:
    """Status 1; the reason is in the facts, or on standard error with the nearest name."""
    shell.write("standard.orders", "1 / 0\n")
    done = shell.run("inspect", "orders")
    assert done.returncode == 1
    assert re.search(r"state +FAILED", done.stdout)
    assert "ZeroDivisionError" in done.stdout
    missing = shell.run("inspect", "order")
    assert missing.returncode == 1
    assert "error: there is no module 'standard.order'" in missing.stderr
    assert "Did you mean 'standard.orders'?" in missing.stderr


def test_compliance_gives_findings(shell: Shell) -> None:
    """As lines and as JSON, with status 1 for errors only; module output goes elsewhere."""
    shell.write("standard.orders", "__import__('sys').stdout.write('noise')\n" + ORDERS)
    shell.write("standard.bad", "from modframe.decorators import module\nx = nowhere\n")
    done = shell.run("compliance", "validate", "--module", "standard.orders")
    assert (done.returncode, done.stdout) == (0, "standard.orders: complies\n")
    bad = shell.run("compliance", "validate", "--module", "bad", "--format", "json")
    assert bad.returncode == 1
    assert json.loads(bad.stdout) == {
        "findings": [
            {
                "rule": "undefined-name",
                "level": "error",
                "file": "api.py",
                "line": 2,
                "message": "name 'nowhere' is not defined",
                "cure": "define it or import it",
            }
        ]
    }
    every = shell.run("compliance", "validate")
    assert every.returncode == 1
    assert every.stdout.splitlines()[0] == "standard.bad: 1 error"
    assert every.stdout.splitlines()[-1] == "standard.orders: complies"


def test_scaffold_says_what_it_wrote_and_refuses_with_the_choices(shell: Shell) -> None:
    """Status 2 for what can't be, 1 for what is there already."""
    words = ("scaffold", "--name", "stock", "--type", "extensions", "--features", "api")
    done = shell.run(*words)
    assert done.returncode == 0
    assert "  modules/extensions/stock/api.py" in done.stdout.splitlines()
    assert not (shell.folder / "modules/extensions/stock/settings.py").exists()
    again = shell.run(*words)
    assert again.returncode == 1
    assert "nothing is overwritten" in again.stderr
    feature = shell.run("scaffold", "--name", "other", "--features", "api,cache")
    assert feature.returncode == 2
    assert feature.stderr.startswith("error: there is no feature 'cache'")
    assert "database, api, settings" in feature.stderr
    kind = shell.run("scaffold", "--name", "other", "--type", "plugin")
    assert kind.returncode == 2
    assert "core, standard, extensions" in kind.stderr


def test_export_writes_what_was_live_last_and_check_compares(shell: Shell) -> None:
    """No app has to run; ``--check`` is status 1 where files and history differ, and says which."""
    texts = {"api.py": ORDERS, "README.md": "# Orders\n"}
    with modframe.start(workspace=shell.folder) as app:
        app.load({"api.py": "x = 1\n" + ORDERS}, id="orders")
        app.load(texts, id="orders")
    folder = shell.folder / "modules/standard/orders"
    done = shell.run("export", "--check")
    assert done.returncode == 1
    assert "error: api.py: the text that was live last is not exported to it. " in done.stdout
    done = shell.run("export", "orders", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["written"] == [str(folder / "api.py"), str(folder / "README.md")]
    assert {path.name: path.read_text() for path in folder.iterdir()} == texts
    done = shell.run("export", "--check", "orders")
    assert (done.returncode, done.stdout) == (0, f"standard.orders: as exported in {folder}\n")
    (folder / "README.md").write_text("# By hand\n")
    done = shell.run("export", "--check", "--format", "json")
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["module"], finding["rule"], finding["file"]) == (
        "standard.orders", "changed-by-hand", "README.md",
    )  # fmt: skip
    done = shell.run("export", "orders")
    assert done.returncode == 1
    assert "1 file would be written over" in done.stderr
    assert "Did you mean 'standard.orders'?" in shell.run("export", "order").stderr


def test_logs_are_the_newest_lines(shell: Shell) -> None:
    """All, or one module's; as they are, or as JSON."""
    assert shell.run("logs").returncode == 1
    with modframe.start(workspace=shell.folder) as app:
        app.load({"api.py": ORDERS}, id="orders")
        for number in range(5):
            app.modules["orders"]._generation().context.get_logger().info("line %d", number)
            get_framework_logger("stock").info("other")
    done = shell.run("logs", "--module", "orders", "--lines", "3")
    *lines, stopped = [line.split(" ", 2)[2] for line in done.stdout.splitlines()]
    assert lines == ["standard.orders line 3", "standard.orders line 4"]
    assert stopped == "standard.orders stopped generation=1"
    facts = [
        json.loads(line)
        for line in shell.run("logs", "-m", "stock", "--format", "json").stdout.splitlines()
    ]
    assert [one["message"] for one in facts] == ["other"] * 5


def test_logs_go_on_as_lines_come(shell: Shell) -> None:
    """Also over a file that was put aside."""
    log = shell.folder / "data/logs/app.log"
    log.parent.mkdir(parents=True)
    line = "2026-11-25T10:00:00.123Z INFO standard.orders {}\n"
    log.write_text(line.format("first"))
    following = shell.begin("logs", "--follow")
    following.wait_for(line.format("first").strip())
    with log.open("a") as file:
        file.write(line.format("second")[:30])
        file.flush()
        file.write(line.format("second")[30:])
    following.wait_for(line.format("second").strip())
    log.rename(log.with_suffix(".1"))
    log.write_text(line.format("third"))
    following.wait_for(line.format("third").strip())
    told = [line.format(one).strip() for one in ("first", "second", "third")]
    assert following.lines == told


def test_doctor_looks_and_says_what_to_do(shell: Shell) -> None:
    """A healthy place is status 0; a file that hides modules/ is a failure with its cure."""
    done = shell.run("doctor", "--port", "1")
    checks = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()[1:8]}
    assert checks["python"] == checks["packages"] == checks["data"] == "ok"
    assert checks["workspace"] == "warn"
    (shell.folder / "modules.py").touch()
    (shell.folder / "core").mkdir()
    (shell.folder / "core/logging.py").touch()
    bad = shell.run("doctor", "--format", "json")
    assert bad.returncode == 1
    facts = {one["name"]: one for one in json.loads(bad.stdout)["checks"]}
    assert facts["modules"]["state"] == "fail"
    assert facts["modules"]["cure"]
    assert (facts["core"]["state"], "core.logging" in facts["core"]["cure"]) == ("warn", True)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only Linux tells who holds a lock")
def test_doctor_names_who_holds_a_database(shell: Shell) -> None:
    """And it does so without opening the file, and without the token that one was given."""
    path = shell.folder / "data/databases/orders.duckdb"
    path.parent.mkdir(parents=True)
    (path.parent / "free.duckdb").touch()
    (shell.folder / "hold.py").write_text(
        "import duckdb\n"
        f"with duckdb.connect({str(path)!r}) as held:\n"
        "    held.execute('create table t (n int)')\n"
        "    print('held', flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "hold.py", "--token=abc-secret"],
        cwd=shell.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        done = shell.run("doctor", "--format", "json")
        holder.communicate("\n")
    facts = [one for one in json.loads(done.stdout)["checks"] if one["name"] == "database"]
    assert len(facts) == 1
    program = Path(sys.executable).name
    message = f"orders.duckdb is held by pid {holder.pid} ({program} hold.py)"
    assert facts[0]["message"] == message
    assert "abc-secret" not in done.stdout


def test_errors_are_one_line_unless_asked(shell: Shell) -> None:
    """`--debug` and MODFRAME_DEBUG show the traceback."""
    plain = shell.run("compliance", "validate", "--module", "nope")
    assert plain.stderr.count("\n") == 1
    assert "Traceback" in shell.run("--debug", "compliance", "validate", "--module", "nope").stderr
    asked = shell.run("compliance", "validate", "--module", "nope", MODFRAME_DEBUG="1")
    assert "Traceback" in asked.stderr
    assert asked.returncode == 1


def test_a_reader_that_had_enough_is_no_error(shell: Shell) -> None:
    """``modframe list | head -1`` leaves no complaint."""
    shell.write("standard.orders", ORDERS)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "modframe", "list"],
        cwd=shell.folder, env=shell.env, stdout=writing, stderr=subprocess.PIPE, timeout=60,
        check=False,
    )  # fmt: skip
    os.close(writing)
    assert done.stderr == b""
