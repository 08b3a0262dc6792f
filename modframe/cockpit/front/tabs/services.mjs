// Services: the methods of a module, or of all, with their numbers; one is chosen, filled in and run.
// The kernel's side is operations/services.py.

import { h, html, useEffect, useMemo, useRef, useState } from "../vendor/htm-preact.mjs";
import { Fields } from "../fields.mjs";
import { collect, fieldsOfParams, rawOf, withoutSecrets } from "../forms.mjs";
import { count, duration, number, shortName } from "../format.mjs";
import { AsCode, RunButtons, ShownParts, ShownValue } from "../result.mjs";
import { SourceButton } from "../source.mjs";
import { Asked, Badge, Code, Empty, ErrorBox, Table, useAsk } from "../ui.mjs";

const AGAIN = 3000; // ms between two looks at the numbers

export const NUMBER_COLUMNS = [
  { key: "count", title: "Count", numeric: true, cell: (row) => number(row.count) },
  { key: "errors", title: "Errors", numeric: true, cell: (row) => number(row.errors) },
  ...["mean", "p95"].map((key) => ({
    ...{ key, title: key === "mean" ? "Mean" : key, numeric: true },
    cell: (row) => (row.count ? duration(row[key] * 1000) : ""),
  })),
];
const MODULE_COLUMN = { key: "module", title: "Module", cell: (row) => shortName(row.module) };

const METHODS = {
  ...{ list: "methods", op: "method", keys: ["module", "service", "method"], view: MethodFacts },
  columns: [
    {
      ...{ key: "method", title: "Method" },
      cell: (one) =>
        html`<span class="mono" data-method=${one.method}>${one.method}${one.signature}</span>`,
    },
    {
      ...{ key: "description", title: "What it does" },
      cell: ({ description, tags }) =>
        html`${description} ${tags.map((tag) => html`<${Badge}>${tag}<//> `)}`,
    },
    ...NUMBER_COLUMNS,
  ],
  empty: html`<${Empty} title="No services">A live module with a service has its methods here.<//>`,
};

export function ServicesTab({ id, client }) {
  return h(PickOne, { client, id, of: METHODS });
}

/** A filtered and sorted table of what the operation `list` answers, and the one that is chosen: the
 * operation `op` gets what `keys` name of its row and says all of it, which `view` shows. */
