"""What a `ServiceMethod` says and what the method is: each difference is a warning at its line."""

from __future__ import annotations

import pytest

from .shapes import changed, line_of
from .support import findings

METHOD = "    async def weigh(self):"
RULE = "documented-signature"


def differences(method: str, words: str) -> list[str]:
    """Return what is wrong with the words about a method, which is given as its first line."""
    text = changed('ServiceMethod("weigh")', f'ServiceMethod("weigh", {words})')
    text = changed(METHOD, f"    {method}", text)
    found = [finding for finding in findings({"api.py": text}) if finding.rule == RULE]
    assert {(one.level, one.file, one.line) for one in found} <= {
        ("warning", "api.py", line_of(method, text))
    }
    return [finding.message for finding in found]


@pytest.mark.parametrize(
    ("method", "words", "says"),
    [
        (
            "async def weigh(self):",
            "params=[ServiceParam('unit', 'str')]",
            "weigh() is documented with a parameter 'unit' that it does not take",
        ),
        (
            "async def weigh(self, unit):",
            "params=[]",
            "weigh() requires 'unit', which is not documented",
        ),
        (
            "async def weigh(self, unit: int):",
            "params=[ServiceParam('unit', 'str')]",
            "weigh() is documented to take 'unit' as str and annotated with int",
        ),
        (
            "async def weigh(self, unit: 'list[int]'):",
            "params=[ServiceParam('unit', 'List[str]')]",
            "weigh() is documented to take 'unit' as List[str] and annotated with list[int]",
        ),
        (
            "async def weigh(self, unit: int):",
            "params=[ServiceParam('unit', 'int | None')]",
            "weigh() is documented to take 'unit' as int | None and annotated with int",
        ),
        (
            "async def weigh(self, unit: str):",
            "params=[ServiceParam('unit', str, required=False)]",
            "weigh() requires 'unit', which is documented as optional",
        ),
        (
            "async def weigh(self, unit: str = 'kg'):",
            "params=[ServiceParam('unit', str, required=False, default='g')]",
            "weigh() is documented with unit='g', and its default is 'kg'",
        ),
        (
            "async def weigh(self) -> int:",
            "returns=ServiceReturn('Result')",
            "weigh() is documented to return Result and annotated with int",
        ),
    ],
)
def test_a_difference_is_said(method: str, words: str, says: str) -> None:
    """With the method, what is documented, and what is."""
    assert differences(method, words) == [says]


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("async def weigh(self, unit: str):", "params=[ServiceParam('unit', 'str')]"),
        ("async def weigh(self, unit: str):", "params=[ServiceParam('unit', str)]"),
        ("async def weigh(self, unit):", "params=[ServiceParam('unit', 'str')]"),
        ("async def weigh(self, unit: str):", "params=[ServiceParam('unit')]"),
        ("async def weigh(self, unit: 'Dict[str, Any]'):", "params=[ServiceParam('unit', 'dict')]"),
        ("async def weigh(self, unit: dict):", "params=[ServiceParam('unit', 'Dict[str, Any]')]"),
        ("async def weigh(self, unit: 'Scales'):", "params=[ServiceParam('unit', 'Scales')]"),
        (
            "async def weigh(self, unit: str | None = None):",
            "params=[ServiceParam('unit', 'str', required=False)]",
        ),
        (
            "async def weigh(self, unit: 'Optional[str]'):",
            "params=[ServiceParam('unit', 'str | None')]",
        ),
        ("async def weigh(self, unit: str = 'kg'):", "params=[ServiceParam('unit', 'str')]"),
        ("async def weigh(self, **more):", "params=[ServiceParam('unit', 'str')]"),
        ("async def weigh(self, *all):", "params=[]"),
        ("async def weigh(self) -> 'List[int]':", "returns=ServiceReturn('list[int]')"),
        ("async def weigh(self) -> None:", "returns=ServiceReturn('None')"),
        ("async def weigh(self) -> int:", "returns=ServiceReturn()"),
    ],
)
def test_words_that_fit(method: str, words: str) -> None:
    """The same type may be written in several ways, and ``Any`` says nothing."""
    assert differences(method, words) == []
