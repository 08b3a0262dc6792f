"""`Controls`: what a person can press, choose or type in a cockpit, and what of it was not yet.

In comes the element that the cockpit is put into. What appears in it for a moment only is noted too.
A control is called by where it stands and what it says: ``"Data: Refresh"``, ``"dialog: Cancel"``.
"""

from __future__ import annotations

from typing import Any

_WATCH = r"""(host) => {
  const root = host.shadowRoot;
  const CONTROL = "button, a[href], summary, select, input, textarea, tr.link, [role=option]";
  const TYPED = "select, input, textarea";
  const KINDS = {
    "th button": "head of a column", "tr.link": "row", ".line": "line of the log",
    ".attention": "what needs attention", ".node": "node", "[data-table]": "table",
    ".follow": "key of another row", "[title='Show all of it']": "long value",
    "a[data-module]": "module", "a": "address", ".item[data-module]": "module",
    ".completions [role=option]": "completion", ".field :is(input, select, textarea)": "field",
  };
  const place = (one) => {
    if (one.closest("dialog")) return "dialog";
    if (!one.closest("[role=tabpanel]")) return "frame";
    return root.querySelector("[role=tab][aria-selected=true]").dataset.tab;
  };
  const words = (one) => {
    const kind = Object.keys(KINDS).find((selector) => one.matches(selector));
    if (kind) return KINDS[kind];
    const { tab, action, field } = one.dataset;
    if (tab) return `tab ${tab}`;
    if (action && one.closest("dialog, .head")) return action;
    const said = one.matches(TYPED) ? field ?? one.ariaLabel ?? one.closest("label").innerText : one.textContent;
    return said.trim().replace(/\s+/g, " ").replace(/\d+/g, "N");
  };
  const nameOf = (one) => `${place(one)}: ${words(one)}`;
  const [seen, used] = [new Set(), new Set()];
  const note = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE || !node.isConnected) return;
    for (const one of [node, ...node.querySelectorAll("*")]) if (one.matches(CONTROL) && one.textContent !== "Copied") seen.add(nameOf(one));
  };
  const use = (event) => {
    const one = event.composedPath()[0].closest(CONTROL);
    if (one && one.matches(TYPED) === (event.type !== "pointerdown")) used.add(nameOf(one));
  };
  for (const kind of ["pointerdown", "input", "change"]) root.addEventListener(kind, use, true);
  new MutationObserver((all) => all.forEach((one) => one.addedNodes.forEach(note)))
    .observe(root, { childList: true, subtree: true });
  note(root.firstElementChild);
  host.controls = { seen, used };
}"""
_NAMES = "(host) => [...host.controls.seen].sort()"
_UNUSED = "(host) => [...host.controls.seen].filter((one) => !host.controls.used.has(one)).sort()"


class Controls:
    """The controls of one cockpit, from now on.

    Args:
        host: Playwright's locator of the element that the cockpit is put into.
    """

    def __init__(self, host: Any) -> None:
        self._host = host
        host.evaluate(_WATCH)

    @property
    def names(self) -> list[str]:
        """Every one that was there so far."""
        names: list[str] = self._host.evaluate(_NAMES)
        return names

    @property
    def unused(self) -> list[str]:
        """Those that nobody pressed, chose or typed into."""
        unused: list[str] = self._host.evaluate(_UNUSED)
        return unused
