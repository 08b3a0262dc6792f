// The table of tabs. To add one: write an operation that answers with a view (cockpit/blocks.py) and
// give it a line in TABS with its `op`. What blocks can't say is a component of its own: tabs/<name>.mjs
// with `export function <Name>Tab(props)`, imported here. Panels that parts declare stand under the tab
// that they name; under one of TABS that is not `declared`, its component shows what they say.
//
// A line is { key, title, scope: "all" | "module" | "both", component, op?, declared?, when?, count? }:
//   op                the operation that its view, or its panels, come from
//   declared          whether a module has the tab only if it has such a panel
//   when(facts)       whether the tab is there; `facts` is {} where all modules are shown
//   count(row)        the number beside the title; none for 0
// A tab gets { id, row, facts, state, client, go, tab, args }:
//   id, row, facts    the module (null, {}, {} for all modules); facts as in `detail.facts`, never null
//   state             the store: { meta, rows, order, detail, log, ticks }
//   client            client.ask(op, args, { onPart }) → promise of the value, with cancel() and ms;
//                     it rejects with { type, message, place?, cure?, trace?, code? }
//   go(id, tab, args) opens a module's tab; id null is everything. `tab` is the line
//   args              what its view is asked with beside the module, from the address
//
// The parts that tabs are made of stand in ui.mjs, table.mjs, blocks.mjs and result.mjs, the
// classes for layout, text and tones in style.css. A section has an h2, a section inside it an h3.
// Top-level names are unique over all files of front/, and an import stands on one line.

import { DataTab } from "./tabs/data.mjs";
import { GraphTab } from "./tabs/graph.mjs";
import { LogsTab } from "./tabs/logs.mjs";
import { OverviewTab } from "./tabs/overview.mjs";
import { RoutesTab } from "./tabs/routes.mjs";
import { ServicesTab } from "./tabs/services.mjs";
import { SettingsTab } from "./tabs/settings.mjs";
import { BlocksTab } from "./blocks.mjs";
import { PanelsTab } from "./panel.mjs";
import { panelsOf } from "./store.mjs";

export const TABS = [
  tabOf("Overview", OverviewTab),
  { ...tabOf("Services", ServicesTab), count: (row) => row.methods },
  { ...tabOf("Routes", RoutesTab), count: (row) => row.routes },
  { ...declared("Settings"), component: SettingsTab },
  {
    ...tabOf("Data", DataTab),
    when: (facts) => !facts.state || facts["parts.database"] || facts.failure?.step === "database",
  },
  { key: "graph", title: "Graph", scope: "both", component: GraphTab },
  { ...declared("Health"), op: "health" },
  declared("Tasks"),
  declared("Events"),
  described("Errors"),
  tabOf("Logs", LogsTab),
  declared("Metrics"),
  declared("Sessions"),
  { ...described("History"), scope: "module" },
  {
    ...tabOf("Draft", BlocksTab),
    op: "draft",
    scope: "module",
    count: (row) => (row.draft ? 1 : 0),
  },
  declared("Overrides"),
];

function tabOf(title, component) {
  return { key: title.toLowerCase().replaceAll(" ", "-"), title, scope: "both", component };
}

/** A tab that the operation of its name describes. */
function described(title) {
  return { ...tabOf(title, BlocksTab), op: title.toLowerCase() };
}

/** A tab of panels; `op` is what it asks for those of all modules. */
function declared(title) {
  return { ...tabOf(title, PanelsTab), op: "panels", declared: true };
}

/** Return the tabs of a module, or of everything; those that parts alone know come last. The
 * `current` one stays while it is looked at, whatever comes and goes. */
export function tabsFor(id, row, facts, current) {
  const panels = panelsOf(facts);
  const named = new Set(panels.map(({ tab }) => tab));
  const isThere = ({ key, title }) => !id || key === current || named.has(title);
  const fits = (tab) =>
    ["both", id ? "module" : "all"].includes(tab.scope) &&
    (tab.when?.(facts) ?? true) &&
    (!tab.declared || isThere(tab));
  const others = [...named].filter((title) => TABS.every((tab) => tab.title !== title));
  return [...TABS.filter(fits), ...others.map(declared)].map((tab) => ({
    ...tab,
    count: tab.declared ? rowsUnder(tab.title, panels) : tab.count?.(row),
  }));
}

function rowsUnder(title, panels) {
  const shown = panels.filter(({ tab, detail }) => tab === title && !detail);
  return shown.reduce((sum, { rows }) => sum + rows.length, 0);
}
