// Routes: the routes of a module, or of all, the slow ones found by their numbers; one is chosen and
// tried without a port. The kernel's side is operations/routes.py.

import { h, html, useMemo, useState } from "../vendor/htm-preact.mjs";
import { Fields } from "../fields.mjs";
import { collect, fieldsOf, resolved, withoutSecrets } from "../forms.mjs";
import { bytes, duration } from "../format.mjs";
import { AsCode, RunButtons, ShownParts, ShownValue } from "../result.mjs";
import { SourceButton } from "../source.mjs";
import { Badge, Empty, ErrorBox, useAsk } from "../ui.mjs";
import { NUMBER_COLUMNS, Numbers, PickOne, rawOfAll, useFaultFocus } from "./services.mjs";

const PLACES = { path: "inside", query: "query", header: "headers", cookie: "cookies" };

const ROUTES = {
  ...{ list: "routes", op: "route", keys: ["module", "method", "path"], view: RouteFacts },
  columns: [
    {
      ...{ key: "path", title: "Route", value: (one) => `${one.path} ${one.method}` },
      cell: (one) =>
        html`<span class="mono" data-route=${`${one.method} ${one.path}`}><b>${one.method}</b> ${one.path}</span>`,
    },
    { key: "summary", title: "What it does" },
    ...NUMBER_COLUMNS,
  ],
  sort: { key: "p95", down: true },
  empty: html`<${Empty} title="No routes">A live module with a router has its routes here.<//>`,
};

export function RoutesTab({ id, client }) {
  return h(PickOne, { client, id, of: ROUTES });
}

