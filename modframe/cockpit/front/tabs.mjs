// The table of tabs. To add one: write tabs/<name>.mjs with `export function <Name>Tab(props)`, import
// it here and give it a line in TABS. A panel whose noun no line claims is a tab of its own.
//
// A line is { key, title, scope: "all" | "module" | "both", component, nouns?, when?, count? }:
//   nouns             the nouns of the panels that the tab shows itself
//   when(facts)       whether the tab is there; `facts` is {} where all modules are shown
//   count(row)        the number beside the title; none for 0
// A tab gets { id, row, facts, state, client, go }:
//   id, row, facts    the module (null, {}, {} for all modules); facts as in `detail.facts`, never null
//   state             the store: { meta, rows, order, detail, log, ticks }
//   client            client.ask(op, args, { onPart }) → promise of the value, with cancel() and ms;
//                     it rejects with { type, message, place?, cure?, trace?, code? }
//   go(id, tab)       opens a module's tab; id null is everything
//
// The parts that tabs are made of stand in ui.mjs, plan.mjs, source.mjs and result.mjs, the classes for
// layout, text and tones in style.css. A section has an h2, a section inside it an h3.
// Top-level names are unique over all files of front/, and an import stands on one line.

import { DataTab } from "./tabs/data.mjs";
import { DraftTab } from "./tabs/draft.mjs";
import { ErrorsTab } from "./tabs/errors.mjs";
import { HistoryTab } from "./tabs/history.mjs";
import { LogsTab } from "./tabs/logs.mjs";
import { OverviewTab } from "./tabs/overview.mjs";
import { RoutesTab } from "./tabs/routes.mjs";
import { ServicesTab } from "./tabs/services.mjs";
import { PanelTab } from "./panel.mjs";

export const TABS = [
  { key: "overview", title: "Overview", scope: "both", component: OverviewTab },
  {
    ...{ key: "services", title: "Services", scope: "both", component: ServicesTab },
    nouns: ["service", "method", "parameter", "return", "example", "tag", "called method"],
    count: (row) => row.methods,
  },
  {
    ...{ key: "routes", title: "Routes", scope: "both", component: RoutesTab },
    nouns: ["route", "answered route"],
    count: (row) => row.routes,
  },
  {
    ...{ key: "data", title: "Data", scope: "both", component: DataTab, nouns: ["column"] },
    when: (facts) => !facts.state || facts["parts.database"] || facts.failure?.step === "database",
  },
  { key: "errors", title: "Errors", scope: "both", component: ErrorsTab },
  { key: "logs", title: "Logs", scope: "both", component: LogsTab },
  { key: "history", title: "History", scope: "module", component: HistoryTab },
  {
    ...{ key: "draft", title: "Draft", scope: "module", component: DraftTab },
    count: (row) => (row.draft ? 1 : 0),
  },
];

/** Return the tabs of a module, or of everything; panels that no tab claims come last. */
export function tabsFor(id, row, facts) {
  const scopes = ["both", id ? "module" : "all"];
  const tabs = TABS.filter(({ scope, when }) => scopes.includes(scope) && (!when || when(facts)));
  const claimed = TABS.flatMap(({ nouns = [] }) => nouns);
  const panels = (facts.panels ?? []).filter(({ noun }) => !claimed.includes(noun));
  const counted = tabs.map((tab) => ({ ...tab, count: tab.count?.(row) }));
  return [...counted, ...panels.map(panelTab)];
}

function panelTab(panel) {
  return {
    key: panel.noun.toLowerCase().replaceAll(" ", "-"),
    title: panel.title[0].toUpperCase() + panel.title.slice(1),
    count: panel.rows.length,
    noun: panel.noun,
    component: PanelTab,
  };
}
