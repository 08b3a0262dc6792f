// The tabs that parts declare: the panels of one tab, one below the other, with the buttons of their
// rows. In come those of a module (`facts.panels`), or of all as an operation answers them.

import { h, html, useState } from "./vendor/htm-preact.mjs";
import { count } from "./format.mjs";
import { Asked, Dialog, Empty, ErrorBox, Icon, ModuleLink, Table, useAsk } from "./ui.mjs";

const PANELS_AGAIN = 3000; // ms between two looks at what goes on
const SHAPES_OF = { good: "check", busy: "half", warn: "triangle", bad: "cross", calm: "ring" };
const TONES = {
  ...{ live: "good", healthy: "good", running: "busy", drains: "busy" },
  ...{ degraded: "warn", restarting: "warn", unhealthy: "bad", failed: "bad" },
};

/** A tab of panels; `tab` is its line in the table of tabs. */
export function PanelsTab(props) {
  if (!props.id) return h(AllPanels, props);
  const { facts, tab } = props;
  const panels = facts.panels?.filter((one) => one.tab === tab.title);
  return h(Panels, { ...props, panels: panels ?? [] });
}

function AllPanels(props) {
  const { client, tab } = props;
  const args = tab.op === "panels" ? { tab: tab.title } : {};
  const found = useAsk(client, tab.op, args, { every: PANELS_AGAIN });
  if (!found.value) return h(Asked, { of: found });
  return h(Panels, { ...props, panels: found.value, onDone: () => found.ask() });
}

function Panels({ panels, ...props }) {
  const [text, setText] = useState("");
  if (!panels.length)
    return html`<${Empty} title="Nothing now">What is declared, or goes on, stands here.<//>`;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (row) => words.every((word) => row.join(" ").toLowerCase().includes(word));
  const order = [...panels].sort((a, b) => b.actions.length - a.actions.length);
  const draw = (panel) =>
    h(DeclaredPanel, { ...props, panel, rows: panel.rows.filter(fits), key: panel.noun });
  return html`<div class="stack">
    ${
      panels.some(({ rows }) => rows.length > 10) &&
      html`<input type="search" placeholder="Filter rows" aria-label="Filter rows" data-field="filter-rows"
      value=${text} onInput=${(event) => setText(event.currentTarget.value)} />`
    }
    ${order.map(draw)}
  </div>`;
}

/** One panel { noun, title, columns, rows, actions }; of all modules, a row begins with its module. */
function DeclaredPanel({ panel, rows, id, tab, client, go, onDone }) {
  const [pressed, setPressed] = useState(null); // { action, module, row, begun? }
  const done = useAsk(client, "act", {}, { now: false });
  const act = async (one) => {
    setPressed({ ...one, begun: true });
    await done.ask({ module: one.module, noun: panel.noun, action: one.action.name, row: one.row });
    onDone?.();
  };
  const press = (action, cells) => {
    const [module, row] = id ? [id, cells[0]] : cells;
    (action.danger ? setPressed : act)({ action, module, row });
  };
  const columns = panel.columns.map((title, key) => columnOf(title, key, { id, go, tab }));
  if (panel.actions.length) {
    const cell = (cells) => h(RowActions, { panel, cells, press });
    columns.push({ key: "actions", title: "", value: () => "", cell });
  }
  return html`<section data-panel=${panel.noun}>
    <h2>${count(rows.length, panel.noun)}</h2>
    ${pressed?.begun && h(ActOutcome, { pressed, done })}
    <${Table} columns=${columns} rows=${rows} label=${panel.title} />
    ${pressed && !pressed.begun && h(AskFirst, { pressed, noun: panel.noun, act, leave: () => setPressed(null) })}
  </section>`;
}

function columnOf(title, key, { id, go, tab }) {
  if (!id && key === 0)
    return { key, title, cell: ([module]) => h(ModuleLink, { id: module, tab: tab.key, go }) };
  if (title === "state" || title === "status")
    return { key, title, cell: (row) => h(Said, { text: row[key] }) };
  return { key, title, mono: key === (id ? 0 : 1) };
}

/** A state or a verdict: its icon and its word; "unhealthy, 3 in a row" is as bad as unhealthy. */
function Said({ text }) {
  const tone = TONES[text.split(",")[0]] ?? "calm";
  return html`<span class=${`state badge ${tone}`}><${Icon} shape=${SHAPES_OF[tone]} tone=${tone} />${text}</span>`;
}

function RowActions({ panel: { noun, actions }, cells, press }) {
  const of = `${noun} ${cells.slice(0, 2).join(" ")}`;
  const button = (one) => html`<button class="small" data-action=${one.name}
    aria-label=${`${one.name}: ${of}`} onClick=${() => press(one, cells)}>${one.name}</button>`;
  return html`<span class="row">${actions.map(button)}</span>`;
}

function ActOutcome({ pressed: { action, row }, done: { busy, error } }) {
  const said = `${action.name}: ${row}`;
  if (error) return html`<${ErrorBox} title=${said} error=${error} />`;
  const [shape, tone, end] = busy ? ["half", "busy", "…"] : ["check", "good", "– done"];
  return html`<p class="row" role="status"><${Icon} shape=${shape} tone=${tone} /> ${said} ${end}</p>`;
}

function AskFirst({ pressed, noun, act, leave }) {
  const { action, module, row } = pressed;
  const buttons = html`<button onClick=${leave}>Leave it</button>
    <button class="danger" data-action="yes" onClick=${() => act(pressed)}>${action.name}</button>`;
  return html`<${Dialog} title=${`${action.name}: ${row}?`} onClose=${leave} buttons=${buttons}>
    <p>The ${noun} <span class="mono">${row}</span> of ${module}.</p>
  <//>`;
}