function RouteFacts({ client, facts, row }) {
  const { module } = row;
  const { method, path, kind, summary, description, deprecated, source, parameters, body } = facts;
  const tried = kind === "http" && method !== "*";
  const form = { client, method, path, parameters, body, components: facts.components };
  return html`
    <div class="row wrap">
      <h2 class="mono grow cause">${method} ${path}</h2>
      ${deprecated && html`<${Badge} tone="warn">deprecated<//>`}
      <${SourceButton} ...${{ client, id: module, source, title: "Open endpoint" }} />
    </div>
    <p>${description || summary}</p>
    <${Numbers} of=${row} />
    ${
      tried
        ? html`<${RouteForm} key=${JSON.stringify([parameters, body])} ...${form} />`
        : html`<p class="muted">A ${kind === "websocket" ? "websocket" : "mounted application"} can't be tried from here.</p>`
    }
  `;
}

/** Return place → the fields of a route's parameters there, and those of a form as its body. */
function fieldsByPlace(parameters, body, components) {
  const root = { components };
  const found = { path: [], query: [], header: [], cookie: [], body: [] };
  for (const one of parameters) {
    const { name, schema, required, example, description: about } = one;
    const fallback = resolved(schema, root).default ?? undefined;
    found[one.in]?.push({ name, schema, root, required, fallback, example, about });
  }
  if (body && /^(form|multipart)$/.test(body.kind)) {
    found.body = fieldsOf(resolved(body.schema, root), root);
  }
  return found;
}

function RouteForm({ client, method, path, parameters, body, components }) {
  const places = useMemo(() => fieldsByPlace(parameters, body, components), []);
  const [raw, setRaw] = useState(() => each(places, rawOfAll));
  const [text, setText] = useState(body?.texts[0]?.text ?? "");
  const [faults, setFaults] = useState(null);
  const run = useAsk(client, "request", {}, { now: false });
  const { request, faults: found } = requestOf({ method, path, body, places, raw, text });
  const start = (event) => {
    event.preventDefault();
    const faulty = Object.keys(found).length > 0;
    setFaults(faulty ? found : null);
    if (faulty) return;
    run.ask({ request });
    setRaw((old) => each(places, (fields, place) => withoutSecrets(fields, old[place])));
  };
  const own = faults ?? run.error?.faults;
  const shown = own ?? {};
  return html`<form class="stack tight" noValidate ref=${useFaultFocus(own)} onSubmit=${start}>
    ${Object.entries(places).map(
      ([place, fields]) =>
        fields.length > 0 &&
        html`<fieldset class="stack tight" key=${place}><legend>${place}</legend>
        <${Fields} ...${{ fields, raw: raw[place], path: place, faults: shown }}
          change=${(update) => setRaw((old) => ({ ...old, [place]: update(old[place]) }))} />
      </fieldset>`,
    )}
    ${body && !places.body.length && h(BodyText, { body, text, setText, fault: shown.body })}
    <${RunButtons} run=${run} />
  </form>
    <${ShownParts} parts=${run.parts} label="Pieces" />
    ${run.value && !run.busy && h(RouteAnswer, { answer: run.value, streamed: run.parts.length > 0 })}
    ${run.error && html`<${ErrorBox} error=${run.error} />`}
    <${AsCode} ...${{ client, op: "request_code", args: { request } }} />`;
}

function each(places, make) {
  return Object.fromEntries(
    Object.entries(places).map(([place, fields]) => [place, make(fields, place)]),
  );
}

/** Return the request that the inputs describe, and what is wrong with it. */
function requestOf({ method, path, body, places, raw, text }) {
  const request = { method, path, kind: body?.kind ?? "none" };
  const faults = {};
  for (const [place, fields] of Object.entries(places)) {
    const found = collect(fields, raw[place], place);
    Object.assign(faults, found.faults);
    const plain = ([name, value]) => [name, place === "query" ? queryValue(value) : textOf(value)];
    if (place !== "body") {
      const pairs = Object.entries(found.values).filter(([, value]) => value !== null);
      request[PLACES[place]] = Object.fromEntries(pairs.map(plain));
    } else if (fields.length) request.body = found.values;
  }
  if (request.kind === "json" || request.kind === "text") {
    request.body = text;
    if (!text && !body.required) request.kind = "none";
  }
  return { request, faults };
}

function textOf(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function queryValue(value) {
  return Array.isArray(value) ? value.map(textOf) : textOf(value);
}

function BodyText({ body, text, setText, fault }) {
  const choose = (event) => setText(body.texts[event.currentTarget.value].text);
  return html`<div class="field">
    <label for="field-body"><span class="mono">body</span>${body.required && html`<span class="toned bad" title="required">*</span>`}
      <small>${body.media}</small></label>
    ${
      body.texts.length > 1 &&
      html`<select aria-label="Example" data-field="example" onChange=${choose}>
      ${body.texts.map(({ title }, at) => html`<option value=${at}>${title}</option>`)}
    </select>`
    }
    <textarea id="field-body" class="mono" rows=${Math.min(14, text.split("\n").length + 1)} spellcheck=${false}
      data-field="body" value=${text} onInput=${(event) => setText(event.currentTarget.value)}></textarea>
    ${fault && html`<div class="toned bad" role="alert">${fault}</div>`}
  </div>`;
}

function RouteAnswer({ answer, streamed }) {
  const { status, reason, headers, ms, body, cut } = answer;
  const tone = status < 400 ? "good" : status < 500 ? "warn" : "bad";
  return html`<div class="stack outcome" data-outcome=${status}>
    <div class="row wrap" role="status">
      <${Badge} tone=${tone}>${status} ${reason}<//>
      <span class="muted num">${duration(ms)}, ${bytes(answer.bytes)}</span>
      ${cut && html`<${Badge} tone="warn">cut<//>`}
    </div>
    <details><summary>${headers.length} headers</summary>
      <dl class="facts card">${headers.map(([name, value]) => html`<dt class="mono">${name}</dt><dd class="mono">${value}</dd>`)}</dl>
    </details>
    ${!streamed && html`<${ShownValue} shown=${body} />`}
  </div>`;
}
