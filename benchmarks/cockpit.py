"""The cockpit: its first rows, a swap, a quiet second and a call, in a kernel and in Chromium.

Run `python benchmarks/cockpit.py`. `--before FOLDER`, a checkout whose `app.inspect()` is made of
ipywidgets (the last one was 1a3a1fe), gives it a kernel of its own, and both take turns, so that a
busy machine slows both. The front end in a kernel is this process, which reads what is published.
Chromium is left out, with a line, where Playwright isn't installed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import Empty
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import modframe
from tests.kernels import Kernel, kernel

ROOT = Path(__file__).parents[1]
TEXT = """from modframe.decorators import module


@module
class Thing{number}:
    async def get(self) -> int:
        return {answer}
"""
START = """
import modframe, time
app = modframe.start(data=":memory:")

def load(number, answer):
    app.load({{"api.py": {text!r}.format(number=number, answer=answer)}}, id=f"thing{{number}}")

def quiet(seconds):
    began = time.process_time()
    time.sleep(seconds)
    return (time.process_time() - began) / seconds * 1000
"""
BUTTON = """
view.page("standard.thing0")
from ipywidgets import Button, Widget
buttons = [one for one in Widget._instances.values() if isinstance(one, Button)] if hasattr(
    Widget, "_instances") else [one for one in Widget.widgets.values() if isinstance(one, Button)]
print([one.comm.comm_id for one in buttons if one.button_style == "primary"][0])
"""
COMPUTE = """
print("computing", flush=True)
end = time.monotonic() + 3
while time.monotonic() < end:
    sum(number * number for number in range(1000))
