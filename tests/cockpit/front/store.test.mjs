import assert from "node:assert/strict";
import { test } from "node:test";
import * as store from "../../../modframe/cockpit/front/store.mjs";

const { NOTHING, applyNews } = store;
const ROWS = {
  "standard.cart": { state: "LIVE", urgency: 2, health: "unhealthy", draft: true },
  "standard.orders": { state: "FAILED", urgency: 1, error: "api.py, line 3: no" },
  "standard.stock": { state: "BLOCKED", urgency: 4, error: "blocked by standard.orders" },
  "standard.users": { state: "LIVE", health: "healthy" },
};
const FULL = { seq: 1, full: true, rows: ROWS, order: Object.keys(ROWS), meta: { ready: false } };

test("a full message replaces everything that was known", () => {
  const old = applyNews(NOTHING, { ...FULL, log: [{ message: "old" }] });
  const state = applyNews(old, { seq: 1, full: true, rows: { "core.a": { state: "LIVE" } } });
  assert.deepEqual(state, {
    ...NOTHING,
    meta: {},
    rows: { "core.a": { state: "LIVE" } },
    order: ["core.a"],
  });
});

test("a row that is null is gone, and nothing is changed in place", () => {
  const before = applyNews(NOTHING, FULL);
  const after = applyNews(before, { seq: 2, rows: { "standard.users": null } });
  assert.ok(!("standard.users" in after.rows) && !after.order.includes("standard.users"));
  assert.ok("standard.users" in before.rows);
});

test("a quiet second leaves all data the same", () => {
  const before = applyNews(NOTHING, FULL);
  assert.deepEqual(applyNews(before, { seq: 2 }), before);
  assert.equal(applyNews(before, { seq: 2 }).order, before.order);
});

test("facts of the watched module are joined, those of another one begin anew", () => {
  let state = applyNews(NOTHING, {
    seq: 1,
    full: true,
    detail: { id: "a", facts: { x: 1, y: 2 } },
  });
  state = applyNews(state, { seq: 2, detail: { id: "a", facts: { x: null, z: 3 } } });
  assert.deepEqual(state.detail, { id: "a", facts: { y: 2, z: 3 } });
  state = applyNews(state, { seq: 3, detail: { id: "b", facts: { x: 4 } } });
  assert.deepEqual(state.detail, { id: "b", facts: { x: 4 } });
});

test("what is worst comes first", () => {
  const ids = store.attention(applyNews(NOTHING, FULL));
  assert.deepEqual(ids, ["standard.orders", "standard.cart", "standard.stock"]);
  assert.deepEqual(
    Object.keys(ROWS).filter((id) => store.isIll(ROWS[id])),
    ["standard.cart"],
  );
});

test("modules are chosen by words and by what they are", () => {
  const state = applyNews(NOTHING, FULL);
  assert.deepEqual(store.visibleIds(state, "ST ock"), ["standard.stock"]);
  assert.deepEqual(store.visibleIds(state, "", "drafts"), ["standard.cart"]);
  assert.deepEqual(store.countShown(state), { all: 4, failing: 3, live: 2, drafts: 1 });
});

test("log lines are chosen by level, module and text; an unknown level is shown", () => {
  const log = [
    { level: "INFO", module_id: "a", message: "3 → 4 · live in 30 ms" },
    { level: "ERROR", module_id: "a", message: "No Route", correlation_id: "c1" },
    { level: "TRACE", module_id: "b", message: "no route" },
  ];
  assert.deepEqual(store.visibleLines(log, { level: "WARNING" }), log.slice(1));
  assert.deepEqual(store.visibleLines(log, { module: "a", text: "no route" }), [log[1]]);
  assert.deepEqual(store.visibleLines(log, { text: "C1" }), [log[1]]);
  assert.deepEqual(store.latestChanges(log), [log[0]]);
});
