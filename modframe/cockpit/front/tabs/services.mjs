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

export function ServicesTab({ id, row, client }) {
  const columns = [
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
  ];
  const keyOf = (one) => `${one.module} ${one.service}.${one.method}`;
  const empty = html`<${Empty} title="No services">A live module with a service has its methods here.<//>`;
  const list = { client, id, row, columns, keyOf, empty, op: "methods", noun: "method" };
  return h(PickOne, { ...list, detail: MethodView });
}

/** A filtered and sorted table of what an operation lists, and below it the one that is chosen. */
export function PickOne({ client, id, row, op, columns, keyOf, empty, noun, sort, detail }) {
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(null);
  const asked = useFresh(client, op, id ? { module: id } : {}, row.generation);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const said = (one) => Object.values(one).join(" ").toLowerCase();
  const rows = (asked.value ?? []).filter((one) => words.every((word) => said(one).includes(word)));
  const all = [...(id ? [] : [MODULE_COLUMN]), ...columns, ...NUMBER_COLUMNS];
  if (!asked.value) return h(Asked, { of: asked });
  if (!asked.value.length) return empty;
  return html`<div class="stack">
    <div class="row">
      <input class="grow" type="search" placeholder=${`Filter ${noun}s`} aria-label=${`Filter ${noun}s`}
        data-field="filter-rows" value=${text} onInput=${(event) => setText(event.currentTarget.value)} />
      <span class="muted" role="status">${count(rows.length, noun)}</span>
    </div>
    <div class=${chosen ? "picked" : ""}>
      <${Table} columns=${all} rows=${rows} rowKey=${keyOf} onRow=${setChosen} sort=${sort}
        selected=${chosen && keyOf(chosen)} label=${`${noun}s`} />
    </div>
    ${chosen && h(detail, { client, ...chosen, key: keyOf(chosen), generation: row.generation })}
  </div>`;
}

/** What `useAsk` does, and again every few seconds while the view is in sight. */
export function useFresh(client, op, args, stamp) {
  const asked = useAsk(client, op, args);
  const latest = useRef(asked);
  latest.current = asked;
  useEffect(() => {
    const again = () => client.hidden || latest.current.busy || latest.current.ask();
    const timer = setInterval(again, AGAIN);
    if (latest.current.value) again();
    return () => clearInterval(timer);
  }, [client, stamp]);
  return asked;
}

/** What an operation says of the chosen row, asked again when its module has another generation. */
export function Chosen({ client, op, args, generation, view, ...props }) {
  const asked = useAsk(client, op, args);
  const first = useRef(generation);
  const box = useRef(null);
  useEffect(() => {
    if (first.current !== generation) asked.ask();
    first.current = generation;
  }, [generation]);
  useEffect(() => box.current.scrollIntoView({ block: "nearest" }), []);
  const facts = asked.value;
  return html`<section class="card box stack chosen-one" ref=${box} aria-label=${props.label}>
    ${asked.error || !facts ? h(Asked, { of: asked }) : h(view, { client, facts, ...props })}
  </section>`;
}

function MethodView({ client, module, service, method, generation }) {
  const args = { module, service, method };
  const props = { client, module, service, label: `Method ${method}`, generation };
  return h(Chosen, { ...props, op: "method", args, view: MethodFacts });
}

function MethodFacts({ client, module, service, facts }) {
  const { name, signature, description, returns, examples, params, source } = facts;
  return html`
    <div class="row wrap">
      <h2 class="mono grow name-line">${name}${signature}</h2>
      <${SourceButton} ...${{ client, id: module, source, title: "Open method" }} />
    </div>
    ${description && html`<p>${description}</p>`}
    ${returns.description && html`<p class="muted">Returns <span class="mono">${returns.type}</span>: ${returns.description}</p>`}
    ${examples.map(({ call, result }) => html`<${Code} label="Example" text=${result ? `${call}\n# ${result}` : call} />`)}
    <${Numbers} of=${facts.numbers} />
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
  return html`<form class="stack form" noValidate ref=${useFaultFocus(shown)} onSubmit=${start}>
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
