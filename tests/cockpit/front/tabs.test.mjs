// Which tabs there are: modframe's own, and those that parts declare.
import assert from "node:assert/strict";
import { test } from "node:test";

import { TABS, tabsFor } from "../../../modframe/cockpit/front/tabs.mjs";

const FACTS = {
  state: "LIVE",
  "panels.00": { noun: "task", tab: "Tasks", detail: false },
  "rows.00": [["a"], ["b"]],
  "panels.01": { noun: "dead task", tab: "Tasks", detail: false },
  "rows.01": [["c", "why"]],
  "panels.02": { noun: "route", tab: "Routes", detail: false },
  "rows.02": [["GET /"]],
  "panels.03": { noun: "generation", tab: "Sessions", detail: true },
  "rows.03": [["1"]],
  "panels.04": { noun: "scratch folder", tab: "My files", detail: false },
  "rows.04": [["/tmp/x"]],
};
const keysOf = (tabs) => tabs.map(({ key }) => key);

test("a declared tab is there if the module has one of its panels, with the number of rows", () => {
  const tabs = tabsFor("standard.orders", { routes: 4 }, FACTS, "overview");
  const counts = Object.fromEntries(tabs.map(({ key, count }) => [key, count]));
  assert.equal(counts.tasks, 3);
  assert.equal(counts.routes, 4); // drawn by a tab of its own
  assert.equal(counts.sessions, 0); // says more about what others count
  assert.equal("events" in counts, false);
});

test("a tab that a part alone knows comes last, and has no JavaScript of its own", () => {
  const last = tabsFor("standard.orders", {}, FACTS, "overview").at(-1);
  const tasks = TABS.find(({ key }) => key === "tasks");
  assert.deepEqual(
    { ...last, count: 0 },
    { ...tasks, key: "my-files", title: "My files", count: 0 },
  );
});

test("the tab that is looked at stays when its last row goes", () => {
  const quiet = { state: "LIVE" };
  assert.ok(keysOf(tabsFor("standard.orders", {}, quiet, "tasks")).includes("tasks"));
  assert.ok(!keysOf(tabsFor("standard.orders", {}, quiet, "logs")).includes("tasks"));
  assert.ok(!keysOf(tabsFor("standard.orders", {}, quiet, "nonsense")).includes("nonsense"));
});

test("for all modules every declared tab is there", () => {
  const all = keysOf(tabsFor(null, {}, {}, "overview"));
  for (const key of ["settings", "health", "tasks", "events", "metrics", "sessions", "overrides"]) {
    assert.ok(all.includes(key), key);
  }
  assert.ok(!all.includes("history"));
});
