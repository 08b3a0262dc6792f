// Views that an operation describes: in come blocks as modframe/cockpit/blocks.py has them, out go
// elements. What is chosen in a view are arguments of its operation, which is then asked again; what a
// row opens stands below it, and a button with a plan shows that view in a dialog before its call.

import { h, html, useEffect, useLayoutEffect, useMemo, useState } from "./vendor/htm-preact.mjs";
import { dayAndTime, number, timeOfDay } from "./format.mjs";
import { NumberedLines } from "./source.mjs";
import { Table } from "./table.mjs";
import { Asked, Badge, Code, CopyButton, Dialog, Diff, Empty, ErrorBox, Finding } from "./ui.mjs";
import { Linked, ModuleLink, Note, Select, State, useAsk } from "./ui.mjs";

/** A tab that an operation describes: `tab.op` of the module, or of all. What a module's row and the
 * newest error of the log say makes it ask again. */
export function BlocksTab({ id, state, client, go, tab, args }) {
  const newest = state.log.findLast((line) => line.level === "ERROR")?.time;
  const call = { op: tab.op, args: id ? { ...args, module: id } : args };
  return h(BlocksView, { client, go, call, again: [state.rows[id], newest] });
}

/** The view that a call { op, args } answers; with `close` it stands in a frame of its own. */
export function BlocksView({ client, go, call, again = [], close }) {
  const view = useAnswer(client, call, again);
  const { value, error } = view;
  const shown = value
    ? html`<${ErrorBox} error=${error} /><${Blocks} ...${{ client, go, view, close }} blocks=${value.blocks} />`
    : h(Asked, { of: view });
  if (!close) return html`<div class="stack">${shown}</div>`;
  return html`<section class="card box stack" aria-label=${value?.label}>${shown}</section>`;
}

/** Ask for a view: { value, error, busy, choices, choose(block, value), ask(), startOver() }. */
function useAnswer(client, { op, args }, again = []) {
  const [{ choices, turn }, setState] = useState({ choices: {}, turn: 0 });
  const asked = useAsk(client, op, { ...args, ...choices }, { again: [turn, ...again] });
  const choose = ({ name, argument, item }, value) =>
    setState((old) => {
      const key = argument || name;
      const chosen = item ? { ...old.choices[key], [item]: value } : value;
      return { ...old, choices: { ...old.choices, [key]: chosen } };
    });
  const startOver = () => setState((old) => ({ choices: {}, turn: old.turn + 1 }));
  return { ...asked, choices, turn, choose, startOver };
}

/** Blocks with what is opened and pressed in them; `view` is what they came by, if they were asked for. */
export function Blocks({ client, go, blocks, view, close }) {
  const [opened, setOpened] = useState(null); // the call of a row
  const [pressed, setPressed] = useState(null); // a button
  const does = { again: view?.ask, anew: view?.startOver, close };
  const press = (button) => {
    if (button.does) return does[button.does]();
    const own = button.chosen && view.choices;
    const withChoices = (call) => call && { ...call, args: { ...call.args, ...own } };
    const { call, plan } = button;
    setPressed({ ...button, call: withChoices(call), plan: withChoices(plan), at: Date.now() });
  };
  const ends = { onClose: () => setPressed(null), onDone: () => view?.startOver() };
  return html`
    ${pressed && h(Pressed, { client, go, button: pressed, ...ends, key: pressed.at })}
    ${drawn(blocks, { client, go, view, opened, open: setOpened, press })}
    ${
      opened &&
      h(BlocksView, { client, go, call: opened, close: () => setOpened(null), key: nameOf(opened) })
    }`;
}

function nameOf(call) {
  return call && JSON.stringify(call);
}

function drawn(blocks, page) {
  return blocks.map((block, at) =>
    h(KINDS[block.kind], { ...block, page, key: block.name ? `${block.name} ${block.item}` : at }),
  );
}

// -- what is read

function TextBlock({ text, strong, style, status }) {
  const Tag = style === "pre" ? "pre" : "p";
  return html`<${Tag} class=${style} role=${status ? "status" : null}>
    ${strong && html`<strong>${strong}</strong> `}${text}<//>`;
}

