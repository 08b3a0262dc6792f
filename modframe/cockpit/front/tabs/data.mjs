// Data: the tables of databases with their rows, and SQL that only reads; how tables fit their models
// and backups are views of operations. Of one module, its databases alone. Rows are sorted and paged by the database.

import { h, html, useState } from "../vendor/htm-preact.mjs";
import { number } from "../format.mjs";
import { BlocksView } from "../blocks.mjs";
import { CellView, CopyCsv, ValueDialog } from "../cells.mjs";
import { lastOffset, pageWords, rowsAsCsv } from "../query.mjs";
import { Table } from "../table.mjs";
import { Asked, Badge, Empty, ErrorBox, ModuleLink, Note, Segments, Select } from "../ui.mjs";
import { useAsk } from "../ui.mjs";
import { SqlView } from "./sql.mjs";

const ROWS_OF_PAGE = 100; // rows of a page
const DATA_VIEWS = { tables: "Tables", sql: "SQL", schema: "Schema", backups: "Backups" };
const LAST_VIEWS = new Map(); // module id → where one was in its tab

export function DataTab({ id, state, client, go }) {
  const [view, setState] = useState(LAST_VIEWS.get(id) ?? { show: "tables" });
  // A module's row changes with its tables.
  const asked = useAsk(client, "databases", {}, { again: [state.rows] });
  const set = (change) => {
    const next = { ...view, ...change };
    LAST_VIEWS.set(id, next);
    setState(next);
  };
  const mine = ({ modules, refused }) => !id || modules.includes(id) || refused === id;
  const { backups, ...ofModule } = DATA_VIEWS;
  const options = id ? ofModule : { ...ofModule, backups };
  const parts = (found) => h(DataParts, { databases: found.filter(mine), view, set, client, go });
  return html`<div class="stack">
    <${Segments} label="Show" options=${options} value=${view.show} onSelect=${(show) => set({ show })} />
    <${Asked} of=${asked}>${parts}<//>
  </div>`;
}

function DataParts({ databases, view, set, ...shared }) {
  if (view.show === "sql") return h(SqlView, { ...shared, view, set });
  if (view.show === "backups") return h(BlocksView, { ...shared, call: { op: "backups" } });
  if (!databases.length) {
    return html`<${Empty} title="No tables yet">A module declares them by models beside its DATABASE_NAME.<//>`;
  }
  if (view.show === "schema") return h(SchemaView, { ...shared, databases, view, set });
  const first = databases.find(({ tables }) => tables.length);
  const there = databases.some(
    ({ name, tables }) => name === view.database && tables.includes(view.table),
  );
  const at = there ? view : { ...view, database: first?.name, table: first?.tables[0] };
  const open = (database, table, where = {}) =>
    set({ database, table, where, sort: "", down: false, offset: 0 });
  return html`<div class="row wrap base data-body">
    <nav class="about" aria-label="Tables">
      ${databases.map((one) => h(DatabaseTables, { one, at, open, go: shared.go, key: one.name }))}
    </nav>
    ${at.table && h(TableView, { ...shared, at, set, open, key: `${at.database}.${at.table}` })}
  </div>`;
}

function SchemaView({ client, go, databases, view, set }) {
  const chosen = databases.find(({ name }) => name === view.database) ?? databases[0];
  const { name, refused } = chosen;
  const call = { op: "schema", args: { database: name } };
  return html`<div class="stack">
    <label class="muted row">Database
      <${Select} field="database" options=${databases.map((one) => [one.name, one.name])} value=${name}
        onChange=${(database) => set({ database, table: "" })} />
    </label>
    <${BlocksView} ...${{ client, go, call, again: [refused] }} key=${name} />
  </div>`;
}

function DatabaseTables({ one, at, open, go }) {
  const { name, engine, tables, refused, path } = one;
  return html`<section class="grid" aria-label=${`Database ${name}`}>
    <h2 title=${path}>${name} <small>${engine}</small></h2>
    ${refused && h(Note, { tone: "warn" }, "refused: ", h(ModuleLink, { id: refused, tab: "data", go }))}
    ${tables.map((table) => {
      const current = at.database === name && at.table === table;
      return html`<button class="plain row item mono ${current ? "chosen" : ""}" key=${table}
        aria-current=${current} data-table=${`${name}.${table}`} onClick=${() => open(name, table)}>
        <span class="cut">${table}</span>
      </button>`;
    })}
  </section>`;
}

