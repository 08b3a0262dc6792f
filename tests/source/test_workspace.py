"""Which folder is the workspace, and whose folders the search for it stays out of."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

import modframe
from modframe.errors import WorkspaceError
from modframe.source.workspace import find_workspace, look_for_workspace, workspace_above

STRANGER = 65534
WITH_SETTINGS = "[tool.modframe]\n"

as_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="it gives files to another user"
)


@pytest.fixture
def project(workspace: Path) -> Path:
    """Return a workspace that is above the working directory, and nobody else's."""
    folder = workspace / "project"
    (folder / "modules/standard").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(WITH_SETTINGS)
    (folder / "notebooks").mkdir()
    folder.chmod(0o755)
    os.chdir(folder / "notebooks")  # the fixture `workspace` goes back
    return folder


@pytest.mark.parametrize("sign", ["pyproject.toml", "modules"])
def test_the_nearest_one_upward_is_taken(project: Path, sign: str) -> None:
    """Either sign makes a folder one."""
    if sign == "modules":
        (project / "pyproject.toml").unlink()
    else:
        (project / "modules/standard").rmdir()
    assert find_workspace() == workspace_above(Path.cwd()) == project


def test_a_nearer_folder_of_modules_wins_over_settings_farther_up(project: Path) -> None:
    """Whoever works in the nearer one means that one."""
    near = project / "inner"
    (near / "modules/standard").mkdir(parents=True)
    (near / "notebooks").mkdir()
    assert find_workspace(above=near / "notebooks") == near
    (near / "modules/standard").rmdir()
    assert find_workspace(above=near / "notebooks") == project


def test_the_search_ends_at_a_repository_and_finds_none(project: Path) -> None:
    """The folder where it started is the workspace then."""
    place = project / "notebooks"
    (place / ".git").mkdir()
    assert find_workspace() == place
    assert workspace_above(place) is None


@as_root
@pytest.mark.parametrize("what", ["", "pyproject.toml", "modules"])
def test_what_a_stranger_owns_is_not_entered(project: Path, what: str) -> None:
    """Neither his folder nor his files in mine; the reason names him and the way to use it."""
    os.chown(project / what, STRANGER, STRANGER)
    found = look_for_workspace()
    assert found.folder == project / "notebooks"
    name = pwd.getpwuid(STRANGER).pw_name
    assert found.passed == (
        f"the workspace {project} is not used, since {name} owns {project / what}; to use it, "
        "name it with MODFRAME_WORKSPACE, --workspace or modframe.start(workspace=...)"
    )


@as_root
def test_a_link_to_what_a_stranger_owns_is_his(project: Path, tmp_path: Path) -> None:
    """It is his text that would count."""
    (project / "pyproject.toml").rename(tmp_path / "his.toml")
    (project / "pyproject.toml").symlink_to(tmp_path / "his.toml")
    assert find_workspace() == project
    os.chown(tmp_path / "his.toml", STRANGER, STRANGER)
    assert find_workspace() == project / "notebooks"


@as_root
def test_nothing_above_a_stranger_s_folder_is_looked_at(project: Path) -> None:
    """The search ends there, also where his folder is no workspace."""
    his = project / "his"
    (his / "mine").mkdir(parents=True)
    os.chown(his, STRANGER, STRANGER)
    found = look_for_workspace(above=his / "mine")
    assert (found.folder, found.passed) == (his / "mine", "")


@pytest.mark.parametrize("mode", [0o777, 0o1777])
@pytest.mark.parametrize("what", ["", "modules"])
def test_what_everybody_can_write_to_is_not_entered(project: Path, what: str, mode: int) -> None:
    """The sticky bit of /tmp keeps nobody from putting a file there."""
    (project / what).chmod(mode)
    found = look_for_workspace()
    assert found.folder == project / "notebooks"
    assert f"since everybody can write to {project / what};" in found.passed


def test_a_file_that_others_can_write_to_is_not_read(project: Path) -> None:
    """They could say in it what is loaded."""
    (project / "pyproject.toml").chmod(0o666)
    assert f"everybody can write to {project}/pyproject.toml" in look_for_workspace().passed


@as_root
def test_a_group_counts_unless_its_user_is_alone_in_it(project: Path) -> None:
    """Many systems give each user such a group, whose folders its members can write to."""
    project.chmod(0o775)
    assert find_workspace() == project
    group = next(one for one in grp.getgrall() if one.gr_gid not in (0, STRANGER))
    os.chown(project, 0, group.gr_gid)
    found = look_for_workspace()
    assert found.folder == project / "notebooks"
    assert f"group {group.gr_name} can write to {project};" in found.passed


def test_nothing_waits_for_a_pipe(project: Path) -> None:
    """A project file that is none is no sign, and is not opened."""
    (project / "modules/standard").rmdir()
    (project / "pyproject.toml").unlink()
    os.mkfifo(project / "pyproject.toml")
    assert find_workspace() == project / "notebooks"


@as_root
@pytest.mark.parametrize("how", ["working directory", "variable", "argument"])
def test_what_is_named_counts_whoever_owns_it(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: str,
) -> None:
    """Containers mount the files of other users; one line says whose they are."""
    os.chown(project, STRANGER, STRANGER)
    project.chmod(0o777)
    if how == "working directory":
        monkeypatch.chdir(project)
    elif how == "variable":
        monkeypatch.setenv("MODFRAME_WORKSPACE", str(project))
    with modframe.start(project if how == "argument" else None, data=":memory:") as app:
        assert app.snapshot().workspace == str(project)
    name = pwd.getpwuid(STRANGER).pw_name
    assert capsys.readouterr().err == (
        f"modframe: {name} owns {project}, and what is in it runs with your rights\n"
    )


@as_root
@pytest.mark.parametrize("begin", ["start", "shell"])
def test_code_of_a_stranger_above_does_not_run(
    project: Path, capsys: pytest.CaptureFixture[str], begin: str
) -> None:
    """Neither a start nor a command loads it; both say what was passed over."""
    module = project / "modules/standard/planted"
    module.mkdir()
    (module / "api.py").write_text("import os\nos.environ['PLANTED'] = 'yes'\n")
    os.chown(project, STRANGER, STRANGER)
    if begin == "start":
        modframe.start(data=":memory:").stop()
    else:
        list_modules()
    captured = capsys.readouterr()
    assert "planted" not in captured.out
    assert captured.err.startswith(f"modframe: the workspace {project} is not used, since ")
    assert "PLANTED" not in os.environ


def list_modules() -> None:
    from modframe.cli import main

    with pytest.raises(SystemExit, match="0"):
        main(["list"])


def test_a_project_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Where the folder is used; the search for a workspace goes on all the same."""
    (tmp_path / "modules" / "standard").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.modframe]\n[tool.modframe]\n")
    assert find_workspace(above=tmp_path) == tmp_path
    with pytest.raises(WorkspaceError, match=r"pyproject.toml can't be read: .*\(at line 2"):
        modframe.start(workspace=tmp_path, data=":memory:")
