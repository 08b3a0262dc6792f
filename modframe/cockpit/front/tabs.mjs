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
import { SettingsTab } from "./tabs/settings.mjs";
import { PanelsTab } from "./panel.mjs";

export const TABS = [
  tabOf("Overview", OverviewTab),
  { ...tabOf("Services", ServicesTab), count: (row) => row.methods },
  { ...tabOf("Routes", RoutesTab), count: (row) => row.routes },
  { ...declared("Settings"), component: SettingsTab },
  {
    ...tabOf("Data", DataTab),
    when: (facts) => !facts.state || facts["parts.database"] || facts.failure?.step === "database",
  },
  { ...declared("Health"), op: "health" },
  declared("Tasks"),
  declared("Events"),
  tabOf("Errors", ErrorsTab),
  tabOf("Logs", LogsTab),
  declared("Metrics"),
  declared("Sessions"),
  { ...tabOf("History", HistoryTab), scope: "module" },
  { ...tabOf("Draft", DraftTab), scope: "module", count: (row) => (row.draft ? 1 : 0) },
  declared("Overrides"),
];

function tabOf(title, component) {
  return { key: title.toLowerCase().replaceAll(" ", "-"), title, scope: "both", component };
}

/** A tab of panels; `op` is what it asks for those of all modules. */
function declared(title) {
  return { ...tabOf(title, PanelsTab), op: "panels", declared: true };
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
