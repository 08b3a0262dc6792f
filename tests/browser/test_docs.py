"""`/docs` in a real browser, behind a proxy that takes a prefix off the path without saying so."""

from __future__ import annotations

from typing import Any

import pytest

from modframe.app import AppContext
from tests.browser.lab import PATIENCE

pytestmark = pytest.mark.browser

PENS = """
from fastapi import APIRouter, Depends
from fastapi.security import OAuth2PasswordBearer
from modframe.decorators import module
from pydantic import BaseModel, Field

router = APIRouter()
token = OAuth2PasswordBearer(tokenUrl="token")

class Pen(BaseModel):
    colour: str = Field(examples=["a fine green"])

@router.post("/pens")
async def add(pen: Pen) -> Pen:
    return pen

@router.post("/token")
async def sign_in() -> dict:
    return {"access_token": "t", "token_type": "bearer"}

@router.get("/me")
async def me(token: str = Depends(token)) -> str:
    return token

@module
class Pens:
    \"\"\"Keeps **pens**.\"\"\"
"""


PREFIX = "/proxy/8000"


def test_an_operation_is_tried_out(app: AppContext, chromium: Any) -> None:
    """The example of the code is sent where the routes are, and a token is fetched there."""
    app.load({"api.py": PENS}, id="pens")
    server = app.serve(port=0)
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE)
    asked = []

    def pass_on(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(response=route.fetch(url=route.request.url.replace(PREFIX, "", 1)))

    try:
        page.route(f"**{PREFIX}/**", pass_on)
        page.goto(f"{server.url}{PREFIX}/docs")
        page.locator("[id$=add_pens_post] .opblock-summary").click()
        page.locator(".btn.execute").click()
        answer = page.locator(".live-responses-table .response-col_description pre").first
        assert '"colour": "a fine green"' in answer.inner_text()
        page.locator(".btn.authorize").first.click()
        form = page.locator(".auth-container", has_text="Token URL")
        form.locator("input[type=text]").first.fill("ada")
        form.locator("input[type=password]").first.fill("secret")
        form.locator("button.authorize").click()
        form.get_by_text("Authorized").wait_for()
        assert f"{server.url}{PREFIX}/api/v1/pens/token" in asked
    finally:
        page.close()
