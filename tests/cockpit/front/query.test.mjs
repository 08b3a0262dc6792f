// Pages of rows, their cells, and the text of a query.
import assert from "node:assert/strict";
import { test } from "node:test";
import { asCell, cellFacts, completed } from "../../../modframe/cockpit/front/query.mjs";
import { lastOffset, pageWords } from "../../../modframe/cockpit/front/query.mjs";
import { recalled } from "../../../modframe/cockpit/front/query.mjs";
import { rowsAsCsv, withQuery } from "../../../modframe/cockpit/front/query.mjs";

test("a long value stands cut, with its size", () => {
  assert.deepEqual(cellFacts("short"), { text: "short", cut: false });
  const long = cellFacts("a".repeat(5000));
  assert.equal(long.text.length, 121);
  assert.equal(long.size, "5,000 characters");
  assert.equal(cellFacts("two\nlines").cut, true);
  assert.equal(cellFacts({ text: "\\x00", size: 4096, unit: "bytes" }).size, "4.1 kB");
});

test("CSV keeps numbers, tells NULL by nothing, and counts what is cut", () => {
  const csv = rowsAsCsv(
    ["a", "b"],
    [
      ["-1.50", null],
      ["=1+1", { text: "x", size: 9 }],
    ],
  );
  assert.equal(csv.text, "a,b\r\n-1.50,\r\n'=1+1,x…\r\n");
  assert.equal(csv.cut, 1);
});

test("pages say where they are", () => {
  assert.equal(pageWords(100, 100, 1001), "101–200 of 1,001");
  assert.equal(pageWords(0, 0, 0), "No rows of 0");
  assert.equal(pageWords(0, 5, undefined), "1–5");
  assert.equal(lastOffset(1001, 100), 1000);
  assert.equal(lastOffset(1000, 100), 900);
  assert.equal(lastOffset(0, 100), 0);
});

test("a word takes the place of what was begun of it", () => {
  assert.deepEqual(completed("SELECT * FROM sh LIMIT 1", 14, 16, "shop.items"), {
    query: "SELECT * FROM shop.items LIMIT 1",
    at: 24,
  });
});

test("earlier queries come back, each once, and the draft stands at their end", () => {
  const queries = withQuery(withQuery(withQuery([], "a"), "b"), "a");
  assert.deepEqual(queries, ["b", "a"]);
  assert.deepEqual(recalled(queries, 2, -1, "draft"), { at: 1, query: "a" });
  assert.deepEqual(recalled(queries, 0, -1, "draft"), { at: 0, query: "b" });
  assert.deepEqual(recalled(queries, 1, 1, "draft"), { at: 2, query: "draft" });
});

test("a query becomes a cell", () => {
  assert.equal(asCell(" SELECT 1 "), "%%sql\nSELECT 1\n");
});
