"""How a cockpit looks: `wait_until_ready`, and `find_cut`, which says what sticks out.

In comes Playwright's locator of the element that the cockpit is put into.
"""

from __future__ import annotations

from typing import Any

from tests.waiting import wait_for

_READY = """(host) => {
  const words = [...host.shadowRoot.querySelectorAll("[role=status]")].map((one) => one.textContent);
  return !words.some((one) => /Loading|running/.test(one));
}"""
_CUT = """(host) => {
  const root = host.shadowRoot;
  const room = root.querySelector(".root").getBoundingClientRect();
  const scrolls = (one) => one.matches(".table,.tabs,pre,.lines,.parts,.items,.list:not(.open),dialog:not([open])");
  const inScroller = (one) => one && one !== root && (scrolls(one) || inScroller(one.parentElement));
  const wide = [document.documentElement, ...root.querySelectorAll(".frame, .frame > *, main, nav, .head, .panel, dialog[open]")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1)
    .map((one) => `${one.className || one.localName} is ${one.scrollWidth} of ${one.clientWidth} px`);
  const cut = [...root.querySelectorAll("button,input,select,textarea,h1,h2,h3,.badge,.stat-value")]
    .filter((one) => one.checkVisibility() && !inScroller(one))
    .filter((one) => { const { left, right } = one.getBoundingClientRect(); return left < room.left - 1 || right > room.right + 1 })
    .map((one) => `cut: ${one.outerHTML.slice(0, 120)}`);
  return [...wide, ...cut];
}"""


def wait_until_ready(host: Any) -> None:
    """Wait until nothing is loaded or runs any more."""
    wait_for(lambda: host.evaluate(_READY))


def find_cut(host: Any) -> list[str]:
    """Return a line for each box that is too wide for its place, and each control outside."""
    found: list[str] = host.evaluate(_CUT)
    return found
