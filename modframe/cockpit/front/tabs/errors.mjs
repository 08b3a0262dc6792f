// Errors: the recorded failures by kind, of all modules or of one. A kind opens to its newest failures;
// a request's correlation id finds what failed in it.

import { h, html, useEffect, useState } from "../vendor/htm-preact.mjs";
import { count, number, shortName, timeOfDay } from "../format.mjs";
import { Asked, Code, CopyButton, Empty, ErrorBox, Table, useAsk } from "../ui.mjs";

const SINCE = {
  "": "All that is kept",
  "10m": "Last 10 minutes",
  "1h": "Last hour",
  "1d": "Last day",
};
const CORRELATION = /^[0-9a-f]{16,32}$|^[0-9a-f]{8}-[0-9a-f-]{27}$/;

export function ErrorsTab({ id, state, client }) {
  const [wanted, setWanted] = useState({ module: "", text: "", since: "" });
  const [chosen, setChosen] = useState(null);
  const filter = id ? { ...wanted, module: id } : wanted;
  const found = useAsk(client, "errors", filter);
  const newest = state.log.findLast((line) => line.level === "ERROR")?.time;
  useEffect(() => {
    if (found.value) found.ask();
  }, [newest]);
  const request = CORRELATION.test(wanted.text.trim()) && wanted.text.trim();
  return html`<div class="stack">
    <${ErrorFilter} ...${{ id, state, wanted, setWanted, refresh: () => found.ask() }} />
    ${request && html`<${RequestErrors} client=${client} request=${request} key=${request} />`}
    ${h(Asked, { of: found }, h(Kinds, { found: found.value, id, chosen, setChosen }))}
    ${chosen && html`<${Kind} client=${client} kind=${chosen} key=${chosen.fingerprint} close=${() => setChosen(null)} />`}
  </div>`;
}

function ErrorFilter({ id, state, wanted, setWanted, refresh }) {
  const set = (key) => (event) => setWanted({ ...wanted, [key]: event.currentTarget.value });
  return html`<div class="row wrap" role="group" aria-label="Filter">
    ${
      !id &&
      html`<select aria-label="Module" data-field="module" value=${wanted.module} onChange=${set("module")}>
      <option value="">All modules</option>
      ${state.order.map((name) => html`<option value=${name}>${shortName(name)}</option>`)}
    </select>`
    }
    <select aria-label="Since" data-field="since" value=${wanted.since} onChange=${set("since")}>
      ${Object.entries(SINCE).map(([value, title]) => html`<option value=${value}>${title}</option>`)}
    </select>
    <input class="grow" type="search" placeholder="Text, or the correlation id of a request"
      aria-label="Text or correlation id" data-field="text" value=${wanted.text} onInput=${set("text")} />
    <button onClick=${refresh}>Refresh</button>
  </div>`;
}

function Kinds({ found, id, chosen, setChosen }) {
  const { groups, total } = found;
  if (!groups.length) return html`<${Empty} title="No errors">Nothing was recorded that fits.<//>`;
  const columns = [
    { key: "message", title: "Error", cell: (one) => h(KindCell, { one }) },
    ...(id ? [] : [{ key: "module_id", title: "Module", cell: (one) => shortName(one.module_id) }]),
    { key: "count", title: "Count", numeric: true, cell: (one) => number(one.count) },
    { key: "last", title: "Last", cell: (one) => whenText(one.last) },
    {
      key: "place",
      title: "Place",
      mono: true,
      cell: (one) => html`<span class="cut">${one.place}</span>`,
    },
    { key: "generations", title: "Generations", value: (one) => generationsText(one.generations) },
    { key: "first", title: "First", cell: (one) => whenText(one.first) },
  ];
  return html`<div>
    <p class="muted" role="status">${count(total, "kind")} of error${total > groups.length && `, the newest ${number(groups.length)} are listed`}</p>
    <${Table} label="Errors" columns=${columns} rows=${groups} rowKey=${(one) => one.fingerprint}
      selected=${chosen?.fingerprint} onRow=${setChosen} />
  </div>`;
}

function KindCell({ one: { code, type, message } }) {
  return html`<span class="cause"><strong>${code || type}</strong> ${message}</span>`;
}

function Kind({ client, kind, close }) {
  const found = useAsk(client, "error_group", { fingerprint: kind.fingerprint });
  return html`<section aria-label="The chosen kind" class="card box stack">
    <div class="row"><h2 class="grow">${kind.code || kind.type} in ${shortName(kind.module_id)}</h2>
      <button class="small" onClick=${close}>Close</button></div>
    ${h(Asked, { of: found }, h(Newest, { found: found.value }))}
  </section>`;
}

function Newest({ found }) {
  const [at, setAt] = useState(0);
  if (!found.length) return html`<p class="muted">It is kept no more.</p>`;
  return html`
    <label class="row">Which <select data-field="failure" value=${at} onChange=${(event) => setAt(Number(event.currentTarget.value))}>
      ${found.map((one, index) => html`<option value=${index}>${one.time}${one.generation ? `, generation ${one.generation}` : ""}</option>`)}
    </select></label>
    <${RecordedFailure} failure=${found[at]} />`;
}

function RecordedFailure({ failure }) {
  const { type, code, message, place, traceback, correlation_id: request, count: many } = failure;
  return html`<div class="stack">
    <${ErrorBox} error=${{ type, code, message, place }} />
    ${many > 1 && html`<p class="muted">It stands for ${number(many)} failures of this kind.</p>`}
    ${request && html`<div class="row">Request <span class="mono">${request}</span> <${CopyButton} text=${request} /></div>`}
    ${traceback && html`<${Code} text=${traceback} label="Traceback" />`}
  </div>`;
}

/** What failed in one request, in the order it did. */
function RequestErrors({ client, request }) {
  const found = useAsk(client, "request_errors", { correlation_id: request });
  return html`<section aria-label="The request" class="card box stack">
    <h2>Request ${request}</h2>
    ${h(Asked, { of: found }, h(FailedInRequest, { found: found.value }))}
  </section>`;
}

function FailedInRequest({ found }) {
  if (!found.length) return html`<p class="muted">Nothing that is kept failed in it.</p>`;
  return found.map((failure) => h(RecordedFailure, { failure, key: failure.time }));
}

function generationsText(generations) {
  return Object.entries(generations)
    .filter(([generation]) => generation !== "0")
    .map(([generation, many]) => `${generation} (${number(many)})`)
    .join(", ");
}

/** "2026-11-25T10:00:00.123Z" as its time of day if it is today's, else with its date. */
function whenText(stamp) {
  const today = new Date().toISOString().slice(0, 10);
  return html`<time class="cut" datetime=${stamp} title=${stamp}>${stamp.startsWith(today) ? timeOfDay(stamp) : stamp.slice(0, 16).replace("T", " ")}</time>`;
}
