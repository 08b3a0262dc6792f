"""Loads texts as the runtime does, without an app; for tests of `modframe/load`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from modframe.errors import LoadError
from modframe.finding import Finding
from modframe.load import Loaded, load
from modframe.source import Source

_numbers = itertools.count(1000)


class Context:
    """Stands for the ``app_context`` of a generation."""

    answer = 42


def no_module(module_id: str) -> str | None:
    """Find no other module."""
    return None


@contextmanager
def loaded(
    texts: Mapping[str, str] | Source,
    *,
    context: object = None,
    resolve: Callable[[str], str | None] = no_module,
) -> Iterator[Loaded]:
    """Load the texts as ``standard.thing``, and take them out again afterwards."""
    source = texts if isinstance(texts, Source) else Source.from_texts("standard.thing", texts)
    name = f"modules.{source.module_id}~{next(_numbers)}"
    result = load(
        source, name, context or Context(), resolve=resolve, printer=print, folder="nowhere"
    )
    try:
        yield result
    finally:
        result.package.close()
        result.package.forget_text()


def findings(texts: Mapping[str, str] | Source) -> list[Finding]:
    """Return all findings of a load, whether it succeeds or not."""
    try:
        with loaded(texts) as found:
            return list(found.spec.findings)
    except LoadError as error:
        return list(error.findings)


def fault(texts: Mapping[str, str] | Source) -> Finding:
    """Return the single error of a load that fails."""
    (error,) = [finding for finding in findings(texts) if finding.level == "error"]
    return error
