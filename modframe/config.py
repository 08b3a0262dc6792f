"""What an app is started with: the arguments of ``start``, and ``MODFRAME_...`` in the environment.

Both are read once, when the app starts, and nothing changes them while it runs. Modules read the
settings as ``app_context.config``.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ByteSize, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .arguments import FOLDER, MODULE_IDS, SETTINGS, SETTINGS_OF_ONE, check_arguments, optional
from .errors import FrameworkSettingsError, WorkspaceError
from .masking import mask
from .spec import module_id_of

_PREFIX = "MODFRAME_"


@dataclass(frozen=True, slots=True)
class StartOptions:
    """The arguments of `modframe.start`, of `create_app` and of ``modframe serve``.

    `modframe.start` explains them; ``notebooks`` are those whose ``%%module`` cells are served.
    """

    workspace: str | Path | None = None
    modules: Sequence[str] | None = None
    data: str | Path | None = None
    settings: Mapping[str, Mapping[str, Any]] | None = None
    notebooks: Sequence[Path] | None = None
    parts: Sequence[Any] | None = None

    def __post_init__(self) -> None:
        """Check the types of what a person gave; ``modules`` must not be a text in a list's place.

        Raises:
            ArgumentError: If an argument has another type.
            InvalidModuleIdError: If settings are for what can't be a module.
            WorkspaceError: If ``modules`` is a text.
        """
        if isinstance(self.modules, str):
            raise WorkspaceError(
                f"modules={self.modules!r} is a text, not a list of ids",
                cure=f"write modules=[{self.modules!r}]",
            )
        check_arguments(
            "start()",
            workspace=(self.workspace, optional(FOLDER)),
            modules=(self.modules, optional(MODULE_IDS)),
            data=(self.data, optional(FOLDER)),
            settings=(self.settings, optional(SETTINGS)),
        )
        for key, values in (self.settings or {}).items():
            module_id_of(key)
            check_arguments("start()", **{f"settings[{key!r}]": (values, SETTINGS_OF_ONE)})


def _database_urls() -> dict[str, SecretStr]:
    """Return the environment's ``MODFRAME_DATABASE_URL_<NAME>``: name, in lower case, → URL."""
    start = f"{_PREFIX}DATABASE_URL_"
    return {
        key.upper().removeprefix(start).lower(): SecretStr(value)
        for key, value in os.environ.items()
        if key.upper().startswith(start)
    }


