"""The commands and their options. Each imports the file that does its work. Called by `main`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from ..errors import InvalidModuleIdError
from .db import db
from .options import Format, Shape, Word, Workspace, one_module
from .out import show_error


def _exit(status: int, **_: object) -> NoReturn:
    """Exit with the status that a command returned."""
    raise typer.Exit(status)


app = typer.Typer(
    name="modframe",
    result_callback=_exit,
    help="Grow a service module in notebook cells, see it live, ship it unchanged.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
compliance = typer.Typer(help="Check modules against the guide.", no_args_is_help=True)
app.add_typer(compliance, name="compliance")
app.add_typer(db, name="db")


class FindingFormat(StrEnum):
    """How findings are printed."""

    text = "text"
    json = "json"
    github = "github"


class Level(StrEnum):
    """The levels of log events."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"
    critical = "critical"


_TIMES = "10m, 2h, 1d, or a time such as 2026-11-25T10:00; UTC unless it has a zone."


def run(args: Sequence[str] | None) -> int:
    """Run a command and return its exit status; an error becomes a line on standard error."""
    try:
        typer.main.get_command(app).main(args, prog_name="modframe")
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of a pipe, such as `head`, has closed it; the flush at exit must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001  # the shell's boundary: a line, not a traceback
        show_error(error)
        return 2 if isinstance(error, InvalidModuleIdError) or getattr(error, "usage", False) else 1
    return 0


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"modframe {import_module('modframe').__version__}")
        raise typer.Exit


@app.callback()
def _main(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[  # noqa: ARG001  # its callback has printed it already
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    if debug:
        os.environ["MODFRAME_DEBUG"] = "1"


def _time_since(text: str) -> datetime | None:
    """Return the time that ``--since`` means; ``None`` for an empty one."""
    from ..observe import parse_since

    try:
        return parse_since(text, datetime.now(UTC)) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None


@app.command()
def quickstart(
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="Send an example request to each route, print the answers, and end."
        ),
    ] = False,
    port: Annotated[int, typer.Option(help="Where to serve; the next free one if taken.")] = 8000,
) -> int:
    """Run the first notebook, and serve the module that it builds."""
    from .quickstart import quickstart as run_quickstart

    return run_quickstart(once=once, port=port)


@app.command()
def serve(
    ctx: typer.Context,
    notebooks: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="NOTEBOOK.ipynb", help="Notebooks whose %%module cells are served too."
        ),
    ] = None,
    workspace: Workspace = None,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8000,
    uds: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A Unix socket to listen on, in place of host and port."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="MODFRAME_TOKEN",
            show_envvar=True,
            help="The token that requests from elsewhere need; other users see it in `ps`.",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="MODFRAME_TOKEN_FILE",
            show_envvar=True,
            help="A file that only you can read, with the token.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="End if a module fails.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Swap modules when their files are saved.")
    ] = False,
    public: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE",
            help="A module whose routes need no token from other machines either; '*' is all.",
        ),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="A web page's origin that may use the API, such as http://localhost:5173; may be "
            "given several times.",
        ),
    ] = None,
    trusted_proxies: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESSES",
            envvar="MODFRAME_TRUSTED_PROXIES",
            show_envvar=True,
            help="Proxies whose X-Forwarded headers are believed: addresses, networks, unix.",
        ),
    ] = None,
    log_level: Annotated[
        Level | None,
        typer.Option(
            envvar="MODFRAME_LOG_LEVEL",
            show_envvar=True,
            case_sensitive=False,
            help="The lowest level that is logged.",
        ),
    ] = None,
    mcp: Annotated[
        bool,
        typer.Option(
            "--mcp",
            envvar="MODFRAME_MCP",
            show_envvar=True,
            help="Let assistants with the token call the services, at /mcp.",
        ),
    ] = False,
) -> int:
    """Load the modules of the workspace and of notebooks, and serve them until a signal comes."""
    from .serve import Serving
    from .serve import serve as run_server
    from .token import token_of

    if trusted_proxies is not None:
        os.environ["MODFRAME_TRUSTED_PROXIES"] = trusted_proxies
    if log_level is not None:
        os.environ["MODFRAME_LOG_LEVEL"] = log_level.value
    books = tuple(notebooks or ())
    serving = Serving(
        workspace,
        host,
        port,
        token_of(ctx, token, token_file),
        strict=strict,
        notebooks=books,
        watch=watch,
        cors=tuple(cors or ()),
        uds=uds,
        public=tuple(public or ()),
        mcp=mcp,
    )
    return run_server(serving)


