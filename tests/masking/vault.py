"""A module whose settings are full of secrets, from every source, and which says them everywhere.

`prepare` writes its workspace, `SECRETS` has what may be found nowhere, and `find_secrets` looks.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

SECRETS = {
    "api_key": "sk-live-4f7a9b21",
    "password": 'pa"ss<wo&rd-77',
    "database_url": "dsn-p4ssw0rd",
    "cache": "r3dis%2Fp%40ss",
    "cache, decoded": "r3dis/p@ss",
    "account": "nested-5ecret",
    "accounts": "listed-5ecret",
    "tokens": "dict-t0ken-x1",
    "key_bytes": "bytes-5ecret",
    "signing_key": "MIIEvQIBADANBgkqhkiG9w0BAQ",
    "signing_key, line 2": "EFAASCBKcwggSjAgEAAoIBAQDx",
    "webhook": "query-t0ken-9",
    "server": "server-t0ken-123",
    "refused": "ref00sed-pass",
}
_PEM = "-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----".format(
    SECRETS["signing_key"], SECRETS["signing_key, line 2"]
)
ENVIRONMENT = {
    "VAULT_API_KEY": SECRETS["api_key"],
    "VAULT_DATABASE_URL": f"postgresql://ann:{SECRETS['database_url']}@db.local:5432/shop",
    "VAULT_ACCOUNT": json.dumps({"user": "ann", "password": SECRETS["account"]}),
    "VAULT_SIGNING_KEY": _PEM,
    "MODFRAME_TOKEN": SECRETS["server"],
}
SESSION = {
    "vault": {
        "password": SECRETS["password"],
        "accounts": [{"user": "bob", "password": SECRETS["accounts"]}],
        "tokens": {"github": SECRETS["tokens"]},
        "key_bytes": SECRETS["key_bytes"],
    }
}
WITHOUT_SESSION = ENVIRONMENT | {
    f"VAULT_{key.upper()}": value if isinstance(value, str) else json.dumps(value)
    for key, value in SESSION["vault"].items()
}
_DOT_ENV = f"""
VAULT_CACHE=redis://:{SECRETS["cache"]}@cache.local:6379/0
VAULT_WEBHOOK=https://hooks.local/in?room=7&token={SECRETS["webhook"]}
"""
_SETTINGS = """
from pydantic import BaseModel, RedisDsn, SecretBytes, SecretStr, field_validator
from pydantic_settings import BaseSettings


class Account(BaseModel):
    user: str
    password: str


class VaultSettings(BaseSettings):
    model_config = {"env_prefix": "VAULT_", "env_file": ".env", "extra": "ignore"}

    api_key: SecretStr
    password: str
    database_url: str
    cache: RedisDsn
    webhook: str
    account: Account
    accounts: list[Account]
    tokens: dict[str, str]
    key_bytes: SecretBytes
    signing_key: str
    token_count: int = 731
    password_policy: str = "long-ones"
    keyboard: str = "qwertz"
    max_tokens: int = 4096
