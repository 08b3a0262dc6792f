// The field for SQL that only reads: names complete as in %%sql cells, earlier queries come back by
// Alt+Up, a query can be cancelled and goes into a cell. In come { client, view, set }.

import { h, html, useRef, useState } from "../vendor/htm-preact.mjs";
import { count, duration } from "../format.mjs";
import { asCell, completed, recalled, withQuery, rowsAsCsv } from "../query.mjs";
import { RunButtons } from "../result.mjs";
import { Table } from "../table.mjs";
import { CopyButton, ErrorBox, Select, useAsk } from "../ui.mjs";
import { CellView, CopyCsv, ValueDialog } from "../cells.mjs";

const PAUSE = 60; // ms without a key before words are asked for
const ROW_BOUNDS = [100, 1000, 10_000].map((most) => [most, count(most, "row")]);
const EARLIER = { queries: [] }; // what was run in this page or kernel, oldest first

export function SqlView({ client, view, set }) {
  const [limit, setLimit] = useState(1000);
  const setMost = (most) => setLimit(Number(most));
  const query = view.query ?? "";
  const asked = useAsk(client, "sql", { query, limit }, { now: false });
  const run = (event) => {
    event?.preventDefault();
    if (!query.trim() || asked.busy) return;
    EARLIER.queries = withQuery(EARLIER.queries, query);
    asked.ask();
  };
  return html`<div class="stack">
    <div class="stack tight">
      ${h(QueryField, { client, query, setQuery: (text) => set({ query: text }), run })}
      <div class="row wrap">
        <form onSubmit=${run}><${RunButtons} run=${asked} /></form>
        <label class="muted">
          at most <${Select} options=${ROW_BOUNDS} value=${limit} onChange=${setMost} />
        </label>
        <${CopyButton} text=${asCell(query)} title="To cell" />
        <span class="grow"></span>
        <span class="muted">Ctrl+Enter runs · Alt+↑ earlier queries · Tab completes</span>
      </div>
    </div>
    <${ErrorBox} error=${asked.error} mono />
    ${asked.value && !asked.error && h(QueryResult, { found: asked.value })}
  </div>`;
}

function QueryField({ client, query, setQuery, run }) {
  const field = useRef(null);
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const [at, setAt] = useState(null); // where in the earlier queries; null for none of them
  const draft = useRef(""); // what stood there before them
  const words = useAsk(client, "complete", {}, { now: false });
  const asked = useRef({}); // the last text that words were asked for, and what waits to ask
  const fresh = open && !words.busy && asked.current.query === query;
  const items = (fresh && words.value?.items) || [];
  const write = (text, cursor) => {
    setQuery(text);
    field.current.value = text;
    field.current.setSelectionRange(cursor, cursor);
    setOpen(false);
  };
  const accept = (word, event) => {
    event?.preventDefault(); // the field keeps the focus
    const done = completed(query, words.value.from, field.current.selectionStart, word);
    write(done.query, done.at);
  };
  const input = ({ currentTarget }) => {
    setQuery(currentTarget.value);
    setAt(null);
    setActive(0);
    setOpen(true);
    clearTimeout(asked.current.timer);
    const place = { query: currentTarget.value, at: currentTarget.selectionStart };
    const ask = () => {
      asked.current.query = place.query;
      words.ask(place);
    };
    asked.current.timer = setTimeout(ask, PAUSE);
  };
  const recall = (step) => {
    if (at === null) draft.current = query;
    const found = recalled(EARLIER.queries, at ?? EARLIER.queries.length, step, draft.current);
    setAt(found.at);
    write(found.query, found.query.length);
  };
  const move = (step) => setActive((active + step + items.length) % items.length);
  const keys = {
    "Ctrl+Enter": run,
    "Meta+Enter": run,
    "Alt+ArrowUp": () => recall(-1),
    "Alt+ArrowDown": () => recall(1),
    ...(items.length && {
      Tab: () => accept(items[active][0]),
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      Escape: () => setOpen(false),
    }),
  };
  const press = (event) => {
    const held = ["ctrlKey", "metaKey", "altKey"].find((key) => event[key]);
    const name = held ? `${held[0].toUpperCase()}${held.slice(1, -3)}+${event.key}` : event.key;
    if (!keys[name]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[name]();
  };
  const option = ([word, kind], place) =>
    html`<div class=${`row item ${place === active ? "chosen" : ""}`} role="option" key=${word}
      id=${`word-${place}`} aria-selected=${place === active} onMouseDown=${(event) => accept(word, event)}>
      <span class="mono">${word}</span> <small>${kind}</small>
    </div>`;
  const lines = Math.min(12, Math.max(4, query.split("\n").length));
  return html`<div class="query">
    <textarea ref=${field} class="mono" rows=${lines} value=${query}
      data-field="query" aria-label="SQL that only reads" aria-autocomplete="list" aria-haspopup="listbox"
      aria-controls="completions" spellcheck=${false}
      aria-activedescendant=${items.length ? `word-${active}` : undefined}
      placeholder="SELECT * FROM database.table" onInput=${input} onKeyDown=${press}
      onBlur=${() => setOpen(false)}></textarea>
    <div class="card completions" role="listbox" id="completions" aria-label="Completions"
      hidden=${!items.length}>
      ${items.map(option)}
    </div>
  </div>`;
}

function QueryResult({ found }) {
  const [value, setValue] = useState(null);
  const { columns, rows, took, cut } = found;
  const shown = columns.map(({ name, type, numeric }, at) => ({
    key: at,
    numeric,
    mono: true,
    title: html`<span title=${type}>${name}</span>`,
    value: (row) => row[at]?.text ?? row[at],
    cell: (row) =>
      h(CellView, { cell: row[at], onWhole: () => setValue({ title: name, text: row[at] }) }),
  }));
  const names = columns.map(({ name }) => name);
  return html`<section class="stack tight" aria-label="Result">
    <div class="row wrap">
      <span role="status" data-field="result">${count(rows.length, "row")} in ${duration(took * 1000)}</span>
      ${cut && html`<span class="muted">· there are more</span>`}
      <span class="grow"></span><${CopyCsv} ...${rowsAsCsv(names, rows)} />
    </div>
    <${Table} flat columns=${shown} rows=${rows} label="Rows of the query" />
    ${value && html`<${ValueDialog} ...${value} onClose=${() => setValue(null)} />`}
  </section>`;
}