@app.command()
def link(
    url: Annotated[
        str, typer.Option(help="The address that `modframe serve` printed.")
    ] = "http://127.0.0.1:8000",
    workspace: Workspace = None,
) -> int:
    """Print a link to the pages of a running server that opens once, in one browser."""
    from .link import print_link

    return print_link(url, workspace)


@app.command()
def mcp(
    notebooks: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="NOTEBOOK.ipynb", help="Notebooks whose %%module cells are loaded too."
        ),
    ] = None,
    workspace: Workspace = None,
    strict: Annotated[bool, typer.Option("--strict", help="End if a module fails.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Swap modules when their files are saved.")
    ] = False,
) -> int:
    """Load the modules, and let an assistant call them on standard input and output (MCP)."""
    from .mcp import serve_assistant
    from .serve import Serving

    books = tuple(notebooks or ())
    return serve_assistant(Serving(workspace, strict=strict, notebooks=books, watch=watch))


@app.command("list")
def list_(workspace: Workspace = None, format: Shape = Format.text) -> int:
    """List the modules of the workspace, and whether they pass the checks."""
    from .modules import list_modules

    return list_modules(workspace, as_data=format is Format.json)


@app.command()
def inspect(
    module: Annotated[str, typer.Argument(help="A module's id.")],
    workspace: Workspace = None,
    format: Shape = Format.text,
) -> int:
    """Load a module without keeping data, print what it has, and stop it."""
    from .modules import inspect_module

    return inspect_module(module, workspace, as_data=format is Format.json)


@app.command()
def health(
    word: Word = None,
    module: Annotated[
        str | None, typer.Option("--module", "-m", help="A module's id; all if left out.")
    ] = None,
    url: Annotated[
        str, typer.Option(help="Ask a running server, such as http://127.0.0.1:8000.")
    ] = "",
    workspace: Workspace = None,
    format: Shape = Format.text,
) -> int:
    """Run the health checks of modules once, or ask a server what its checks say."""
    from .health import show_health

    return show_health(one_module(word, module), workspace, url=url, as_data=format is Format.json)


@compliance.command()
def validate(
    module: Annotated[
        str | None, typer.Option("--module", "-m", help="A module's id; all if left out.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Check every module.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Let warnings exit with status 1, as errors do.")
    ] = False,
    rule: Annotated[
        str | None, typer.Option("--explain", help="Print the page of this rule, and end.")
    ] = None,
    workspace: Workspace = None,
    format: Annotated[
        FindingFormat,
        typer.Option("--format", help="Text for people, JSON, or GitHub's workflow commands."),
    ] = FindingFormat.text,
) -> int:
    """Check whether a module would load, and whether it follows the guide."""
    from .compliance import explain as run_explain
    from .compliance import validate as run_validate

    if rule is not None:
        return run_explain(rule)
    if every and module is not None:
        raise typer.BadParameter("give --module or --all, not both", param_hint="--all")
    return run_validate(module, workspace, shape=format.value, strict=strict)


@compliance.command()
def explain(
    rule: Annotated[
        str | None, typer.Argument(help="A code such as MF101, or a name; all if left out.")
    ] = None,
) -> int:
    """Print what a rule demands, why, and how to do it."""
    from .compliance import explain as run_explain

    return run_explain(rule)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder; made if there is none.")] = Path(),
    format: Shape = Format.text,
) -> int:
    """Make a folder a workspace: app.py, the guide's tools, a notebook, an environment, CI."""
    from .modules import make_workspace

    return make_workspace(folder, as_data=format is Format.json)


@app.command()
def scaffold(
    name: Annotated[str, typer.Option("--name", "-n", help="For example my_module.")],
    type: Annotated[str, typer.Option("--type", "-t", help="core, standard, extensions")] = (
        "standard"
    ),
    features: Annotated[
        str, typer.Option("--features", "-f", help="Any of database,api,settings")
    ] = "database,api,settings",
    workspace: Workspace = None,
    format: Shape = Format.text,
) -> int:
    """Write a new module that loads, serves and passes the checks as it is."""
    from .modules import scaffold_module

    return scaffold_module(
        name, type, features.split(","), workspace=workspace, as_data=format is Format.json
    )


