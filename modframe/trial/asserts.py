"""A test file's code, with its asserts rewritten by pytest so that they explain themselves."""

from __future__ import annotations

import ast
from types import CodeType

from _pytest.assertion.rewrite import rewrite_asserts  # no public door; what its import hook calls

from ..errors import ModframeError
from ..load.text import Fault, understand
from ..source import SourceFile


def rewritten(content: SourceFile) -> CodeType:
    """The code of a test file, or of one that tests import; lines are those of the cell or file.

    Raises:
        ModframeError: If the text is no Python.
    """
    text = understand(content)
    if isinstance(text, Fault):
        raise ModframeError(
            text.message, cure=text.cure, file=content.filename, line=text.line
        ) from None
    padded = "\n" * (content.first_line - 1) + content.code
    tree = ast.parse(padded, content.filename)
    rewrite_asserts(tree, padded.encode("utf-8"), content.filename)
    return compile(tree, content.filename, "exec", dont_inherit=True)
