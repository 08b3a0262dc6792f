"""`Revisions`: the revision files of one database of a module, in order.

In comes a folder; out goes a frozen `Revisions`, with alembic's `ScriptDirectory` over the files.
Whatever is wrong with a file or with the order is an error that names the file.
"""

from __future__ import annotations

import re
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError as AlembicRevisionError
from alembic.script.revision import RevisionMap
from alembic.util import to_tuple

from ....wording import near
from .errors import DatabaseAheadError, RevisionFileError, RevisionOrderError, UnknownRevisionError
from .place import revision_files, version_table

_RELATIVE = ("head", "heads", "base")
_STEPS = re.compile(r"[+-]\d+\Z")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision.

    Attributes:
        id: Its ``revision``. ``parents``: its ``down_revision``; empty for the first.
        message: The first line of its docstring.
        file: Its file.
    """

    id: str
    parents: tuple[str, ...]
    message: str
    file: Path

    @property
    def name(self) -> str:
        """The name of its file, without the suffix: ``0002_add_note``."""
        return self.file.stem


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revisions of one database of a module.

    Attributes:
        home: The module's folder.
        folder: Where they are, in it; it need not be there yet.
        ordered: All of them, each after its parents.
        script: The same for alembic.
    """

    module_id: str
    database: str
    home: Path
    folder: Path
    ordered: tuple[Revision, ...]
    script: ScriptDirectory

    @property
    def table(self) -> str:
        """The table that records which of them were run."""
        return version_table(self.module_id)

    @property
    def head(self) -> str | None:
        """The id of the last one; ``None`` without any."""
        return self.ordered[-1].id if self.ordered else None

    def find(self, revision: str) -> Revision:
        """Return the one with an id."""
        return next(one for one in self.ordered if one.id == revision)

    def resolve(self, target: str) -> str:
        """Return what a person's target means to alembic: an id, or ``head``, ``base``, ``-1``.

        A target may be the beginning of an id or of a file's name.

        Raises:
            UnknownRevisionError: If no revision begins so, or several do.
        """
        if target in _RELATIVE or _STEPS.match(target):
            return target
        found = [one for one in self.ordered if target in (one.id, one.name)] or [
            one for one in self.ordered if one.id.startswith(target) or one.name.startswith(target)
        ]
        if len(found) == 1:
            return found[0].id
        names = [one.name for one in self.ordered]
        what = f"begins {len(found)} revisions" if found else "is no revision"
        raise UnknownRevisionError(
            f"{target!r} {what} of database {self.database!r}",
            subject=self.module_id,
            cure=f"{near(target, names)}'modframe db history {self.module_id}' lists them",
            database=self.database,
            module_id=self.module_id,
            revision=target,
        )

    def refuse_unknown(self, recorded: Sequence[str]) -> None:
        """Check that the files have every revision that the database has recorded.

        Raises:
            DatabaseAheadError: If they lack one.
        """
        known = {one.id for one in self.ordered}
        unknown = tuple(one for one in recorded if one not in known)
        if unknown:
            raise DatabaseAheadError(
                f"database {self.database!r} is at revision "
                f"{', '.join(unknown)}, which is not among the files in {self.shown(self.folder)}: "
                "a newer version of the module has upgraded it",
                cure="run that version of the module, or downgrade with its files first",
                subject=self.module_id,
                database=self.database,
                module_id=self.module_id,
                revisions=unknown,
            )

    def shown(self, path: Path) -> str:
        """Return a path as messages show it: from the module's folder."""
        return path.relative_to(self.home).as_posix()

    def __repr__(self) -> str:
        return f"<Revisions of {self.module_id}, database {self.database!r}: {len(self.ordered)}>"


def read_revisions(module_id: str, database: str, *, home: Path, folder: Path) -> Revisions:
    """Read the revisions in a folder; none if it isn't there.

    Args:
        home: The module's folder.
        folder: Where the revisions of this database are, in it.

    Raises:
        RevisionFileError: If a file can't be executed, or lacks what a revision must say.
        RevisionOrderError: If they have no order with one end.
    """
    reader = _Reader(module_id, database, home)
    scripts = [reader.read(path) for path in revision_files(folder)]
    reader.check_ids(scripts)
    directory = ScriptDirectory(Path(__file__).parent, version_locations=[folder])
    directory.revision_map = RevisionMap(lambda: iter(scripts))
    ordered = tuple(reader.in_order(directory, scripts))
    return Revisions(module_id, database, home, folder, ordered, directory)