function TableView({ client, at, set, open }) {
  const { database, table, sort = "", down = false, offset = 0, where = {} } = at;
  const [columnsShown, setColumnsShown] = useState(false);
  const [value, setValue] = useState(null);
  const place = { database, table };
  const facts = useAsk(client, "table", place);
  const rows = useAsk(client, "rows", { ...place, sort, down, offset, limit: ROWS_OF_PAGE, where });
  const total = useAsk(client, "count_rows", { ...place, where });
  const again = () => Promise.all([facts, rows, total].map((one) => one.ask()));
  const error = facts.error ?? rows.error;
  const known = facts.value && facts.value.columns.length === rows.value?.numeric.length;
  const page = { facts: facts.value, page: rows.value, total: total.value };
  return html`<section class="grow stack" aria-label=${`Table ${table}`}>
    <div class="row wrap">
      <strong class="mono">${database}.${table}</strong>
      <span class="muted" data-field="count">${total.value >= 0 && `${number(total.value)} rows`}</span>
      ${Object.entries(where).map(
        ([name, text]) => html`<${Badge}>${name} = ${text ?? "NULL"}
          <button class="plain" aria-label=${`Without ${name}`}
            onClick=${() => open(database, table)}>✕</button><//>`,
      )}
      <span class="grow"></span>
      <button class="small" aria-pressed=${columnsShown}
        onClick=${() => setColumnsShown(!columnsShown)}>Columns</button>
      <button class="small" disabled=${!facts.value}
        onClick=${() => set({ show: "sql", query: facts.value.query })}>Query</button>
      <button class="small" onClick=${again}>Refresh</button>
    </div>
    <${ErrorBox} error=${error} />
    ${columnsShown && facts.value && h(ColumnsTable, { facts: facts.value, database, open })}
    ${!columnsShown && !error && known && h(RowsTable, { ...page, at, set, open, setValue })}
    ${value && h(ValueDialog, { client, ...value, onClose: () => setValue(null) })}
  </section>`;
}

function RowsTable({ facts, page, total, at, set, open, setValue }) {
  const { database, table, sort = "", down = false, offset = 0, where = {} } = at;
  const whole = (name, place) => {
    const key = page.keys[place];
    const found = key ? { where: key } : { sort, down, where, offset: offset + place };
    setValue({ title: `${table}.${name}`, args: { database, table, column: name, ...found } });
  };
  const columns = facts.columns.map(({ name, type, key, refers }, index) => ({
    key: name,
    numeric: page.numeric[index],
    mono: true,
    title: html`<span title=${type}>${name}${key && html` <small>key</small>`}</span>`,
    cell: ({ row, at: place }) =>
      h(CellView, {
        cell: row[index],
        onWhole: () => whole(name, place),
        onFollow: refers && (() => open(database, refers[0], { [refers[1]]: row[index] })),
      }),
  }));
  const names = facts.columns.map(({ name }) => name);
  const turn = (key) => set({ sort: key, down: sort === key && !down, offset: 0 });
  return html`
    <${Table} flat columns=${columns} rows=${page.rows.map((row, place) => ({ row, at: place }))}
      label=${`Rows of ${table}`} sort=${{ key: sort, down }} onSort=${turn} />
    <div class="row wrap">
      ${h(RowsPager, { offset, shown: page.rows.length, total, set })}
      <span class="grow"></span><${CopyCsv} ...${rowsAsCsv(names, page.rows)} />
    </div>`;
}

function RowsPager({ offset, shown, total, set }) {
  const last = total === undefined ? 0 : lastOffset(total, ROWS_OF_PAGE);
  const button = (title, to, disabled) =>
    html`<button class="small" disabled=${disabled} onClick=${() => set({ offset: to })}>${title}</button>`;
  return html`<div class="row wrap" role="group" aria-label="Pages">
    ${button("First", 0, offset === 0)}
    ${button("Previous", Math.max(0, offset - ROWS_OF_PAGE), offset === 0)}
    <span class="num" role="status" data-field="page">${pageWords(offset, shown, total)}</span>
    ${button("Next", offset + ROWS_OF_PAGE, shown < ROWS_OF_PAGE || offset >= last)}
    ${button("Last", last, offset >= last)}
  </div>`;
}

function ColumnsTable({ facts, database, open }) {
  const link = ([table, column]) => html`<button class="plain follow mono"
    onClick=${() => open(database, table)}>${table}.${column}</button>`;
  const columns = [
    { key: "name", title: "column", mono: true },
    { key: "type", title: "type", mono: true },
    { key: "null", title: "NULL", value: (one) => (one.null ? "allowed" : "no") },
    { key: "key", title: "key", value: (one) => (one.key ? "primary key" : "") },
    { key: "default", title: "default", mono: true },
    { key: "refers", title: "refers to", cell: ({ refers }) => refers && link(refers) },
    { key: "modelled", title: "model", value: (one) => (one.modelled ? "" : "not in the models") },
  ];
  const said = ({ key, value = (one) => one[key] }) => facts.columns.some((one) => value(one));
  return html`<${Table} columns=${columns.filter(said)} rows=${facts.columns} label="Columns" />
    ${
      facts.referred.length > 0 &&
      html`<p class="row wrap"><span class="muted">Referred to by</span>
      ${facts.referred.map(link)}</p>`
    }`;
}
