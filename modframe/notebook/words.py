"""`words_of`: the words of a ``%modframe`` command, as the shell's commands take them.

In goes the rest of a magic's line, out come its options. The commands that show something call it.
"""

from __future__ import annotations

import argparse
import shlex
from typing import NoReturn

from IPython.core.error import UsageError

from ..errors import ModframeError
from ..spec import module_id_of


class Parser(argparse.ArgumentParser):
    """Reads the words of one command; the module is a word or ``--module``.

    Args:
        name: Such as ``errors``.
        usage: How the whole line is written.
    """

    def __init__(self, name: str, usage: str) -> None:
        super().__init__(prog=f"%modframe {name}", usage=usage, add_help=False, allow_abbrev=False)
        self.add_argument("word", nargs="?")
        self.add_argument("--module", "-m")

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. Write {self.usage}.")


def words_of(parser: Parser, line: str) -> argparse.Namespace:
    """Return the options of a line; ``module`` is the full id of the module, or ``None``.

    Raises:
        UsageError: If the words can't be understood.
    """
    try:
        asked = parser.parse_args(shlex.split(line))
        named = {one for one in (asked.word, asked.module) if one}
        if len(named) > 1:
            parser.error("give one module, as a word or with --module")
        asked.module = module_id_of(named.pop()) if named else None
    except ValueError as error:  # a quotation mark is missing
        parser.error(str(error))
    except ModframeError as error:
        raise UsageError(str(error)) from None
    return asked
