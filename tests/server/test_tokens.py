"""Tokens in files: which are taken, which are refused and why, and who may read them."""

from __future__ import annotations

import logging
import os
import stat
import threading
from pathlib import Path

import pytest

from modframe.errors import ServeError
from modframe.server.tokens import kept_token, read_token_file
from modframe.source.workspace import close_data_folder

TOKEN = "a-token-of-24-characters"
on_posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file that only its owner can read, with a token and a line end."""
    path = tmp_path / "secret"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


def test_a_file_holds_a_token(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The line end is no part of it, and nothing is said."""
    assert read_token_file(file) == read_token_file(str(file)) == TOKEN
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"fifteen-letters", "has 15 characters, and a token at least 16"),
        (b"two-of-them-in-a-file\nand-another-of-them\n", "has blanks, several lines, or"),
        (b"a token with blanks in it", "has blanks, several lines, or"),
        ("ein-schlüssel-mit-umlaut".encode(), "or characters beyond ASCII"),
        (b"\x1b[31m-a-terminal-turns-red", "or characters beyond ASCII"),
        (b"x" * 5000, "has more than 4096 bytes"),
    ],
)
def test_what_is_no_token_is_refused(file: Path, content: bytes, fault: str) -> None:
    """With the reason and how to make one, and without what the file says."""
    file.write_bytes(content)
    with pytest.raises(ServeError) as caught:
        read_token_file(file)
    said = str(caught.value)
    assert said.startswith(f"the token file {file} ")
    assert fault in said
    assert "secrets.token_urlsafe(24)" in said
    assert not content.strip() or content.decode("latin-1").strip() not in said


def test_a_file_that_can_t_be_read_is_refused(tmp_path: Path) -> None:
    """One that is missing, and a folder."""
    with pytest.raises(ServeError, match=r"nothing can't be read: No such file or directory\."):
        read_token_file(tmp_path / "nothing")
    with pytest.raises(ServeError, match=r"can't be read: Is a directory\."):
        read_token_file(tmp_path)


@on_posix
def test_a_file_that_others_can_read_is_said(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Containers mount secrets like that, so it is taken."""
    file.chmod(0o644)
    assert read_token_file(file) == TOKEN
    assert f"others can read the token in {file}, whose mode is 644; chmod 600" in caplog.text
    assert TOKEN not in caplog.text


@on_posix
def test_a_file_that_others_can_write_is_refused(file: Path) -> None:
    """They would choose the token."""
    file.chmod(0o666)
    with pytest.raises(ServeError, match="everybody can write to it") as caught:
        read_token_file(file)
    assert str(caught.value).endswith(f"chmod 600 {file}.")


@on_posix
def test_a_link_is_followed_and_a_pipe_read(file: Path, tmp_path: Path) -> None:
    """Secrets are mounted as links, and shells hand a command's output over as a pipe."""
    (tmp_path / "link").symlink_to(file)
    assert read_token_file(tmp_path / "link") == TOKEN
    os.mkfifo(tmp_path / "pipe", 0o600)
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(TOKEN,))
    writer.start()
    assert read_token_file(tmp_path / "pipe") == TOKEN
    writer.join()


def test_a_data_folder_keeps_one_token(tmp_path: Path) -> None:
    """It is made with the folder, and is the same ever after."""
    data = tmp_path / "data"
    token = kept_token(data)
    assert len(token) == 32
    assert kept_token(data) == token == (data / "token").read_text().strip()
    assert kept_token(tmp_path / "other") != token
    assert kept_token(None) != kept_token(None)
    if os.name == "posix":
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (data, data / "token")]
        assert modes == [0o700, 0o600]


def test_whoever_begins_at_once_has_the_same_token(tmp_path: Path) -> None:
    """None is lost to another one."""
    found: list[str] = []
    begin = threading.Barrier(4)

    def ask() -> None:
        begin.wait()
        found.append(kept_token(tmp_path / "data"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


@on_posix
def test_a_token_that_others_could_read_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing the file would not make it secret again, and a start does not hide that."""
    token = kept_token(tmp_path)
    (tmp_path / "token").chmod(0o640)
    close_data_folder(tmp_path)
    caplog.clear()
    caplog.set_level(logging.WARNING)
    other = kept_token(tmp_path)
    assert other != token
    assert caplog.messages == [
        f"others could read the token in {tmp_path}/token, so a new one is made"
    ]
    assert kept_token(tmp_path) == other


@on_posix
def test_a_planted_token_is_refused(tmp_path: Path, file: Path) -> None:
    """Neither a link, nor one that somebody changed; the way out is named."""
    path = tmp_path / "token"
    path.symlink_to(file)
    with pytest.raises(ServeError, match="it is a link") as caught:
        kept_token(tmp_path)
    assert "Delete it, and a new one is made; or name another one as --token-file" in str(
        caught.value
    )
    path.unlink()
    path.write_text("short")
    path.chmod(0o600)
    with pytest.raises(ServeError, match="has 5 characters, and a token at least 16"):
        kept_token(tmp_path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="it gives a file away")
def test_a_token_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """He knows it."""
    kept_token(tmp_path)
    os.chown(tmp_path / "token", 65534, 65534)
    with pytest.raises(ServeError, match=r"/token is not this user's: \w+ owns it\."):
        kept_token(tmp_path)


def test_a_token_that_can_t_be_kept_is_said(tmp_path: Path) -> None:
    """With the cause."""
    (tmp_path / "data").write_text("")
    with pytest.raises(ServeError, match="can't be read or made: Not a directory"):
        kept_token(tmp_path / "data")