"""
WATCH = """(text) => {
    const shown = [...document.querySelectorAll("*")].find((one) => one.shadowRoot).shadowRoot;
    const now = () => performance.timeOrigin + performance.now();
    const all = { subtree: true, childList: true, characterData: true };
    window.seen = new Promise((resolve) => {
        const look = () => shown.textContent.includes(text) && resolve(now());
        new MutationObserver(look).observe(shown, all);
    });
}"""
Message = dict[str, Any]


class View:
    """What `app.inspect()` of a checkout shows in a kernel, and what it costs there.

    Args:
        shell: The kernel, with a workspace of modules.
        old: Whether it is the view of ipywidgets.
    """

    def __init__(self, shell: Kernel, *, old: bool) -> None:
        self.shell, self.old = shell, old
        self.figures: dict[str, list[float]] = {}
        self._comm, self._asked = "", 0
        shell.run(START.format(text=TEXT))
        self._subshell = self._new_subshell()

    def note(self, name: str, value: float) -> None:
        """Keep a figure."""
        self.figures.setdefault(name, []).append(value)

    # -- what is measured -----------------------------------------------------------------

    def open(self) -> None:
        """Show it, and note how long it takes to the first rows and how much is sent for them."""
        self.note("quiet second, nothing open, ms", self._quiet())
        self.shell.run("took = time.process_time()")
        began = time.perf_counter()
        sent = self.shell.send("view = app.inspect()\nview")
        opened = self._until(lambda one: _ends(one, sent))
        if not self.old:
            self._comm = next(
                one["content"]["comm_id"]
                for one in opened
                if one["msg_type"] == "comm_open" and "_esm" in one["content"]["data"]["state"]
            )
            self.note("comm_open, with the module", sum(map(_size, opened)))
            self._say({"op": "hello", "module": None, "tab": "overview"})
            opened = self._until(lambda one: "rows" in _line(one))
        self.note("first rows, ms", (time.perf_counter() - began) * 1000)
        self.note("first message, bytes", sum(map(_size, opened)))
        spent = self.shell.run("print((time.process_time() - took) * 1000)").stdout
        self.note("first rows, Python ms, imports too", float(spent))

    def swap(self, number: int, answer: int, name: str) -> None:
        """Swap a module; note the bytes that are sent for it, and when the first of them come."""
        self._rest()
        began = time.perf_counter()
        self.shell.send(f"load({number}, {answer})")
        heard = self._until(lambda one: one["msg_type"] == "comm_msg" and self._tells(one))
        self.note(f"{name} → message, ms", (time.perf_counter() - began) * 1000)
        heard += self._rest()
        self.note(f"{name}, bytes", sum(map(self._told, heard)))

    def quiet_seconds(self) -> None:
        """Note the Python that a second takes in which nothing happens; at last of one module."""
        self.note("quiet second, all modules, ms", self._quiet())
        if not self.old:
            self._look(hidden=True)
            self.note("quiet second, hidden, ms", self._quiet())
        self._look()
        self.note("quiet second, one module, ms", self._quiet())

    def call(self, name: str) -> None:
        """Note how long a call takes, from the click to what is shown of its value."""
        if self.old and not self._comm:
            self._comm = self.shell.run(BUTTON).stdout.strip()
        self._rest()
        self.note(name, self._call())

    def call_while_computing(self, name: str) -> None:
        """Note how long a call takes that begins while a cell computes."""
        self.shell.send(COMPUTE)
        self._until(lambda one: one["content"].get("text") == "computing\n")
        self.note(name, self._call())
        self._until(lambda one: one["content"].get("execution_state") == "idle")
        self._rest(1.0)

    def _look(self, *, hidden: bool = False) -> None:
        """Look at a module; the old view has its page made."""
        if self.old:
            self.shell.run("view.page('standard.thing0') and None")
        else:
            look = {"op": "look", "module": "standard.thing0", "tab": "overview"}
            self._say({**look, "hidden": hidden})

    # -- messages -------------------------------------------------------------------------

    def _quiet(self, seconds: int = 10) -> float:
        self._rest(3.0)
        return float(self.shell.run(f"print(quiet({seconds}))").stdout)

    def _call(self) -> float:
        began = time.perf_counter()
        if self.old:
            self._custom({"event": "click"})
            self._until(lambda one: "running…" not in (html := _html(one)) and "ms" in html)
        else:
            self._asked += 1
            args = {"service": "thing0", "method": "get", "args": {}}
            self._say({"id": self._asked, "op": "call", "args": args})
            self._until(lambda one: _line(one).get("id") == self._asked)
        return (time.perf_counter() - began) * 1000

    def _told(self, message: Message) -> int:
        """Return the bytes of what a message tells of a swap; the series come as often without."""
        line = _line(message)
        if not line or not self._tells(message):
            return _size(message) if self.old else 0
        return len(json.dumps({key: value for key, value in line.items() if key != "ticks"}))

    def _tells(self, message: Message) -> bool:
        """Return whether a message tells what a swap changed."""
        return bool(_line(message).keys() & {"rows", "detail"}) if not self.old else True

    def _say(self, message: Message) -> None:
        self._custom({"view": "one", "message": message})

    def _custom(self, content: Message) -> None:
        """Send what JupyterLab sends: on the subshell that it has for widgets."""
        data = {"method": "custom", "content": content}
        client = self.shell.client
        message = client.session.msg("comm_msg", {"comm_id": self._comm, "data": data})
        message["header"]["subshell_id"] = self._subshell
        client.shell_channel.send(message)

    def _new_subshell(self) -> str:
        client = self.shell.client
        client.control_channel.send(client.session.msg("create_subshell_request"))
        return str(client.get_control_msg(timeout=30)["content"]["subshell_id"])

    def _until(self, wanted: Callable[[Message], bool]) -> list[Message]:
        """Return the messages up to the first one that is wanted."""
        heard = []
        while True:
            message = self.shell.client.get_iopub_msg(timeout=60)
            heard.append(message)
            if wanted(message):
                return heard

    def _rest(self, seconds: float = 1.2) -> list[Message]:
        """Return what comes within some time."""
        heard, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                heard.append(self.shell.client.get_iopub_msg(timeout=left))
            except Empty:
                break
        return heard


def _ends(message: Message, cell: str) -> bool:
    own = message["parent_header"].get("msg_id") == cell
    return bool(own) and message["content"].get("execution_state") == "idle"


def _data(message: Message) -> Message:
    data = message["content"].get("data")
    return data if message["msg_type"] == "comm_msg" and isinstance(data, dict) else {}


def _line(message: Message) -> Message:
    """Return what the cockpit sent, ``{}`` if it is another message."""
    line = (_data(message).get("content") or {}).get("line")
    return dict(json.loads(line)) if line else {}


def _html(message: Message) -> str:
    return str(_data(message).get("state", {}).get("value", ""))


def _size(message: Message) -> int:
    """Return the bytes of a message of a widget, 0 of another one."""
    if message["msg_type"] not in ("comm_open", "comm_msg"):
        return 0
    return len(json.dumps(message["content"])) + sum(map(len, message["buffers"]))


# -- Chromium --------------------------------------------------------------------------------------


def in_chromium(workspace: Path, rounds: int) -> Iterator[tuple[str, float]]:
    """Yield name and milliseconds: from the address to the first rows, and swap → screen."""
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import CHROMIUM, FLAGS

    token = "the-token-of-a-benchmark"
    with (
        modframe.start(workspace=workspace, data=":memory:") as app,
        sync_playwright() as tools,
        tools.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS) as browser,
    ):
        app.serve(port=0, token=token)
        for number in range(rounds):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            began = time.perf_counter()
            page.goto(f"{app.url}/modframe/?token={token}#/thing0/overview", wait_until="commit")
            page.locator("[data-module='standard.thing1']").first.wait_for()
            yield "page, first rows, ms", (time.perf_counter() - began) * 1000
            page.wait_for_timeout(1500)
            page.evaluate(WATCH, f"generation {number + 2}")
            began = time.time() * 1000
            app.load({"api.py": TEXT.format(number=0, answer=began)}, id="thing0")
            yield "page, swap → screen, ms", page.evaluate("window.seen") - began
            page.close()


# -- the run ---------------------------------------------------------------------------------------


def make_modules(workspace: Path, modules: int) -> None:
    """Write modules; three of modframe's own are live beside them."""
    for number in range(modules - 3):
        file = workspace / "modules" / "standard" / f"thing{number}" / "api.py"
        file.parent.mkdir(parents=True)
        file.write_text(TEXT.format(number=number, answer=number))


