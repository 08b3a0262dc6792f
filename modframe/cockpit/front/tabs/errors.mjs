// Errors: the recorded failures by kind, of all modules or of one. A kind opens to its newest failures;
// a request's correlation id finds what failed in it.

import { h, html, useState } from "../vendor/htm-preact.mjs";
import { count, dayAndTime, number, shortName, timeOfDay } from "../format.mjs";
import { Table } from "../table.mjs";
import { Asked, Code, CopyButton, Empty, ErrorBox, ModuleSelect, Search, Select } from "../ui.mjs";
import { useAsk } from "../ui.mjs";

const SINCE = [
  ["", "All that is kept"],
  ["10m", "Last 10 minutes"],
  ["1h", "Last hour"],
  ["1d", "Last day"],
];
const CORRELATION = /^[0-9a-f]{16,32}$|^[0-9a-f]{8}-[0-9a-f-]{27}$/;
const KIND_COLUMNS = [
  { key: "message", title: "Error", cell: kindText },
  { key: "module_id", title: "Module", cell: (one) => shortName(one.module_id) },
  { key: "count", title: "Count", numeric: true, cell: (one) => number(one.count) },
  { key: "last", title: "Last", cell: (one) => whenText(one.last) },
  {
    key: "place",
    title: "Place",
    cell: ({ place }) => html`<span class="mono cut">${place}</span>`,
  },
  { key: "generations", title: "Generations", value: (one) => generationsText(one.generations) },
  { key: "first", title: "First", cell: (one) => whenText(one.first) },
];

export function ErrorsTab({ id, state, client }) {
  const [wanted, setWanted] = useState({ module: "", text: "", since: "" });
  const [chosen, setChosen] = useState(null);
  const filter = id ? { ...wanted, module: id } : wanted;
  const newest = state.log.findLast((line) => line.level === "ERROR")?.time;
  const asked = useAsk(client, "errors", filter, { again: [newest] });
  const request = CORRELATION.test(wanted.text.trim()) && wanted.text.trim();
  const close = () => setChosen(null);
  return html`<div class="stack">
    <${ErrorFilter} ...${{ id, state, wanted, setWanted, refresh: () => asked.ask() }} />
    ${request && html`<${RequestErrors} client=${client} request=${request} key=${request} />`}
    <${Asked} of=${asked}>${(found) => h(Kinds, { ...found, id, chosen, setChosen })}<//>
    ${chosen && html`<${Kind} client=${client} kind=${chosen} key=${chosen.fingerprint} close=${close} />`}
  </div>`;
}

function ErrorFilter({ id, state, wanted, setWanted, refresh }) {
  const set = (key) => (value) => setWanted({ ...wanted, [key]: value });
  const { module, since, text } = wanted;
  return html`<div class="row wrap" role="group" aria-label="Filter">
    ${!id && html`<${ModuleSelect} order=${state.order} value=${module} onChange=${set("module")} />`}
    <${Select} label="Since" field="since" options=${SINCE} value=${since} onChange=${set("since")} />
    <${Search} label="Text or correlation id" hint="Text, or the correlation id of a request"
      data-field="text" value=${text} onInput=${set("text")} />
    <button onClick=${refresh}>Refresh</button>
  </div>`;
}

function Kinds({ groups, total, id, chosen, setChosen }) {
  if (!groups.length) return html`<${Empty} title="No errors">Nothing was recorded that fits.<//>`;
  const columns = KIND_COLUMNS.filter(({ key }) => !id || key !== "module_id");
  const cut = total > groups.length && `, the newest ${number(groups.length)} are listed`;
  return html`<div>
    <p class="muted" role="status">${count(total, "kind")} of error${cut}</p>
    <${Table} label="Errors" columns=${columns} rows=${groups} rowKey=${(one) => one.fingerprint}
      selected=${chosen?.fingerprint} onRow=${setChosen} />
  </div>`;
}

function kindText({ code, type, message }) {
  return html`<span class="cause"><strong>${code || type}</strong> ${message}</span>`;
}

function Kind({ client, kind, close }) {
  const asked = useAsk(client, "error_group", { fingerprint: kind.fingerprint });
  return html`<section aria-label="The chosen kind" class="card box stack">
    <div class="row">
      <h2 class="grow">${kind.code || kind.type} in ${shortName(kind.module_id)}</h2>
      <button class="small" onClick=${close}>Close</button>
    </div>
    <${Asked} of=${asked}>${(failures) => h(Newest, { failures })}<//>
  </section>`;
}

function Newest({ failures }) {
  const [at, setAt] = useState(0);
  if (!failures.length) return html`<p class="muted">It is kept no more.</p>`;
  const title = ({ time, generation }) => (generation ? `${time}, generation ${generation}` : time);
  const options = failures.map((one, index) => [index, title(one)]);
  return html`
    <label class="row">
      Which <${Select} field="failure" options=${options} value=${at} onChange=${setAt} />
    </label>
    <${RecordedFailure} failure=${failures[at]} />`;
}

function RecordedFailure({ failure }) {
  const { type, code, message, place, traceback, correlation_id: request, count: many } = failure;
  return html`<div class="stack">
    <${ErrorBox} error=${{ type, code, message, place }} />
    ${many > 1 && html`<p class="muted">It stands for ${number(many)} failures of this kind.</p>`}
    ${
      request &&
      html`<div class="row">
        Request <span class="mono">${request}</span> <${CopyButton} text=${request} />
      </div>`
    }
    ${traceback && html`<${Code} text=${traceback} label="Traceback" />`}
  </div>`;
}

/** What failed in one request, in the order it did. */
function RequestErrors({ client, request }) {
  const asked = useAsk(client, "request_errors", { correlation_id: request });
  const list = (failures) => failures.map((failure) => h(RecordedFailure, { failure }));
  return html`<section aria-label="The request" class="card box stack">
    <h2>Request ${request}</h2>
    ${asked.value?.length === 0 && html`<p class="muted">Nothing that is kept failed in it.</p>`}
    <${Asked} of=${asked}>${list}<//>
  </section>`;
}

function generationsText(generations) {
  return Object.entries(generations)
    .filter(([generation]) => generation !== "0")
    .map(([generation, many]) => `${generation} (${number(many)})`)
    .join(", ");
}

/** "2026-11-25T10:00:00.123Z" as its time of day if it is today's, else with its date. */
function whenText(stamp) {
  const today = stamp.startsWith(new Date().toISOString().slice(0, 10));
  const text = today ? timeOfDay(stamp) : dayAndTime(stamp).slice(0, 16);
  return html`<time class="cut" datetime=${stamp} title=${stamp}>${text}</time>`;
}