export function PickOne({ client, id, of }) {
  const { list, op, keys, columns, view, empty, sort } = of;
  const [text, setText] = useState("");
  const [key, setKey] = useState(null);
  const asked = useFresh(client, list, id ? { module: id } : {});
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
      <input class="grow" type="search" placeholder=${`Filter ${list}`} aria-label=${`Filter ${list}`}
        data-field="filter-rows" value=${text} onInput=${(event) => setText(event.currentTarget.value)} />
      <span class="muted" role="status">${count(rows.length, op)}</span>
    </div>
    <div class=${row ? "picked" : ""}>
      <${Table} columns=${shown} rows=${rows} rowKey=${keyOf} onRow=${(one) => setKey(keyOf(one))}
        sort=${sort} selected=${key} label=${list} />
    </div>
    ${row && h(Chosen, { client, op, args, row, view, key })}
  </div>`;
}

/** Return the rows in which all words of a text occur. */
export function rowsWith(rows, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const said = (row) => Object.values(row).join(" ").toLowerCase();
  return words.length
    ? rows.filter((row) => words.every((word) => said(row).includes(word)))
    : rows;
}

/** What `useAsk` does, and again every few seconds while the view is in sight. What was known stays
 * when there is no answer. */
export function useFresh(client, op, args) {
  const asked = useAsk(client, op, args);
  const latest = useRef(asked);
  latest.current = { ...asked, value: asked.value ?? latest.current.value };
  useEffect(() => {
    const again = () => client.hidden || latest.current.busy || latest.current.ask();
    const timer = setInterval(again, AGAIN);
    return () => clearInterval(timer);
  }, [client]);
  return latest.current;
}

/** What an operation says of the chosen row, asked again when its module has another generation. */
function Chosen({ client, op, args, row, view }) {
  const asked = useAsk(client, op, args);
  const known = useRef(row.generation);
  const box = useRef(null);
  useEffect(() => {
    if (known.current !== row.generation) asked.ask();
    known.current = row.generation;
  }, [row.generation]);
  useEffect(() => box.current.scrollIntoView({ block: "nearest" }), []);
  const facts = asked.value;
  return html`<section class="card box stack tight chosen-one" ref=${box} aria-label="Chosen">
    ${asked.error || !facts ? h(Asked, { of: asked }) : h(view, { client, facts, row })}
  </section>`;
}

function MethodFacts({ client, facts, row }) {
  const { module, service } = row;
  const { name, signature, description, returns, examples, params, source } = facts;
  return html`
    <div class="row wrap">
      <h2 class="mono grow cause">${name}${signature}</h2>
      <${SourceButton} ...${{ client, id: module, source, title: "Open method" }} />
    </div>
    ${description && html`<p>${description}</p>`}
    ${returns.description && html`<p class="muted">Returns <span class="mono">${returns.type}</span>: ${returns.description}</p>`}
    ${examples.map(({ call, result }) => html`<${Code} label="Example" text=${result ? `${call}\n# ${result}` : call} />`)}
    <${Numbers} of=${row} />
    <${MethodForm} key=${JSON.stringify(params)} ...${{ client, service, method: name, params }} />
  `;
}

/** Count, errors and times of a method or a route, as a line. */
export function Numbers({ of }) {
  const times = `mean ${duration(of.mean * 1000)}, p95 ${duration(of.p95 * 1000)}`;
  const said = `${count(of.count, "call")}, ${count(of.errors, "error")}, ${times}`;
  return html`<p class="muted">${of.count ? said : "Not called yet."}</p>`;
}

function MethodForm({ client, service, method, params }) {
  const fields = useMemo(() => fieldsOfParams(params), []);
  const [raw, setRaw] = useState(() => rawOfAll(fields));
  const [faults, setFaults] = useState(null);
  const run = useAsk(client, "call", {}, { now: false });
  const shown = faults ?? run.error?.faults;
  const start = (event) => {
    event.preventDefault();
    const found = collect(fields, raw);
    const faulty = Object.keys(found.faults).length > 0;
    setFaults(faulty ? found.faults : null);
    if (faulty) return;
    run.ask({ service, method, args: found.values });
    setRaw((old) => withoutSecrets(fields, old));
  };
  return html`<form class="stack tight" noValidate ref=${useFaultFocus(shown)} onSubmit=${start}>
    <${Fields} fields=${fields} raw=${raw} change=${setRaw} faults=${shown ?? {}} />
    <${RunButtons} run=${run} />
  </form>
    <${Outcome} run=${run} />
    <${AsCode} ...${{ client, op: "call_code", args: { service, method, args: collect(fields, raw).values } }} />`;
}

/** Return a ref for a form; the first input with a fault gets the focus when there are faults. */
export function useFaultFocus(faults) {
  const form = useRef(null);
  useEffect(() => form.current.querySelector("[aria-invalid]")?.focus(), [faults]);
  return form;
}

/** Return what the inputs of fields show at first. */
export function rawOfAll(fields) {
  return Object.fromEntries(fields.map((field) => [field.name, rawOf(field, field.example)]));
}

function Outcome({ run: { value, error, parts, busy } }) {
  const items = value?.kind === "items";
  return html`<div class="outcome stack" data-outcome=${busy ? "running" : error ? "error" : (value?.kind ?? "")}>
    <${ShownParts} parts=${parts} label="Items" />
    ${items && !busy && html`<p class="muted" role="status">${value.cut ? "the first " : ""}${count(value.count, "item")}</p>`}
    ${value && !items && !busy && html`<p class="muted">${value.result ? `Result.${value.result}` : value.type}</p><${ShownValue} shown=${value} />`}
    ${error && html`<${ErrorBox} error=${error} />`}
  </div>`;
}
