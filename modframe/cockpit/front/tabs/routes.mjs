// Routes: the routes of a module, or of all, the slow ones found by their numbers; one is chosen and
// tried without a port. The kernel's side is operations/routes.py.

import { h, html } from "../vendor/htm-preact.mjs";
import { SourceButton } from "../blocks.mjs";
import { Fields, useForm } from "../fields.mjs";
import { bytes, duration } from "../format.mjs";
import { AsCode, RunButtons, ShownParts, ShownValue } from "../result.mjs";
import { Badge, Empty, ErrorBox } from "../ui.mjs";
import { NUMBER_COLUMNS, Numbers, PickOne } from "./services.mjs";

const ROUTES = {
  list: "routes",
  op: "route",
  keys: ["module", "method", "path"],
  view: RouteFacts,
  columns: [
    { key: "path", title: "Route", value: (one) => `${one.path} ${one.method}`, cell: RouteName },
    ...NUMBER_COLUMNS,
    { key: "summary", title: "What it does" },
  ],
  sort: { key: "p95", down: true },
  empty: html`<${Empty} title="No routes">A live module with a router has its routes here.<//>`,
};

function RouteName({ method, path }) {
  return html`<span class="mono" data-route=${`${method} ${path}`}><b>${method}</b> ${path}</span>`;
}

export function RoutesTab({ id, client }) {
  return h(PickOne, { client, id, of: ROUTES });
}

function RouteFacts({ client, facts, row: { module, ...numbers } }) {
  const { method, path, kind, summary, description, deprecated, source, fields } = facts;
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
        ? h(RouteForm, { client, route: facts, key: JSON.stringify(fields) })
        : html`<p class="muted">A ${word} can't be tried from here.</p>`
    }
  `;
}

function RouteForm({ client, route: { method, path, body_kind: kind, fields } }) {
  const request = { method, path, kind };
  const { args, run, form, inputs } = useForm(client, "request", { request }, fields);
  const answered = run.value && !run.error && !run.busy;
  return html`<form ...${form}><${Fields} ...${inputs} /><${RunButtons} run=${run} /></form>
    <${ShownParts} parts=${run.parts} label="Pieces" />
    ${answered && h(RouteAnswer, { answer: run.value, streamed: run.parts.length > 0 })}
    <${ErrorBox} error=${run.error} title=${run.error?.faults && "Nothing was sent"} />
    <${AsCode} ...${{ client, op: "request_code", args }} />`;
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