def in_kernels(workspace: Path, before: Path | None, rounds: int) -> dict[str, View]:
    """Measure the views, in turns."""
    with ExitStack() as stack:
        views = {}
        for name, root in {"now": ROOT, "before": before}.items():
            if root is not None:
                shell = stack.enter_context(kernel(workspace, PYTHONPATH=str(root)))
                views[name] = View(shell, old=name == "before")
        for view in views.values():
            view.open()
        for view in views.values():
            view.quiet_seconds()
        for number in range(rounds):
            for view in views.values():
                view.swap(1, number + 10_000, "swap, unwatched")
                view.swap(0, number + 10_000, "swap, watched")
                view.call("call, kernel idle, ms")
        for _ in range(3):
            for view in views.values():
                view.call_while_computing("call, a cell computes, ms")
        return views


TARGETS = {
    "swap, unwatched, bytes": "some hundred",
    "swap, watched, bytes": "some hundred",
    "quiet second, all modules, ms": "≤ 2 more than with nothing open",
    "quiet second, hidden, ms": "as with nothing open",
    "call, a cell computes, ms": "≤ 300",
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="a checkout whose app.inspect() is compared")
    parser.add_argument("--modules", type=int, nargs="*", default=[205, 1003])
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    for modules in given.modules:
        with tempfile.TemporaryDirectory() as folder:
            make_modules(Path(folder), modules)
            views = in_kernels(Path(folder), given.before, given.rounds)
            print(f"{f'{modules} modules, in a kernel':<36}", *(f"{name:>10}" for name in views))
            for name in views["now"].figures:
                found = [view.figures.get(name) for view in views.values()]
                values = (f"{statistics.median(one):>10,.1f}" if one else " " * 10 for one in found)
                print(f"{name:<36}", *values, f"  {TARGETS.get(name, '')}")
            show_chromium(Path(folder), given.rounds)


def show_chromium(workspace: Path, rounds: int) -> None:
    """Print what the page takes."""
    try:
        figures: dict[str, list[float]] = {}
        for name, value in in_chromium(workspace, rounds):
            figures.setdefault(name, []).append(value)
    except ImportError:
        print("Playwright isn't installed: the page is left out")
        return
    for name, values in figures.items():
        target = "target ≤ 1,000" if "first" in name else ""
        print(f"{name:<36} {statistics.median(values):>10,.1f}   {target}")


if __name__ == "__main__":
    main()
