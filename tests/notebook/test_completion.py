"""Names complete in ``%%sql`` cells and in the text of ``app.database.sql``."""

from __future__ import annotations

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from modframe.app import AppContext
from modframe.notebook import extension

MODULE = """
from core.database import get_database_base
from modframe.decorators import module
from sqlalchemy import Column, Integer, String

DATABASE_NAME = "orders"
Base = get_database_base(DATABASE_NAME)


class Item(Base):
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    price = Column(Integer)
    product = Column(String(20))


@module
class Orders:
    pass
"""


def completed(shell: InteractiveShell, text: str) -> list[str]:
    """What a cell may become, up to the cursor, which is at its end."""
    with provisionalcompleter():
        found = shell.Completer.completions(text, len(text))
        return [text[: one.start] + one.text for one in found]


@pytest.fixture
def shell(app: AppContext) -> InteractiveShell:
    app.load({"api.py": MODULE}, id="orders")
    return InteractiveShell()


def test_names_complete_in_sql(shell: InteractiveShell) -> None:
    """Databases, tables, columns, and those behind an alias; elsewhere nothing changes."""
    extension.load(shell)
    try:
        for text, expected in (
            ("%%sql\nSELECT 1\nFROM ord", "%%sql\nSELECT 1\nFROM orders.items"),
            ("%%sql\nFROM orders.", "%%sql\nFROM orders.items"),
            ("%%sql\nFROM orders.items i WHERE i.pri", "%%sql\nFROM orders.items i WHERE i.price"),
            ("%%sql\nFROM orders.items WHERE pri", "%%sql\nFROM orders.items WHERE price"),
            ('app.database.sql("FROM ord', 'app.database.sql("FROM orders'),
            ('app.database.sql("""\nFROM orders.', 'app.database.sql("""\nFROM orders.items'),
        ):
            assert expected in completed(shell, text), text
        assert not any("items" in one for one in completed(shell, "x = ord"))
        assert not any("items" in one for one in completed(shell, 'sql("a"); y = ord'))
    finally:
        extension.unload(shell)
    assert "%%sql\nFROM orders.items" not in completed(shell, "%%sql\nFROM orders.")
