// The table of tabs. To add one: write tabs/<name>.mjs with `export function <Name>Tab(props)`, import
// it here and give it a line in TABS. A panel whose noun no line claims is a tab of its own.
//
// A line is { key, title, scope: "all" | "module" | "both", component, nouns?, when?, count? }:
//   nouns             the nouns of the panels that the tab shows itself
//   when(facts)       whether the tab is there; `facts` is {} where all modules are shown
//   count(row, facts) the number beside the title; none for 0
// A tab gets { id, row, facts, state, client, go }:
//   id, row, facts    the module (null, {}, {} for all modules); facts as in `detail.facts`, never null
//   state             the store: { meta, rows, order, detail, log, ticks }
//   client            client.ask(op, args, { onPart }) → promise of the value, with cancel() and ms;
//                     it rejects with { type, message, place?, cure?, trace?, code? }
//   go(id, tab)       opens a module's tab; id null is everything
//
// What ui.mjs offers (h, html and the hooks come from "./vendor/htm-preact.mjs"):
//   State({ state, bare })   Health({ status })   Icon({ shape, tone })   Badge({ tone, children })
//     tones: calm good warn bad busy; shapes: dot ring half cross triangle bar pen check squares
//   Table({ columns, rows, label, rowKey(row)?, onRow(row)?, selected?, empty?, sort: { key, down }?,
//     onSort(key)? }): with onSort the rows stay as they come, and a click on a head is told
//     column: { key, title, numeric?, mono?, value?(row), cell?(row) }. `value` is what is sorted
//     (row[key] if left out), `cell` what is drawn; a column whose values are all numbers, durations
//     or bytes is right-aligned by itself. Above 200 rows only those in sight are drawn.
//   useWindow(total, rowHeight, ref?) → { area, virtual, from, to, before, after }: the same for a list
//   useAsk(client, op, args, { now: true }) → { value, error, busy, parts, ms, ask(args?), cancel() }
//     asks at once and when args change; with { now: false } only by ask()
//   Asked({ of, children })  the error, or "Loading …", of a useAsk; else its children. The children
//     are made before, so let them be components: h(Asked, { of: plan }, h(PlanView, { plan: plan.value }))
//   ErrorBox({ error, title? })   a string or { type, message, place, cure, trace, code }
//   PlanDialog({ client, id, action, args?, title, danger?, onClose })   plan first, then do (plan.mjs)
//   PlanView({ plan }) (plan.mjs)   SourceLines({ client, id, file, line, of?, around? }) (source.mjs)   Diff({ files })   Code({ text, label })   CopyButton({ text, title? })
//   Dialog({ title, onClose, buttons, children })   Tabs({ tabs, current, onSelect, label, children })
//   DeedDialog({ title, action, label, ready?, done, said, onClose, children })   done: a useAsk
//   Stat({ title, value, unit?, values?, tone? })   Sparkline({ values, label, tone? })
//   Empty({ title, children })   Linked({ text })   ModuleLink({ id, tab?, go })   copyText(text, near)
// A section has an h2 (small and muted), a section inside it an h3.
// Classes for layout: stack row grow wrap grid card box muted mono num small primary danger plain.
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
    key: "draft",
    title: "Draft",
    scope: "module",
    component: DraftTab,
    count: (row) => (row.draft ? 1 : 0),
  },
];

/** Return the tabs of a module, or of everything; panels that no tab claims come last. */
export function tabsFor(id, row, facts) {
  const wanted = id ? "module" : "all";
  const fits = ({ scope, when }) =>
    (scope === "both" || scope === wanted) && (!when || when(facts));
  const tabs = TABS.filter(fits).map((tab) => ({ ...tab, count: tab.count?.(row, facts) }));
  const claimed = new Set(TABS.flatMap((tab) => (tab.scope === "all" ? [] : (tab.nouns ?? []))));
  const panels = (facts.panels ?? []).filter((panel) => !claimed.has(panel.noun));
  return [...tabs, ...panels.map(panelTab)];
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
