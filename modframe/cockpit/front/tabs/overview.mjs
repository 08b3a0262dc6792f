// Overview: what needs attention first, then numbers, then what changed lately. Of one module: its
// error first, then its numbers, facts and findings.

import { h, html, useMemo, useState } from "../vendor/htm-preact.mjs";
import { count, number, shortName, timeOfDay } from "../format.mjs";
import { attention, countShown, isIll, latestChanges } from "../store.mjs";
import { BlocksView } from "../blocks.mjs";
import { Finding, Icon, Linked, ModuleLink, Note, Stat, State } from "../ui.mjs";

const FIRST_SHOWN = 6; // modules in need of attention that are shown at once

export function OverviewTab(props) {
  return h(props.id ? ModuleOverview : WholeOverview, props);
}

function WholeOverview({ state, go }) {
  return html`<div class="stack">
    <${Attention} state=${state} go=${go} />
    <${TrafficStats} requests=${state.ticks?.requests} lag=${state.ticks?.lag} />
    <${CountStats} state=${state} />
    <${LatestChanges} log=${state.log} go=${go} />
  </div>`;
}

function Attention({ state, go }) {
  const [all, setAll] = useState(false);
  const ids = attention(state);
  if (!ids.length) return html`<${Note} tone="good">Nothing needs attention.<//>`;
  const title = all ? `Show the first ${FIRST_SHOWN}` : `Show all ${ids.length}`;
  const shown = all ? ids : ids.slice(0, FIRST_SHOWN);
  return html`<section aria-label="Needs attention">
    <h2>Needs attention <small>${ids.length}</small></h2>
    <div class="card entries">
      ${shown.map((id) => h(AttentionRow, { id, row: state.rows[id], go, key: id }))}
    </div>
    ${ids.length > FIRST_SHOWN && html`<button class="small" onClick=${() => setAll(!all)}>${title}</button>`}
  </section>`;
}

function AttentionRow({ id, row, go }) {
  const { place, message, cure } = row.cause ?? {};
  return html`<button class="plain attention" data-module=${id} onClick=${() => go(id, "overview")}>
    <span class="row wrap">
      <${State} state=${row.state} />
      <strong>${shortName(id)}</strong>
      ${isIll(row) && h(Health, { row })}
      ${row.error && row.state === "LIVE" && html`<span>generation ${row.generation} stays live</span>`}
      <span class="mono">${place}</span>
    </span>
    ${message && html`<span class="cause muted">${message}</span>`}
    ${cure && html`<strong>Next step: ${cure}</strong>`}
  </button>`;
}

function Health({ row: { health } }) {
  return health && html`<${State} state=${health} word=${`health ${health}`} />`;
}

/** Charts of the last minutes; `requests` and `lag` are series as the snapshot has them. */
function TrafficStats({ requests, lag }) {
  const { step = 1, counts, errors, p95 } = requests ?? {};
  const milliseconds = (values) => values?.map((seconds) => seconds * 1000);
  const shown = [
    ["Requests", "/s", counts?.map((value) => value / step)],
    ["Latency p95", "ms", milliseconds(p95)],
    ["Errors", "", errors, errors?.at(-1) > 0 ? "bad" : "accent"],
    ["Loop lag", "ms", milliseconds(lag?.mean)],
  ].filter(([, , values]) => values?.length);
  if (!shown.length) return null;
  const stat = ([title, unit, values, tone]) =>
    h(Stat, { title, unit, values, tone, value: values.at(-1) ?? 0, key: title });
  return html`<div class="grid" role="group" aria-label="Traffic">${shown.map(stat)}</div>`;
}

function CountStats({ state }) {
  const { rows, order } = state;
  const sum = (key) => order.reduce((total, id) => total + (rows[id][key] ?? 0), 0);
  const shown = countShown(state);
  return html`<div class="grid" role="group" aria-label="Counts">
    <${Stat} title="Modules live" value=${`${number(shown.live)} / ${number(order.length)}`} />
    <${Stat} title="Need attention" value=${shown.failing} />
    <${Stat} title="Drafts" value=${shown.drafts} />
    <${Stat} title="Routes" value=${sum("routes")} />
    <${Stat} title="Services" value=${sum("services")} />
  </div>`;
}

function LatestChanges({ log, go }) {
  const lines = useMemo(() => latestChanges(log), [log]);
  return html`<section aria-label="What changed lately">
    <h2>What changed lately</h2>
    ${!lines.length && html`<p class="muted">Nothing, as far as the log goes back.</p>`}
    <ul>${lines.map((line, at) => h(ChangeLine, { line, go, key: at }))}</ul>
  </section>`;
}

function ChangeLine({ line, go }) {
  const bad = line.level !== "INFO";
  return html`<li class="row base">
    <span class="mono muted">${timeOfDay(line.time)}</span>
    <${Icon} shape=${bad ? "cross" : "dot"} tone=${bad ? "bad" : "good"} />
    <span class="grow cause"><${ModuleLink} id=${line.module_id} go=${go} /> ${line.message}</span>
  </li>`;
}

function ModuleOverview({ id, facts, row, state, client, go }) {
  const call = { op: "failure", args: { module: id } };
  const again = [facts.failure, state.rows];
  return html`<div class="stack">
    ${facts.failure && h(BlocksView, { client, go, call, again })}
    <${TrafficStats} requests=${facts["parts.traffic"]?.series} />
    <${ModuleFacts} facts=${facts} row=${row} go=${go} />
    <${ModuleFindings} findings=${facts.findings} />
  </div>`;
}

function ModuleFacts({ facts, row, go }) {
  const { files = [], reads = [], requires = [], retired = [], unsettled = [] } = facts;
  const links = requires.map((id) => h(ModuleLink, { id, go, key: id }));
  const shown = [
    ["Last", facts.outcome && html`<${Linked} text=${facts.outcome} />`],
    ["Draft", facts.draft && "Cells hold a text that is not live"],
    ["Health", row.health && h(Health, { row })],
    ["Version", facts.version],
    ["From", files.length > 0 && html`${facts.origin} ${monoList(files)}`],
    ["Reads", reads.length > 0 && monoList(reads)],
    ["Requires", links.length > 0 && html`<span class="row wrap">${links}</span>`],
    ["In flight", facts.in_flight > 0 && number(facts.in_flight)],
    ["Still drains", retired.map(drainingText).join("; ")],
    ["Overridden", facts.overridden?.join(", ")],
    ["Left behind", unsettled.length > 0 && unsettled.map((text) => html`<div>${text}</div>`)],
  ].filter(([, value]) => value);
  if (!shown.length) return null;
  return html`<dl class="facts card">
    ${shown.map(([label, value]) => html`<dt key=${label}>${label}</dt><dd>${value}</dd>`)}
  </dl>`;
}

function monoList(names) {
  return html`<span class="mono">${names.join(", ")}</span>`;
}

function drainingText({ generation, calls, streams, jobs }) {
  const kinds = { call: calls, stream: streams, job: jobs };
  const inside = Object.entries(kinds).filter(([, amount]) => amount);
  const text = inside.map(([noun, amount]) => count(amount, noun)).join(", ");
  return `generation ${generation}: ${text || "is being closed"}`;
}

function ModuleFindings({ findings = [] }) {
  if (!findings.length) return null;
  return html`<section aria-label="Findings">
    <h2>Findings <small>${findings.length}</small></h2>
    <div class="card entries">${findings.map((finding) => h(Finding, { finding }))}</div>
  </section>`;
}