@app.command()
def export(
    module: Annotated[
        str | None, typer.Argument(help="A module's id; with --check all if left out.")
    ] = None,
    to: Annotated[str, typer.Option(help="The folder: in the workspace, or absolute.")] = "modules",
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; say whether the files differ.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite files that were changed by hand.")
    ] = False,
    workspace: Workspace = None,
    format: Shape = Format.text,
) -> int:
    """Write what was live last of a module, in a kernel or a server, to files."""
    from .export import check_exports, export_module

    as_data = format is Format.json
    if check:
        return check_exports(module, workspace, to=to, as_data=as_data)
    if module is None:
        raise typer.BadParameter("say which module, or add --check to look at all")
    return export_module(module, workspace, to=to, force=force, as_data=as_data)


@app.command()
def reference(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; printed if left out.")
    ] = None,
    workspace: Workspace = None,
) -> int:
    """Write what the modules of the workspace offer, as a page of Markdown."""
    from .reference import write_reference

    return write_reference(workspace, output)


@app.command()
def logs(
    word: Word = None,
    module: Annotated[
        str | None, typer.Option("--module", "-m", help="Only events of this module.")
    ] = None,
    level: Annotated[
        Level, typer.Option("--level", "-l", case_sensitive=False, help="This level and above.")
    ] = Level.debug,
    since: Annotated[
        str,
        typer.Option(help=f"Only newer events: {_TIMES}"),
    ] = "",
    id: Annotated[
        str, typer.Option("--id", help="Only events of the request with this correlation id.")
    ] = "",
    lines: Annotated[
        int | None,
        typer.Option(
            "--lines", "-n", min=0, help="How many at most: 50, or all with --since or --id."
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep printing new events.")
    ] = False,
    workspace: Workspace = None,
    format: Shape = Format.text,
) -> int:
    """Print the newest events of data/logs/app.log, each with its traceback below it."""
    from ..observe import WantedEvents
    from ..spec import module_id_of
    from .logs import show_logs

    asked = one_module(word, module)
    wanted = WantedEvents.of(
        module_id_of(asked) if asked else "",
        level=level.value,
        since=_time_since(since),
        correlation_id=id,
    )
    return show_logs(wanted, workspace, lines=lines, follow=follow, as_data=format is Format.json)


@app.command()
def errors(
    word: Word = None,
    module: Annotated[
        str | None, typer.Option("--module", "-m", help="Only errors of this module.")
    ] = None,
    since: Annotated[
        str,
        typer.Option(help=f"Only newer errors: {_TIMES}"),
    ] = "",
    text: Annotated[
        str, typer.Option("--text", "-t", help="Only errors with this text, in whichever case.")
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, help="How many at most, the newest ones.")
    ] = 100,
    groups: Annotated[
        bool, typer.Option("--groups", "-g", help="One entry for each kind, with its number.")
    ] = False,
    explain: Annotated[
        str,
        typer.Option("--explain", metavar="CODE", help="Print what a code means, and its cure."),
    ] = "",
    workspace: Workspace = None,
    format: Shape = Format.text,
) -> int:
    """Print the newest errors of data/logs/errors.jsonl, or what a code of modframe's means."""
    from ..observe import Wanted
    from ..spec import module_id_of
    from .errors import explain_code, show_errors

    as_data = format is Format.json
    if explain:
        return explain_code(explain, as_data=as_data)
    asked = one_module(word, module)
    module_id = module_id_of(asked) if asked else None
    wanted = Wanted.of(module_id, since=_time_since(since), text=text)
    return show_errors(wanted, workspace, limit=limit, grouped=groups, as_data=as_data)


@app.command()
def doctor(
    workspace: Workspace = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to serve on.")] = 8000,
    format: Shape = Format.text,
) -> int:
    """Look for problems of this installation and workspace, and say how to solve them."""
    from .doctor import examine

    return examine(workspace, port=port, as_data=format is Format.json)