function HeadingBlock({ text, level = 2, badge, tone, note }) {
  const title = html`${badge && html`<${Badge} tone=${tone}>${badge}<//> `}${text}
    ${note && html` <small>${note}</small>`}`;
  return level === 2 ? html`<h2 class="grow">${title}</h2>` : html`<h3 class="row">${title}</h3>`;
}

function NoteBlock({ text, tone = "warn", mono }) {
  return html`<${Note} tone=${tone}>
    <${Linked} text=${text} />${mono && html` <span class="mono">${mono}</span>`}
  <//>`;
}

/** "2026-11-25T10:00:00.123Z" as its time of day if it is today's, else with its date. */
export function TimeBlock({ stamp }) {
  const today = stamp.startsWith(new Date().toISOString().slice(0, 10));
  const text = today ? timeOfDay(stamp) : dayAndTime(stamp).slice(0, 16);
  return html`<time class="cut" datetime=${stamp} title=${stamp}>${text}</time>`;
}

function TableBlock({ label, columns, rows, opens = [], page }) {
  const lines = useMemo(
    () => rows.map((cells, at) => ({ cells, call: opens[at], name: nameOf(opens[at]) })),
    [rows],
  );
  const filled = (_, at) => rows.some((cells) => cells[at] !== "");
  const heads = useMemo(
    () => columns.map(tableColumn(page)).filter(filled),
    [rows, page.view?.choices],
  );
  const opening = {
    rowKey: ({ name }) => name,
    onRow: ({ call }) => (call.plan ? page.press(call) : page.open(call)),
    selected: nameOf(page.opened),
  };
  return h(Table, { label, columns: heads, rows: lines, ...(opens.length > 0 && opening) });
}

function tableColumn(page) {
  return (column, key) => {
    const [title, style] = [column].flat();
    const cell = ({ cells }) => h(Cell, { cell: cells[key], style, page });
    return { key, title, value: ({ cells }) => worth(cells[key]), cell };
  };
}

/** What a cell is sorted by. */
function worth(cell) {
  return typeof cell === "object"
    ? (cell.stamp ?? (cell.word || cell.state || cell.module || cell.text))
    : cell;
}

function Cell({ cell, style, page }) {
  if (Array.isArray(cell)) return html`<span class="row wrap">${drawn(cell, page)}</span>`;
  if (typeof cell === "object") return drawn([cell], page);
  const text = typeof cell === "number" ? number(cell) : cell;
  return style ? html`<span class=${style}>${text}</span>` : text;
}

function RowBlock({ label, blocks, page }) {
  return html`<div class="row wrap" role=${label ? "group" : null} aria-label=${label || null}>${drawn(blocks, page)}</div>`;
}

function SectionBlock({ label, blocks, card, page }) {
  return html`<section class=${card ? "card box stack" : "stack tight"} aria-label=${label || null}>
    ${drawn(blocks, page)}
  </section>`;
}

function FoldedBlock({ title, blocks = [], call, page }) {
  const [open, setOpen] = useState(false);
  return html`<details onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>${title}</summary>
    ${drawn(blocks, page)}${open && call && h(BlocksView, { client: page.client, go: page.go, call })}
  </details>`;
}

// -- what a person chooses and does

function chosenIn({ view }, { argument, name, item, value }) {
  const known = view.choices[argument || name];
  return (item ? known?.[item] : known) ?? value;
}

function SelectBlock({ page, ...block }) {
  const { name, label, title, options } = block;
  const choose = (value) => page.view.choose(block, value);
  const select = html`<${Select} label=${title ? null : label} field=${name} options=${options}
    value=${chosenIn(page, block)} onChange=${choose} />`;
  return title ? html`<label class="row">${title} ${select}</label>` : select;
}

function CheckBlock({ page, ...block }) {
  const { name, label, tone } = block;
  const choose = (event) => page.view.choose(block, event.currentTarget.checked);
  return html`<label class=${tone ? `row card box tinted ${tone}` : "row"}>
    <input type="checkbox" data-field=${name} checked=${chosenIn(page, block)} onChange=${choose} />
    <span>${label}</span>
  </label>`;
}

