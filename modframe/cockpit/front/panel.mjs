// The tabs that parts declare: the panels of one tab, one below the other, with the buttons of their
// rows. In come those of a module's facts, or of all as an operation answers them.

import { h, html, useState } from "./vendor/htm-preact.mjs";
import { Pressed, TimeBlock } from "./blocks.mjs";
import { count } from "./format.mjs";
import { panelsOf, rowsWith } from "./store.mjs";
import { Table } from "./table.mjs";
import { Asked, Empty, ModuleLink, Search, State, useAsk } from "./ui.mjs";

const PANELS_AGAIN = 3000; // ms between two looks at what goes on
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;
const MANY = 10; // rows from which on there is a field to search them

/** A tab of panels; `tab` is its line in the table of tabs. */
export function PanelsTab(props) {
  if (!props.id) return h(AllPanels, props);
  const { facts, tab } = props;
  return h(Panels, { ...props, panels: panelsOf(facts).filter((one) => one.tab === tab.title) });
}

function AllPanels(props) {
  const { client, tab } = props;
  const args = tab.op === "panels" ? { tab: tab.title } : {};
  const found = useAsk(client, tab.op, args, { every: PANELS_AGAIN });
  if (!found.value) return h(Asked, { of: found });
  return h(Panels, { ...props, panels: found.value });
}

function Panels({ panels, ...props }) {
  const [text, setText] = useState("");
  if (!panels.length) {
    return html`<${Empty} title="Nothing now">What is declared, or goes on, stands here.<//>`;
  }
  const withButtonsFirst = [...panels].sort((a, b) => b.actions.length - a.actions.length);
  return html`<div class="stack">
    ${
      panels.some(({ rows }) => rows.length > MANY) &&
      html`<${Search} label="Search rows" data-field="search-rows" value=${text} onInput=${setText} />`
    }
    ${withButtonsFirst.map((panel) => {
      const rows = rowsWith(panel.rows, text);
      return h(DeclaredPanel, { ...props, panel, rows, key: panel.noun });
    })}
  </div>`;
}

/** One panel { noun, title, columns, rows, actions }; of all modules, a row begins with its module. */
function DeclaredPanel({ panel, rows, id, tab, client, go }) {
  const [pressed, setPressed] = useState(null); // a button as blocks have it
  const { noun, actions } = panel;
  const press = ({ name, danger }, cells) => {
    const [module, row] = id ? [id, cells[0]] : cells;
    const args = { module, noun, action: name, row };
    const plan = danger && { op: "act", args: { ...args, plan: true } };
    const said = { label: `${name}: ${row}`, title: `${name}: ${row}`, deed: `${name} ${row}` };
    const call = { op: "act", args };
    setPressed({ ...said, action: "act", danger, call, plan, at: Date.now() });
  };
  const filled = ({ key }) => !rows.length || rows.some((row) => row[key] !== "");
  const all = panel.columns.map((title, key) => columnOf(title, key, { id, go, tab }));
  const columns = all.filter(filled);
  if (actions.length) {
    const cell = (cells) => h(RowActions, { noun, actions, cells, press });
    columns.push({ key: "actions", title: "actions", value: () => "", cell });
  }
  const onClose = () => setPressed(null);
  return html`<section class="stack tight" data-panel=${noun}>
    <h2>${count(rows.length, noun)}</h2>
    ${pressed && h(Pressed, { client, go, button: pressed, onClose, key: pressed.at })}
    <${Table} columns=${columns} rows=${rows} label=${panel.title} />
  </section>`;
}

function columnOf(title, key, { id, go, tab }) {
  if (!id && key === 0) {
    return { key, title, cell: ([module]) => h(ModuleLink, { id: module, tab: tab.key, go }) };
  }
  if (title === "method") {
    const cell = (row) => h(ModuleLink, { id: id ?? row[0], tab: "services", go }, row[key]);
    return { key, title, mono: true, cell };
  }
  if (title !== "state" && title !== "status") {
    const cell = ({ [key]: text }) => (STAMP.test(text) ? h(TimeBlock, { stamp: text }) : text);
    return { key, title, mono: key === (id ? 0 : 1), cell };
  }
  // "unhealthy, 3 in a row" is drawn as unhealthy
  const cell = (row) => h(State, { state: row[key].split(",")[0], word: row[key] });
  return { key, title, cell };
}

function RowActions({ noun, actions, cells, press }) {
  const of = `${noun} ${cells.slice(0, 2).join(" ")}`;
  const button = (one) => html`<button class="small" data-action=${one.name}
    aria-label=${`${one.name}: ${of}`} onClick=${() => press(one, cells)}>${one.name}</button>`;
  return html`<span class="row">${actions.map(button)}</span>`;
}
