import assert from "node:assert/strict";
import { test } from "node:test";
import * as format from "../../../modframe/cockpit/front/format.mjs";

test("only http and https become links, and a full stop stays outside", () => {
  assert.deepEqual(format.linkParts("see https://a.example/x?y=1. Or javascript:alert(1)"), [
    { text: "see " },
    { text: "https://a.example/x?y=1", href: "https://a.example/x?y=1" },
    { text: ". Or javascript:alert(1)" },
  ]);
  for (const text of ["javascript:alert(1)", "data:text/html,x", "JAVASCRIPT:https://", "//evil"]) {
    assert.deepEqual(format.linkParts(text), [{ text }]);
  }
});

test("numbers, durations and bytes", () => {
  assert.equal(format.number(12345.678), "12,345.7");
  assert.deepEqual([0.4, 250, 12300, 120000].map(format.duration), [
    "< 1 ms",
    "250 ms",
    "12.3 s",
    "2 min",
  ]);
  assert.deepEqual([12, 1536, 2e6].map(format.bytes), ["12 B", "1.5 kB", "2 MB"]);
  assert.equal(format.timeOfDay("2026-11-29T15:49:53.120+00:00"), "15:49:53");
});

test("cells are compared by what they are worth", () => {
  const cells = ["1.2 s", "90 ms", "< 1 ms", "2 min"];
  assert.deepEqual(cells.sort(format.compareCells), ["< 1 ms", "90 ms", "1.2 s", "2 min"]);
  assert.deepEqual(["a10", "a9"].sort(format.compareCells), ["a9", "a10"]);
  assert.equal(format.quantity("1.2 apples"), null);
  assert.equal(format.quantity(null), null);
});

test("CSV quotes what it has to, and runs nothing in a spreadsheet", () => {
  const text = format.toCsv(
    ["a", "b"],
    [
      ['x "y"', -1],
      ["=SUM(A1)", null],
    ],
  );
  assert.equal(text, 'a,b\r\n"x ""y""",-1\r\n\'=SUM(A1),\r\n');
});

test("a diff is its lines without the two heads", () => {
  const text = "--- a.py\n+++ b.py\n@@ -1 +1 @@\n-x\n+y\n z\n";
  assert.deepEqual(format.diffLines(text), ["@@ -1 +1 @@", "-x", "+y", " z"]);
});

test("an address and its place are two forms of one thing", () => {
  assert.equal(format.routeOf("standard.orders", "history"), "#/orders/history");
  assert.equal(format.routeOf(null, "logs"), "#/-/logs");
  for (const place of [
    { module: "standard.orders", tab: "history", args: {} },
    { module: "core.settings", tab: "overview", args: {} },
    { module: null, tab: "logs", args: {} },
    { module: null, tab: "errors", args: { text: "a/b?c=d&e #1" } },
  ]) {
    const { module, tab, args } = place;
    assert.deepEqual(format.placeOf(format.routeOf(module, tab, args)), place);
  }
  assert.deepEqual(format.placeOf(""), { module: null, tab: "overview", args: {} });
  const broken = { module: "standard.%E0%A4%A", tab: "x", args: {} };
  assert.deepEqual(format.placeOf("#/%E0%A4%A/x"), broken);
});
