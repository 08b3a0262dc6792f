"""What is kept: every reading, and an alarm for each one that stood out."""

from sqlalchemy import Column, DateTime, Double, String

from modframe.database import get_database_base

DATABASE_NAME = "sensors"
Base = get_database_base(DATABASE_NAME)


class Reading(Base):
    __tablename__ = "readings"

    sensor = Column(String(50), primary_key=True)
    taken = Column(DateTime, primary_key=True)
    value = Column(Double, nullable=False)


class Alarm(Base):
    __tablename__ = "alarms"

    sensor = Column(String(50), primary_key=True)
    taken = Column(DateTime, primary_key=True)
    value = Column(Double, nullable=False)