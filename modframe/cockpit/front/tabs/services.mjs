// Services: the methods of a module, or of all, with their numbers; one is chosen, filled in and run.
// The kernel's side is operations/services.py.

import { h, html, useEffect, useMemo, useRef, useState } from "../vendor/htm-preact.mjs";
import { SourceButton } from "../blocks.mjs";
import { Fields, useForm } from "../fields.mjs";
import { count, duration, number, shortName } from "../format.mjs";
import { AsCode, RunButtons, ShownParts, ShownValue } from "../result.mjs";
import { rowsWith } from "../store.mjs";
import { Table } from "../table.mjs";
import { Asked, Badge, Code, Empty, ErrorBox, Search, useAsk } from "../ui.mjs";

const AGAIN = 3000; // ms between two looks at the numbers

const timeIn = (key) => (row) => (row.count ? duration(row[key] * 1000) : "");
export const NUMBER_COLUMNS = [
  { key: "count", title: "Count", numeric: true, cell: (row) => number(row.count) },
  { key: "errors", title: "Errors", numeric: true, cell: (row) => number(row.errors) },
  { key: "mean", title: "Mean", numeric: true, cell: timeIn("mean") },
  { key: "p95", title: "p95", numeric: true, cell: timeIn("p95") },
];
const MODULE_COLUMN = { key: "module", title: "Module", cell: (row) => shortName(row.module) };

const METHODS = {
  list: "methods",
  op: "method",
  keys: ["module", "service", "method"],
  view: MethodFacts,
  columns: [
    { key: "method", title: "Method", cell: MethodName },
    ...NUMBER_COLUMNS,
    { key: "description", title: "What it does", cell: MethodWords },
  ],
  empty: html`<${Empty} title="No services">A live module with a service has its methods here.<//>`,
};

function MethodName({ method, signature }) {
  return html`<span class="mono" data-method=${method}>${method}${signature}</span>`;
}

function MethodWords({ description, tags }) {
  return html`${description} ${tags.map((tag) => html`<${Badge}>${tag}<//> `)}`;
}

export function ServicesTab({ id, client }) {
  return h(PickOne, { client, id, of: METHODS });
}

/** A filtered and sorted table of what the operation `list` answers, and the one that is chosen: the
 * operation `op` gets what `keys` name of its row and says all of it, which `view` shows. */
export function PickOne({ client, id, of }) {
  const { list, op, keys, columns, view, empty, sort } = of;
  const [text, setText] = useState("");
  const [key, setKey] = useState(null);
  const asked = useAsk(client, list, id ? { module: id } : {}, { every: AGAIN });
  const all = asked.value;
  const keyOf = (row) => keys.map((name) => row[name]).join(" ");
  const rows = useMemo(() => rowsWith(all ?? [], text), [all, text]);
  const shown = useMemo(() => (id ? columns : [MODULE_COLUMN, ...columns]), [id, columns]);
  if (!all) return h(Asked, { of: asked });
  if (!all.length) return empty;
  const row = all.find((one) => keyOf(one) === key);
  const args = row && Object.fromEntries(keys.map((name) => [name, row[name]]));
  return html`<div class="stack">
    <div class="row">
      <${Search} label=${`Filter ${list}`} data-field="filter-rows" value=${text} onInput=${setText} />
      <span class="muted" role="status">${count(rows.length, op)}</span>
    </div>
    <div class=${row ? "picked" : ""}>
      <${Table} columns=${shown} rows=${rows} rowKey=${keyOf} onRow=${(one) => setKey(keyOf(one))}
        sort=${sort} selected=${key} label=${list} />
    </div>
    ${row && h(Chosen, { client, op, args, row, view, key })}
  </div>`;
}

/** What an operation says of the chosen row, asked again when its module has another generation. */
function Chosen({ client, op, args, row, view }) {
  const asked = useAsk(client, op, args, { again: [row.generation] });
  const box = useRef(null);
  useEffect(() => box.current.scrollIntoView({ block: "nearest" }), []);
  return html`<section class="card box stack tight chosen-one" ref=${box} aria-label="Chosen">
    <${Asked} of=${asked}>${(facts) => h(view, { client, facts, row })}<//>
  </section>`;
}

function MethodFacts({ client, facts, row: { module, service, ...numbers } }) {
  const { name, signature, description, returns, examples, params, source } = facts;
  const exampleOf = ({ call, result }) => (result ? `${call}\n# ${result}` : call);
  return html`
    <div class="row wrap">
      <h2 class="mono grow cause">${name}${signature}</h2>
      <${SourceButton} ...${{ client, id: module, source, title: "Open method" }} />
    </div>
    ${description && html`<p>${description}</p>`}
    ${
      returns.description &&
      html`<p class="muted">Returns <span class="mono">${returns.type}</span>: ${returns.description}</p>`
    }
    ${examples.map((one) => html`<${Code} label="Example" text=${exampleOf(one)} />`)}
    <${Numbers} of=${numbers} />
    <${MethodForm} key=${JSON.stringify(params)} client=${client} fields=${params}
      given=${{ service, method: name }} />
  `;
}

/** Count, errors and times of a method or a route, as a line. */
export function Numbers({ of }) {
  const times = `mean ${duration(of.mean * 1000)}, p95 ${duration(of.p95 * 1000)}`;
  const said = `${count(of.count, "call")}, ${count(of.errors, "error")}, ${times}`;
  return html`<p class="muted">${of.count ? said : "Not called yet."}</p>`;
}

function MethodForm({ client, given, fields }) {
  const { args, run, form, inputs } = useForm(client, "call", given, fields);
  return html`<form ...${form}><${Fields} ...${inputs} /><${RunButtons} run=${run} /></form>
    <${Outcome} run=${run} />
    <${AsCode} ...${{ client, op: "call_code", args }} />`;
}

function Outcome({ run: { value, error, parts, busy } }) {
  const kind = busy ? "running" : error ? "error" : (value?.kind ?? "");
  return html`<div class="outcome stack" data-outcome=${kind}>
    <${ShownParts} parts=${parts} label="Items" />
    ${value && !error && !busy && h(Returned, { value })}
    <${ErrorBox} error=${error} title=${error?.faults && "Nothing was sent"} />
  </div>`;
}

function Returned({ value }) {
  const { kind, cut, count: many, result, type } = value;
  if (kind === "items") {
    return html`<p class="muted" role="status">${cut ? "the first " : ""}${count(many, "item")}</p>`;
  }
  return html`<p class="muted">${result ? `Result.${result}` : type}</p>
    <${ShownValue} shown=${value} />`;
}