class FrameworkSettings(BaseSettings):
    """How the framework behaves; times are in seconds.

    Attributes:
        load_timeout: How long the import of a module's files may take.
        phase_timeout: How long a part or a phase of one module may take.
        handover_timeout: How long each step of a hand-over may take; new calls wait meanwhile.
        drain_timeout: How long a replaced generation may take to finish what it began.
        stall_timeout: How long a route, a task or a call may keep the app loop from everything else
            until it is broken out of; 0 for as long as it takes. A step may until its own timeout.
        freeze_timeout: How long code that lets no other Python code run may take, until
            ``modframe serve`` writes where it is and ends with status 1; 0 for as long as it takes.
            Elsewhere where it is is written after 10 s or this time, and the process goes on.
        test_timeout: How long the tests of one module may take before it goes live.
        watch_test: Whether a saved file goes live only if the module's tests pass, if it has any.
        database_url: Where all module databases are: an engine's name, ``sqlite:///<folder>`` or a
            server's URL. ``database_urls``: the same for single ones, from
            ``MODFRAME_DATABASE_URL_<NAME>``; names are in lower case.
        database_lock_wait: How long a session waits for another process to release a file.
        database_idle: How long after its last session a database is released.
        database_upgrade_wait: How long to wait for another process that runs revisions on a
            database; an upgrade of many rows may take long.
        database_memory: DuckDB's memory limit for this process, for example ``"2GB"``.
        database_threads: DuckDB's threads for this process.
        database_seed: Whether modules fill new databases with ``seed(session)``.
        database_synchronous: ``FULL`` lets commits to SQLite wait for the disk, so that they
            survive a loss of power; ``NORMAL``, the end of the process.
        database_files: Folders below which modules' sessions may read and write files through
            DuckDB (``read_csv``, Parquet, ``COPY``), separated by commas; relative ones are in the
            workspace, which is the default.
        log_level: The lowest level that is logged.
        log_max_bytes: When ``app.log`` is rotated. ``log_backups``: how many old ones stay.
        access_log: Whether each answered request is a line of ``access.log``, which rotates as
            ``app.log`` does.
        allowed_hosts: Host names that the API answers to beside loopback, separated by commas.
        public: Ids of modules whose routes need no token from other machines either, separated by
            commas; ``*`` is all. ``@module(public=True)`` says it in the module.
        stale_header: Whether clients on this machine are told in ``X-Modframe-Stale``, without the
            token, why a saved text isn't live while saved files are watched.
        cors: Origins of web pages that may use the API from a browser, separated by commas.
        middleware: ASGI middleware around all modules, as ``module:class``, separated by commas;
            the first one is outermost.
        trusted_proxies: Addresses and networks of reverse proxies whose ``X-Forwarded-...`` headers
            are believed, separated by commas; ``unix`` is whoever connects to a Unix socket.
        root_path: The prefix that a proxy leaves in front of all paths, if it does.
        max_body: The most bytes that the body of a request may have, such as ``50MB``; a route's
            ``max_body_size=`` comes first.
        client_timeout: How long a client may take to send the head of a request, and its body
            beside a second for each kilobyte; 0 for as long as it takes.
        max_connections: How many connections may be open at a time; by default three quarters of
            the files that the process may open, and at most 10,000.
        mcp: Whether assistants are answered at ``/mcp``, unless a call or an option says otherwise.
        disabled: Ids of modules that are kept out, separated by commas.
        switch_interval: The interpreter's switch interval while a cell runs and the API is served,
            so that requests don't wait for the cell; 0 keeps Python's own.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, extra="ignore")

    load_timeout: float = Field(default=60.0, gt=0)
    phase_timeout: float = Field(default=60.0, gt=0)
    handover_timeout: float = Field(default=10.0, gt=0)
    drain_timeout: float = Field(default=30.0, ge=0)
    stall_timeout: float = Field(default=60.0, ge=0)
    freeze_timeout: float = Field(default=120.0, ge=0)
    test_timeout: float = Field(default=60.0, gt=0)
    watch_test: bool = False
    database_url: SecretStr | None = None
    database_urls: dict[str, SecretStr] = Field(default_factory=_database_urls)
    database_lock_wait: float = Field(default=5.0, ge=0)
    database_idle: float = Field(default=2.0, ge=0)
    database_upgrade_wait: float = Field(default=600.0, ge=0)
    database_memory: str | None = None
    database_threads: int | None = Field(default=None, ge=1)
    database_seed: bool = True
    database_synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    database_files: Annotated[tuple[str, ...], NoDecode] = (".",)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_max_bytes: int = Field(default=10_000_000, ge=1000)
    log_backups: int = Field(default=5, ge=1)
    access_log: bool = False
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    public: Annotated[tuple[str, ...], NoDecode] = ()
    stale_header: bool = True
    cors: Annotated[tuple[str, ...], NoDecode] = ()
    middleware: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    root_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9_.~!$&'()*+,;=:@%-]+)*/?$")
    max_body: ByteSize = Field(default=ByteSize(16_000_000), ge=0)
    client_timeout: float = Field(default=20.0, ge=0)
    max_connections: int | None = Field(default=None, ge=1)
    mcp: bool = False
    disabled: Annotated[tuple[str, ...], NoDecode] = ()
    switch_interval: float = Field(default=0.0005, ge=0)

    def database_places(self) -> dict[str, Any]:
        """Return ``url`` and ``urls`` as the databases take them, in plain text: mind secrets."""
        url = self.database_url
        return {
            "url": url.get_secret_value() if url is not None else None,
            "urls": {name: one.get_secret_value() for name, one in self.database_urls.items()},
        }

    @field_validator("log_level", "database_synchronous", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.strip().upper() if isinstance(value, str) else value

    @field_validator("root_path")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if one not in {"unix", "*"}:
                ipaddress.ip_network(one)
        return value

    @field_validator(
        "allowed_hosts",
        "trusted_proxies",
        "public",
        "cors",
        "middleware",
        "database_files",
        "disabled",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(one.strip() for one in value.split(",") if one.strip())
        return value


def read_settings() -> FrameworkSettings:
    """Read the framework's settings from the environment.

    Raises:
        FrameworkSettingsError: If variables have invalid values; it names all of them.
    """
    try:
        return FrameworkSettings()
    except ValidationError as error:
        faults = [
            f"{_PREFIX}{str(fault['loc'][0]).upper()} is {mask(fault['input'])!r}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        ]
        raise FrameworkSettingsError(
            "; ".join(faults), cure="correct the environment, or unset it for the default"
        ) from None
