"""The table of orders."""

from core.database import get_database_base
from sqlalchemy import Boolean, Column, Date, Integer, Numeric, String

DATABASE_NAME = "orders"
Base = get_database_base(DATABASE_NAME)


class Order(Base):
    __tablename__ = "orders"

    id = Column(Integer, primary_key=True)
    item = Column(String(40), nullable=False)
    price = Column(Numeric(8, 2), nullable=False)
    due = Column(Date)
    gift = Column(Boolean, default=False)
