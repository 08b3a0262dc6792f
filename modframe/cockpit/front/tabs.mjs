// The table of tabs. To add one: write tabs/<name>.mjs with `export function <Name>Tab(props)`, import
// it here and give it a line in TABS. Panels that parts declare stand under the tab that they name;
// under one of TABS that is not `declared`, its component shows what they say.
//
// A line is { key, title, scope: "all" | "module" | "both", component, declared?, when?, count? }:
//   declared          whether a module has the tab only if it has such a panel
//   when(facts)       whether the tab is there; `facts` is {} where all modules are shown
//   count(row, facts) the number beside the title; none for 0
// A tab gets { id, row, facts, state, client, go, tab }:
//   id, row, facts    the module (null, {}, {} for all modules); facts as in `detail.facts`, never null
//   state             the store: { meta, rows, order, detail, log, ticks }
//   client            client.ask(op, args, { onPart }) → promise of the value, with cancel() and ms;
//                     it rejects with { type, message, place?, cure?, trace?, code? }
//   go(id, tab)       opens a module's tab; id null is everything. `tab` is the line
//
// The parts that tabs are made of stand in ui.mjs, plan.mjs, source.mjs and result.mjs, the classes for
// layout, text and tones in style.css. A section has an h2, a section inside it an h3.
// Top-level names are unique over all files of front/, and an import stands on one line.

import { DataTab } from "./tabs/data.mjs";
import { DraftTab } from "./tabs/draft.mjs";
import { ErrorsTab } from "./tabs/errors.mjs";
import { GraphTab } from "./tabs/graph.mjs";
import { HistoryTab } from "./tabs/history.mjs";
import { LogsTab } from "./tabs/logs.mjs";
import { OverviewTab } from "./tabs/overview.mjs";
import { RoutesTab } from "./tabs/routes.mjs";
import { ServicesTab } from "./tabs/services.mjs";
import { SettingsTab } from "./tabs/settings.mjs";
import { PanelsTab } from "./panel.mjs";

export const TABS = [
  { key: "overview", title: "Overview", scope: "both", component: OverviewTab },
  {
    ...{ key: "services", title: "Services", scope: "both", component: ServicesTab },
    count: (row) => row.methods,
  },
  {
    ...{ key: "routes", title: "Routes", scope: "both", component: RoutesTab },
    count: (row) => row.routes,
  },
  { ...declared("Settings"), component: SettingsTab },
  {
    ...{ key: "data", title: "Data", scope: "both", component: DataTab },
    when: (facts) => !facts.state || facts["parts.database"] || facts.failure?.step === "database",
  },
  { key: "graph", title: "Graph", scope: "both", component: GraphTab },
  { ...declared("Health"), op: "health" },
  declared("Tasks"),
  declared("Events"),
  { key: "errors", title: "Errors", scope: "both", component: ErrorsTab },
  { key: "logs", title: "Logs", scope: "both", component: LogsTab },
  declared("Metrics"),
  declared("Sessions"),
  { key: "history", title: "History", scope: "module", component: HistoryTab },
  {
    ...{ key: "draft", title: "Draft", scope: "module", component: DraftTab },
    count: (row) => (row.draft ? 1 : 0),
  },
  declared("Overrides"),
];

/** A tab of panels; `op` is what it asks for those of all modules. */
function declared(title) {
  const key = title.toLowerCase().replaceAll(" ", "-");
  return { key, title, scope: "both", component: PanelsTab, op: "panels", declared: true };
}

/** Return the tabs of a module, or of everything; those that parts alone know come last. The
 * `current` one stays while it is looked at, whatever comes and goes. */
export function tabsFor(id, row, facts, current) {
  const panels = facts.panels ?? [];
  const wanted = id ? "module" : "all";
  const isThere = ({ key, title }) =>
    !id || key === current || panels.some(({ tab }) => tab === title);
  const fits = (tab) =>
    (tab.scope === "both" || tab.scope === wanted) &&
    (!tab.when || tab.when(facts)) &&
    (!tab.declared || isThere(tab));
  const known = new Set(TABS.map(({ title }) => title));
  const own = new Set(panels.map(({ tab }) => tab).filter((title) => !known.has(title)));
  return [...TABS.filter(fits), ...[...own].map(declared)].map((tab) => ({
    ...tab,
    count: tab.declared ? rowsUnder(tab.title, panels) : tab.count?.(row, facts),
  }));
}

function rowsUnder(title, panels) {
  const shown = panels.filter(({ tab, detail }) => tab === title && !detail);
  return shown.reduce((sum, { rows }) => sum + rows.length, 0);
}