class _Loader(SourceFileLoader):
    """Executes a revision's file, and writes no bytecode into the module's folder."""

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Write nothing."""


class _Reader:
    """Reads revisions and says what is wrong with them."""

    def __init__(self, module_id: str, database: str, home: Path) -> None:
        self._module_id, self._database, self._home = module_id, database, home

    def read(self, path: Path) -> Script:
        """Return one file as alembic's `Script`.

        Raises:
            RevisionFileError: If it can't be executed, or lacks what a revision must say.
        """
        module = self._execute(path)
        revision = getattr(module, "revision", None)
        if not isinstance(revision, str) or not revision:
            raise self._fault(
                path, "has no id", cure='write revision = "...", an id that no other file has'
            )
        if not hasattr(module, "down_revision"):
            raise self._fault(
                path,
                "has no down_revision, so that its place in the order is unknown",
                cure="write down_revision = the id of the revision before it, or None if it is the "
                "first",
            )
        for name in ("upgrade", "downgrade"):
            if not callable(getattr(module, name, None)):
                raise self._fault(path, f"has no function {name}()", cure="write one")
        return Script(module, revision, path)

    def _execute(self, path: Path) -> ModuleType:
        loader = _Loader(f"modframe_revision_{path.stem}", str(path))
        spec = spec_from_loader(loader.name, loader)
        module = module_from_spec(spec) if spec is not None else ModuleType(path.stem)
        try:
            loader.exec_module(module)
        except SyntaxError as error:
            line = error.lineno or 0
            raise self._fault(path, f"is not Python: {error.msg}", line=line) from error
        except Exception as error:
            text = f"can't be executed: {type(error).__name__}: {error}"
            raise self._fault(path, text, line=line_in(path, error)) from error
        return module

    def check_ids(self, scripts: Sequence[Script]) -> None:
        """Check that ids are unique and that each parent is there.

        Raises:
            RevisionOrderError: If not.
        """
        files = {script.revision: Path(script.path) for script in scripts}
        for revision, times in Counter(script.revision for script in scripts).items():
            if times > 1:
                same = [Path(one.path) for one in scripts if one.revision == revision]
                raise self._disorder(
                    same,
                    f"have the same id {revision!r}",
                    cure="give one of them another, and set the down_revision of those that follow",
                )
        for script in scripts:
            for parent in (*to_tuple(script.down_revision, ()), *to_tuple(script.dependencies, ())):
                if parent not in files:
                    raise self._disorder(
                        [Path(script.path)],
                        f"follows {parent!r}, and there is no such revision",
                        cure=f"{near(parent, files)}set its down_revision to the id of the "
                        "revision before it, or put the missing file back",
                    )

    def in_order(self, directory: ScriptDirectory, scripts: Sequence[Script]) -> Iterator[Revision]:
        """Yield the revisions, each after its parents.

        Raises:
            RevisionOrderError: If there is a circle, or more than one end.
        """
        every = [Path(script.path) for script in scripts]
        try:
            heads = directory.get_heads()
            walked = list(directory.walk_revisions())[::-1] if scripts else []
        except AlembicRevisionError as error:
            raise self._disorder(
                every,
                "follow each other in a circle",
                cure="set a down_revision that leads to an older revision",
            ) from error
        if len(heads) > 1:
            ends = [Path(script.path) for script in scripts if script.revision in heads]
            raise self._disorder(
                ends,
                "are both the last one, made beside each other"
                if len(ends) == 2
                else "are all the last one, made beside each other",
                cure=f"let one follow the other: in {ends[-1].name} write "
                f"down_revision = {_other_head(heads, scripts, ends[-1])!r}",
            )
        for script in walked:
            parents = tuple(script._all_down_revisions)
            yield Revision(script.revision, parents, script.doc.strip(), Path(script.path))

    def _fault(
        self, path: Path, what: str, *, line: int = 0, cure: str = "correct the file"
    ) -> RevisionFileError:
        file = path.relative_to(self._home).as_posix()
        return RevisionFileError(
            f"the revision {what}",
            cure=cure,
            subject=self._module_id,
            database=self._database,
            module_id=self._module_id,
            file=file,
            line=line,
        )

    def _disorder(self, paths: Sequence[Path], what: str, *, cure: str) -> RevisionOrderError:
        files = tuple(path.relative_to(self._home).as_posix() for path in paths)
        return RevisionOrderError(
            f"{' and '.join(files)} {what}",
            cure=cure,
            subject=self._module_id,
            database=self._database,
            module_id=self._module_id,
            files=files,
        )


def _other_head(heads: Sequence[str], scripts: Sequence[Script], last: Path) -> str:
    """Return the id of the first of several heads that isn't in the file ``last``."""
    own = next(script.revision for script in scripts if Path(script.path) == last)
    return next(head for head in heads if head != own)


def line_in(path: Path, error: BaseException) -> int:
    """Return the line of a file that an error passed last; 0 if it passed none."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno or 0 for frame in frames if frame.filename == str(path)]
    return lines[-1] if lines else 0