"""
_API = '''
import asyncio
import logging
import threading

from fastapi import APIRouter, HTTPException, WebSocket, WebSocketException
from pydantic import BaseModel
from core.error_utils import Result, error_message
from modframe.decorators import force_shutdown, graceful_shutdown, module

from .settings import Account, VaultSettings
from core.app_context import app_context

router = APIRouter()


def all_of(settings):
    """Return every secret as a text, as an author would put it into a message."""
    key, raw = settings.api_key.get_secret_value(), settings.key_bytes.get_secret_value()
    return (
        f"{key} {settings.password} {settings.database_url} {settings.cache} "
        f"{settings.account.password} {settings.accounts[0].password} {settings.tokens} "
        f"{raw!r} {raw.decode()} {settings.signing_key} {settings.webhook}"
    )


def say(text):
    print(text)
    logging.getLogger(__name__).warning("in a process: %s", text)


class Page(BaseModel):
    note: str = "a default"


@router.get("/fails")
async def fails():
    raise RuntimeError(all_of(app_context.settings))


@router.get("/refuses")
async def refuses():
    raise HTTPException(403, f"wrong: {all_of(app_context.settings)}")


@router.get("/refuses-data")
async def refuses_data():
    raise HTTPException(409, {"sent": all_of(app_context.settings)})


@router.get("/result")
async def result():
    return Result.error("REFUSED", f"wrong: {all_of(app_context.settings)}")


@router.websocket("/closes")
async def closes(socket: WebSocket):
    await socket.accept()
    raise WebSocketException(4001, reason=f"closed: {app_context.settings.password}")


@router.post("/validates")
async def validates(page: Page):
    return page


@router.get("/prints")
async def prints():
    print(all_of(app_context.settings), app_context.settings)
    return "printed"


@graceful_shutdown(method="cleanup_resources", timeout=30)
@force_shutdown(method="force_cleanup", timeout=30)
@module("standard.vault", settings=VaultSettings)
class Vault:
    """Keeps what nobody may see."""

    async def fail(self):
        raise ValueError(all_of(self.settings))

    async def chain(self):
        try:
            raise KeyError(all_of(self.settings))
        except KeyError as error:
            raise RuntimeError(f"could not: {error}") from error

    async def validate(self):
        Account.model_validate({"user": 3, "password": {"x": all_of(self.settings)}})

    async def give(self):
        return self.settings

    async def tell(self):
        return all_of(self.settings)

    def log(self):
        log = self.app_context.get_logger()
        text = all_of(self.settings)
        log.warning("at %s with %s", text, self.settings)
        log.info(text, extra={
            "said": text, "settings": self.settings, "values": self.settings.model_dump(),
            "password": "short", "deep": [{"api_key": text}, (text, {"n": text.encode()})],
        })
        logging.getLogger(__name__).error("plain logger: %r", vars(self.settings))
        try:
            raise ValueError(text)
        except ValueError:
            log.exception("it failed")
        log.info("several lines", stack_info=True)
        log.error(error_message("standard.vault", "REFUSED", text, password="short-one", said=text))

    def show(self):
        print(all_of(self.settings))
        print("settings", self.settings, repr(self.settings), sep="\\n")

    async def die(self):
        async def task():
            raise ValueError(all_of(self.settings))

        self.kept = asyncio.create_task(task(), name="doomed")

    async def work(self):
        await self.app_context.tasks.process(say, all_of(self.settings))

    def die_in_thread(self):
        def work():
            raise ValueError(all_of(self.settings))

        thread = threading.Thread(target=work, name="doomed")
        thread.start()
        thread.join()

    def connect(self, user: str = "ann", password: str = "{default}"):
        """A default that is a secret."""

    async def cleanup_resources(self):
        raise RuntimeError(all_of(self.settings))

    async def force_cleanup(self):
        raise RuntimeError(all_of(self.settings))
'''
DEFAULT = "def4ult-pass"
SECRETS["a default"] = DEFAULT
MODULE = {"settings.py": _SETTINGS, "api.py": _API.replace("{default}", DEFAULT)}
_BROKEN = """
    async def initialize(self):
        raise ConnectionError(f"can't connect: {all_of(self.settings)}")
"""
BROKEN = {**MODULE, "api.py": MODULE["api.py"] + _BROKEN}
REFUSING = {
    **MODULE,
    "settings.py": _SETTINGS
    + """
    port: int = 1

    @field_validator("password")
    @classmethod
    def _refuse(cls, value):
        raise ValueError(f"{value} is too weak")
""",
}


def prepare(workspace: Path, module: dict[str, str] = MODULE) -> None:
    """Write the module's folder and a ``.env`` into a workspace."""
    folder = workspace / "modules" / "standard" / "vault"
    folder.mkdir(parents=True)
    for name, text in module.items():
        (folder / name).write_text(text)
    (workspace / ".env").write_text(_DOT_ENV)


def find_secrets(texts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield what is found of the secrets in named texts, as it is or escaped."""
    for name, text in texts:
        for secret, value in SECRETS.items():
            forms = {value, json.dumps(value)[1:-1], repr(value)[1:-1], html.escape(value)}
            for form in forms | {quote(value, safe="")}:
                if (at := text.find(form)) >= 0:
                    yield f"{name}: {secret}: ...{text[max(0, at - 60) : at + 60]!r}"


def read_files(*folders: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every file, which may be binary."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield str(path.relative_to(folder.parent)), path.read_bytes().decode("latin-1")
