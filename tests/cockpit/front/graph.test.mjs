import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenIds, layOut, linksOf, sentenceOf } from "../../../modframe/cockpit/front/graph.mjs";

function needs(text) {
  return new Map(text.split(", ").map((one) => [one[0], [...one.slice(1)]]));
}

test("what a row requires and what blocks it is needed, each once", () => {
  const rows = {
    shop: {
      state: "BLOCKED",
      error: "no",
      requires: ["stock", "tax"],
      cause: { blocked_by: ["tax", "gone"] },
    },
    stock: { state: "LIVE" },
    tax: { state: "FAILED" },
  };
  const links = linksOf({ rows, order: ["shop", "stock", "tax"] });
  assert.deepEqual(links.needs.get("shop"), ["stock", "tax", "gone"]);
  assert.deepEqual(links.users.get("gone"), ["shop"]);
  const said = ", blocked, requires stock, tax, gone; is kept down by tax, gone";
  assert.equal(sentenceOf("shop", links), said);
  assert.equal(sentenceOf("stock", links), ", live, is required by shop");
  assert.equal(sentenceOf("gone", links), ", missing, is required by shop");
});

test("first come two steps around a module, all of it when asked, round no circle for ever", () => {
  const chain = [..."abcdefg"];
  const rows = Object.fromEntries(
    chain.map((id, at) => [id, { state: "LIVE", requires: chain[at + 1] ? [chain[at + 1]] : [] }]),
  );
  const links = linksOf({ rows, order: chain });
  assert.equal(chosenIds(links, "d", false).ids.toSorted().join(""), "bcdef");
  assert.equal(chosenIds(links, "d", false).ids[0], "d");
  assert.equal(chosenIds(links, "d", true).ids.toSorted().join(""), "abcdefg");
  const circle = { rows, needs: needs("ab, bc, ca"), users: needs("ac, ba, cb") };
  assert.equal(chosenIds(circle, "a", true).total, 3);
});

test("of many modules, those that fail come first, then those that are needed most", () => {
  const ids = Array.from({ length: 200 }, (_, at) => `m${at}`);
  const rows = Object.fromEntries(ids.map((id) => [id, { state: "LIVE", requires: ["m150"] }]));
  rows.m170 = { state: "FAILED", error: "no", requires: ["gone"] };
  const links = linksOf({ rows, order: ids });
  const { ids: shown, total } = chosenIds(links, null, false);
  assert.deepEqual([shown.length, total, shown[2]], [60, 201, "m150"]);
  assert.deepEqual(shown.slice(0, 2).toSorted(), ["gone", "m170"]);
  assert.equal(chosenIds(links, null, true).ids.length, 201);
});

test("each module stands left of what it needs, and none on another one", () => {
  const { nodes, edges } = layOut([..."abcdef"], needs("abf, bc, cd, d, ed, f"));
  const column = Object.fromEntries(nodes.map((node) => [node.id, node.column]));
  for (const { from, to } of edges) assert.ok(column[from] < column[to], `${from} ${to}`);
  assert.equal(edges.find(({ from, to }) => from === "a" && to === "f").points.length, 4);
  for (const one of nodes) {
    for (const other of nodes) {
      const apart =
        one === other || one.column !== other.column || Math.abs(one.y - other.y) >= 0.99;
      assert.ok(apart && one.y >= 0, `${one.id} ${other.id}`);
    }
  }
});

test("circles, a module that needs itself, and what is not shown", () => {
  const { nodes, edges } = layOut([..."abc"], needs("aab, bc, caz"));
  assert.equal(new Set(nodes.map(({ column }) => column)).size, 3);
  assert.deepEqual(
    edges.map(({ from, to }) => from + to),
    ["ab", "bc", "ca"],
  );
  assert.deepEqual(layOut([], new Map()), { nodes: [], edges: [] });
});

test("a thousand modules are placed at once: in layers, in a chain, in a circle", () => {
  const ids = Array.from({ length: 1000 }, (_, at) => `m${at}`);
  const graph = (needed) => new Map(ids.map((id, at) => [id, needed(at)]));
  const layers = graph((at) => (at < 50 ? [] : [ids[at - 1 - ((at * 31) % 50)], ids[at - 50]]));
  const chain = graph((at) => ids.slice(at + 1, at + 4));
  const circle = graph((at) => [ids[(at + 1) % 1000], ids[0]]);
  const began = performance.now();
  for (const one of [layers, chain, circle]) assert.equal(layOut(ids, one).nodes.length, 1000);
  assert.ok(performance.now() - began < 10_000); // some 10 ms each; a bound for what hangs
});