/** A field keeps what is typed until it is told: each letter if it is `live`, else at the end. */
function FieldBlock({ page, ...block }) {
  const { name, label, title, hint, live, style } = block;
  const { view } = page;
  const [text, setText] = useState("");
  useLayoutEffect(() => setText(chosenIn(page, block) ?? ""), [view.turn, block.value]);
  const onInput = ({ currentTarget: { value } }) => {
    setText(value);
    if (live) view.choose(block, value);
  };
  const onChange = live ? null : () => view.choose(block, text);
  const input = html`<input class=${live ? "grow" : style} type=${live ? "search" : "text"}
    data-field=${name} aria-label=${title ? null : label} placeholder=${hint} value=${text}
    ...${{ onInput, onChange }} />`;
  return title ? html`<label class="row muted">${title} ${input}</label>` : input;
}

function ButtonBlock({ page, ...button }) {
  const { label, action, style, disabled } = button;
  return html`<button type="button" class=${style} data-action=${action || null}
    disabled=${disabled} onClick=${() => page.press(button)}>${label}</button>`;
}

/** What comes of a button: its plan in a dialog, or at once what it does. */
export function Pressed(props) {
  return h(props.button.plan ? PlanDialog : CallOutcome, props);
}

function CallOutcome({ client, go, button: { label, call }, onDone }) {
  const { value, error, busy } = useAsk(client, call.op, call.args);
  useEffect(() => value && onDone?.(), [value]);
  if (error) return html`<${ErrorBox} title=${label} error=${error} />`;
  if (busy) return html`<p class="muted" role="status">${label} …</p>`;
  return h(Blocks, { client, go, blocks: value.blocks });
}

/** The plan first, then the call with what was chosen in the plan; without a call the plan alone. */
function PlanDialog({ client, go, button, onClose, onDone }) {
  const { title, label, deed, call, action, danger } = button;
  const plan = useAnswer(client, button.plan);
  const done = useAsk(client, call?.op, { ...call?.args, ...plan.choices }, { now: false });
  const ended = done.value !== undefined;
  const ready = plan.value && !plan.value.refused && !plan.busy && !plan.error && !done.busy;
  const tone = danger || plan.value?.danger ? "danger" : "primary";
  const buttons =
    call &&
    !ended &&
    html`<button class=${tone} data-action=${action} disabled=${!ready}
    onClick=${() => done.ask()}>${done.busy ? "Working …" : deed || label}</button>`;
  const close = () => {
    onClose();
    if (ended) onDone?.();
  };
  const end = call && !ended ? "Cancel" : "Close";
  const { blocks } = done.value ?? plan.value ?? {};
  return html`<${Dialog} title=${title} buttons=${buttons} end=${end} onClose=${close}>
    <${ErrorBox} error=${done.error} />
    ${done.error?.blocks && h(Blocks, { client, go, blocks: done.error.blocks })}
    ${!ended && h(Asked, { of: plan }, "")}
    ${blocks && h(Blocks, { client, go, blocks, view: plan })}
  <//>`;
}

/** A button that opens the text of a function: `source` is { file, line }. */
export function SourceButton({ client, id, source, title }) {
  if (!source) return null;
  const plan = { op: "source", args: { module: id, ...source } };
  const button = { kind: "button", label: title, title: source.file, action: "source", plan };
  return h(Blocks, { client, blocks: [{ ...button, style: "small" }] });
}

const KINDS = {
  button: ButtonBlock,
  check: CheckBlock,
  code: Code,
  copy: ({ text, label }) => h(CopyButton, { text, title: label }),
  diff: Diff,
  empty: ({ title, text }) => h(Empty, { title }, text),
  error: ErrorBlock,
  field: FieldBlock,
  findings: FindingsBlock,
  folded: FoldedBlock,
  heading: HeadingBlock,
  lines: NumberedLines,
  link: ({ module, tab, page }) => h(ModuleLink, { id: module, tab, go: page.go, key: module }),
  note: NoteBlock,
  row: RowBlock,
  section: SectionBlock,
  select: SelectBlock,
  state: ({ state, word }) => h(State, { state, word }),
  table: TableBlock,
  text: TextBlock,
  time: TimeBlock,
};

function ErrorBlock({ error, title, blocks = [], page }) {
  return html`<${ErrorBox} error=${error} title=${title}>${drawn(blocks, page)}<//>`;
}

function FindingsBlock({ findings }) {
  return html`<div class="card entries">${findings.map((finding) => h(Finding, { finding }))}</div>`;
}
