// Routes: the routes of a module, or of all, the slow ones found by their numbers; one is chosen and
// tried without a port. The kernel's side is operations/routes.py.

import { h, html, useMemo } from "../vendor/htm-preact.mjs";
import { SourceButton } from "../blocks.mjs";
import { Fields, Required, rawOfAll, useForm } from "../fields.mjs";
import { collect, withoutSecrets } from "../forms.mjs";
import { bytes, duration } from "../format.mjs";
import { AsCode, RunButtons, ShownParts, ShownValue } from "../result.mjs";
import { Badge, Empty, ErrorBox, Select } from "../ui.mjs";
import { NUMBER_COLUMNS, Numbers, PickOne } from "./services.mjs";

const PLACES = { path: "inside", query: "query", header: "headers", cookie: "cookies" };

const ROUTES = {
  ...{ list: "routes", op: "route", keys: ["module", "method", "path"], view: RouteFacts },
  columns: [
    {
      ...{ key: "path", title: "Route", value: (one) => `${one.path} ${one.method}` },
      cell: (one) =>
        html`<span class="mono" data-route=${`${one.method} ${one.path}`}>
          <b>${one.method}</b> ${one.path}
        </span>`,
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

function RouteFacts({ client, facts, row: { module, ...numbers } }) {
  const { method, path, kind, summary, description, deprecated, source, parameters, body } = facts;
  const tried = kind === "http" && method !== "*";
  const word = kind === "websocket" ? "websocket" : "mounted application";
  return html`
    <div class="row wrap">
      <h2 class="mono grow cause">${method} ${path}</h2>
      ${deprecated && html`<${Badge} tone="warn">deprecated<//>`}
      <${SourceButton} ...${{ client, id: module, source, title: "Open endpoint" }} />
    </div>
    <p>${description || summary}</p>
    <${Numbers} of=${numbers} />
    ${
      tried
        ? h(RouteForm, { client, route: facts, key: JSON.stringify([parameters, body]) })
        : html`<p class="muted">A ${word} can't be tried from here.</p>`
    }
  `;
}

/** Return place → the fields of a route's parameters there, and those of a form as its body. */
function fieldsByPlace({ parameters, body }) {
  const at = (place) => parameters.filter((one) => one.in === place);
  return { ...each(PLACES, (_, place) => at(place)), body: body?.fields ?? [] };
}

function RouteForm({ client, route }) {
  const { body } = route;
  const places = useMemo(() => fieldsByPlace(route), []);
  const { raw, change, args, faults, run, form } = useForm(client, "request", {
    first: () => ({ ...each(places, rawOfAll), text: body?.texts[0]?.text ?? "" }),
    read: (typed) => requestOf(route, places, typed),
    clean: (typed) => ({
      ...typed,
      ...each(places, (of, place) => withoutSecrets(of, typed[place])),
    }),
  });
  const changeAt = (place) => (update) =>
    change((old) => ({ ...old, [place]: update(old[place]) }));
  const inputs = ([place, fields]) => {
    const props = { fields, raw: raw[place], path: place, faults, change: changeAt(place) };
    return html`<fieldset class="stack tight" key=${place}>
      <legend>${place}</legend><${Fields} ...${props} />
    </fieldset>`;
  };
  const answered = run.value && !run.error && !run.busy;
  const asText = body && !places.body.length;
  return html`<form ...${form}>
      ${Object.entries(places)
        .filter(([, fields]) => fields.length)
        .map(inputs)}
      ${asText && h(BodyText, { body, text: raw.text, change: changeAt("text"), fault: faults.body })}
      <${RunButtons} run=${run} />
    </form>
    <${ShownParts} parts=${run.parts} label="Pieces" />
    ${answered && h(RouteAnswer, { answer: run.value, streamed: run.parts.length > 0 })}
    <${ErrorBox} error=${run.error} />
    <${AsCode} ...${{ client, op: "request_code", args }} />`;
}

/** Return an object with what `make(value, key)` gives for each value of another. */
function each(object, make) {
  const pairs = Object.entries(object).map(([key, value]) => [key, make(value, key)]);
  return Object.fromEntries(pairs);
}

/** Return the request that the inputs describe, and what is wrong with it. */
function requestOf({ method, path, body }, places, raw) {
  const found = each(places, (fields, place) => collect(fields, raw[place], place));
  const request = { method, path, kind: body?.kind ?? "none" };
  for (const [place, key] of Object.entries(PLACES)) {
    const given = Object.entries(found[place].values).filter(([, value]) => value !== null);
    request[key] = each(Object.fromEntries(given), place === "query" ? queryValue : textOf);
  }
  if (places.body.length) request.body = found.body.values;
  else if (/^(json|text)$/.test(request.kind)) request.body = raw.text;
  if (request.body === "" && !body.required) request.kind = "none";
  const faults = Object.assign({}, ...Object.values(found).map((one) => one.faults));
  return { args: { request }, faults };
}

function textOf(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function queryValue(value) {
  return Array.isArray(value) ? value.map(textOf) : textOf(value);
}

function BodyText({ body, text, change, fault }) {
  const set = (value) => change(() => value);
  const choose = (at) => set(body.texts[at].text);
  const options = body.texts.map(({ title }, at) => [at, title]);
  const many = options.length > 1;
  return html`<div class="row wrap base field">
    <label for="field-body">
      <span class="mono">body</span>${body.required && h(Required)} <small>${body.media}</small>
    </label>
    <div class="about">
      ${many && html`<${Select} label="Example" field="example" options=${options} onChange=${choose} />`}
      <textarea id="field-body" class="mono" rows=${Math.min(14, text.split("\n").length + 1)}
        spellcheck=${false} data-field="body" value=${text}
        onInput=${(event) => set(event.currentTarget.value)}></textarea>
      ${fault && html`<div class="toned bad" role="alert">${fault}</div>`}
    </div>
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
      <dl class="facts card mono">
        ${headers.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}
      </dl>
    </details>
    ${!streamed && html`<${ShownValue} shown=${body} />`}
  </div>`;
}
