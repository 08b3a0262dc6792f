"""Conflicts of databases in routes: 409 with `Retry-After`, or none, with a transaction."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import modframe
from modframe.app import AppContext
from tests import inside

AT_ONCE = 160

MODELS = """
from core.database import get_database_base
from sqlalchemy import Column, Integer, String

DATABASE_NAME = "users"
Base = get_database_base(DATABASE_NAME)


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    email = Column(String(200), unique=True, nullable=False)


class Total(Base):
    __tablename__ = "totals"
    id = Column(Integer, primary_key=True)
    number = Column(Integer, nullable=False, default=0)
"""

API = """
from core.app_context import app_context
from core.error_utils import Result
from fastapi import APIRouter
from modframe.decorators import module
from pydantic import BaseModel
from sqlalchemy import func, select

from .db_models import Total, User

router = APIRouter()


class NewUser(BaseModel):
    email: str


async def register(session, email):
    if (await session.scalars(select(User).where(User.email == email))).first() is not None:
        return Result.error("TAKEN", "this address is registered already")
    user = User(email=email)
    session.add(user)
    total = (await session.scalars(select(Total))).one()
    total.number += 1
    await session.flush()
    return Result.success({"id": user.id})


@router.post("/retried", status_code=201)
async def retried(new: NewUser):
    transaction = app_context.database.transaction("users", "register", retry=8)
    return await transaction(lambda session: register(session, new.email))


@router.post("/once", status_code=201)
async def once(new: NewUser):
    async with app_context.database.integrity_session("users", "register") as session:
        result = await register(session, new.email)
        await session.commit()
        return result


@router.post("/fails")
async def fails():
    async with app_context.database.transaction("users", "fail") as session:
        session.add(User(email="lost"))
        raise ValueError("secret")


@module(error_status={"TAKEN": 422})
class Users:
    async def initialize(self):
        async with app_context.database.transaction("users", "begin") as session:
            if await session.scalar(select(func.count()).select_from(Total)) == 0:
                session.add(Total())

    async def counts(self) -> list:
        async with app_context.database.integrity_session("users", "count") as session:
            users = await session.scalar(select(func.count()).select_from(User))
            return [users, (await session.scalars(select(Total.number))).one()]
"""


@pytest.fixture
def users(workspace: Path) -> Any:
    """An app with the module, on a file."""
    with modframe.start(workspace=workspace, data=workspace / "data") as app:
        app.load({"db_models.py": MODELS, "api.py": API}, id="users")
        yield app


def post_at_once(app: AppContext, route: str, emails: list[str]) -> list[Any]:
    """Post one registration for each address, all at once."""

    async def post() -> list[Any]:
        async with app.test_client() as client:
            url = f"/api/v1/users/{route}"
            return await asyncio.gather(
                *(client.post(url, json={"email": email}) for email in emails)
            )

    return app.run(post())


def test_registrations_at_once_with_retry_all_succeed(users: AppContext) -> None:
    """All of them change one row, and none is answered with an error."""
    answers = post_at_once(users, "retried", [f"{n}@x" for n in range(AT_ONCE)])
    assert Counter(answer.status_code for answer in answers) == {201: AT_ONCE}
    assert users.get_service("users").counts().result() == [AT_ONCE, AT_ONCE]


def test_one_address_registered_at_once_is_made_once(users: AppContext) -> None:
    """The others see it when they run again, and say that it is taken."""
    answers = post_at_once(users, "retried", ["same@x"] * 20)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 422: 19}
    assert users.get_service("users").counts().result() == [1, 1]


def test_conflicts_without_retry_are_409_and_say_when_to_come_back(users: AppContext) -> None:
    """The client is told nothing of the database; the log has the reason."""
    answers = post_at_once(users, "once", [f"{n}@x" for n in range(AT_ONCE)])
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {201, 409}
    assert users.get_service("users").counts().result() == [statuses[201]] * 2
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "DatabaseConflictError"
    assert "Send this one again" in refused.json()["detail"]
    assert "register" not in refused.json()["detail"]
    assert any("was answered with 409: session 'register'" in line for line in inside.log(users))


def test_errors_of_a_route_in_a_transaction_stay_what_they_are(users: AppContext) -> None:
    """They roll back, and are a 500."""
    (answer,) = post_at_once(users, "fails", ["any"])
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert users.get_service("users").counts().result() == [0, 0]
