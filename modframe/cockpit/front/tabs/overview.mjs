// Overview: what needs attention first, then numbers, then what changed lately. Of one module: its
// error first, then its numbers, facts and findings.

import { h, html, useState } from "../vendor/htm-preact.mjs";
import { count, number, placeText, shortName, timeOfDay } from "../format.mjs";
import { attention, countShown } from "../store.mjs";
import { Badge, ErrorBox, Health, Icon, Linked, ModuleLink, Stat, State } from "../ui.mjs";

const FIRST = 12; // modules in need of attention that are shown at once

export function OverviewTab(props) {
  return h(props.id ? ModuleOverview : WholeOverview, props);
}

function WholeOverview({ state, go }) {
  return html`<div class="stack">
    <${Attention} state=${state} go=${go} />
    <${Traffic} ticks=${state.ticks} />
    <${Counts} state=${state} />
    <${Changes} changes=${state.changes} go=${go} />
  </div>`;
}

function Attention({ state, go }) {
  const [all, setAll] = useState(false);
  const ids = attention(state);
  if (!ids.length) {
    return html`<p class="calm-line"><${Icon} shape="check" tone="good" /> Nothing needs attention.</p>`;
  }
  const shown = all ? ids : ids.slice(0, FIRST);
  return html`<section aria-label="Needs attention">
    <h3>Needs attention <small class="count">${ids.length}</small></h3>
    <div class="card list">
      ${shown.map((id) => h(AttentionRow, { id, row: state.rows[id], go, key: id }))}
    </div>
    ${
      ids.length > FIRST &&
      html`<button class="small" onClick=${() => setAll(!all)}>
      ${all ? `Show the first ${FIRST}` : `Show all ${ids.length}`}
    </button>`
    }
  </section>`;
}

function AttentionRow({ id, row, go }) {
  const ill = row.health && row.health !== "up";
  return html`<button class="attention" data-module=${id} onClick=${() => go(id, "overview")}>
    <span class="row wrap">
      <${State} state=${row.state} />
      <strong>${shortName(id)}</strong>
      ${ill && html`<${Health} status=${row.health} />`}
    </span>
    ${row.error && html`<span class="cause">${row.error}</span>`}
  </button>`;
}

function Traffic({ ticks }) {
  if (!ticks?.requests) return null;
  const { step = 1, requests, p95 = [], errors = [], lag = [] } = ticks;
  const rate = requests.map((value) => value / step);
  const last = (values) => values.at(-1) ?? 0;
  const bad = last(errors) > 0 ? "bad" : "accent";
  return html`<div class="grid" role="group" aria-label="Traffic">
    <${Stat} title="Requests" value=${last(rate)} unit="/s" values=${rate} />
    <${Stat} title="Latency p95" value=${last(p95)} unit="ms" values=${p95} />
    <${Stat} title="Errors" value=${last(errors)} values=${errors} tone=${bad} />
    ${lag.length > 0 && html`<${Stat} title="Loop lag" value=${last(lag)} unit="ms" values=${lag} />`}
  </div>`;
}

function Counts({ state }) {
  const { rows, order, ticks } = state;
  const sum = (key) => order.reduce((total, id) => total + (rows[id][key] ?? 0), 0);
  const shown = countShown(state);
  return html`<div class="grid dense" role="group" aria-label="Counts">
    <${Stat} title="Modules live" value=${`${number(shown.live)} / ${number(order.length)}`} />
    <${Stat} title="Need attention" value=${shown.failing} />
    <${Stat} title="Drafts" value=${shown.drafts} />
    <${Stat} title="Routes" value=${sum("routes")} />
    <${Stat} title="Services" value=${sum("services")} />
    <${Stat} title="In flight" value=${ticks?.in_flight ?? 0} />
  </div>`;
}

function Changes({ changes, go }) {
  return html`<section aria-label="What changed lately">
    <h3>What changed lately</h3>
    ${!changes.length && html`<p class="muted">Nothing since this view was opened.</p>`}
    <ul class="plain-list">
      ${changes.map(
        ({ time, id, text, bad }) => html`<li class="row" key=${`${time} ${id}`}>
          <span class="mono muted">${timeOfDay(time)}</span>
          <${Icon} shape=${bad ? "cross" : "dot"} tone=${bad ? "bad" : "good"} />
          <span class="grow"><${ModuleLink} id=${id} go=${go} /> ${text}</span>
        </li>`,
      )}
    </ul>
  </section>`;
}

function ModuleOverview({ facts, row, state, go }) {
  return html`<div class="stack">
    ${facts.error && html`<${ErrorBox} error=${facts.error} />`}
    <${Traffic} ticks=${state.ticks?.module} />
    <${Facts} facts=${facts} row=${row} go=${go} />
    <${Findings} findings=${facts.findings} />
  </div>`;
}

function Facts({ facts, row, go }) {
  const { files = [], reads = [], requires = [], retired = [], unsettled = [] } = facts;
  const links = requires.map((id) => h(ModuleLink, { id, go, key: id }));
  const shown = [
    ["Last change", facts.outcome && html`<${Linked} text=${facts.outcome} />`],
    ["Draft", facts.draft && "Cells hold a text that is not live"],
    ["Health", row.health && html`<${Health} status=${row.health} />`],
    ["Version", facts.version],
    [
      "From",
      files.length > 0 && html`${facts.origin} <span class="mono">${files.join(", ")}</span>`,
    ],
    ["Reads", reads.length > 0 && html`<span class="mono">${reads.join(", ")}</span>`],
    ["Requires", links.length > 0 && html`<span class="row wrap">${links}</span>`],
    ["In flight", facts.in_flight > 0 && number(facts.in_flight)],
    ["Still drains", retired.length > 0 && retired.map(drainingText).join("; ")],
    ["Overridden", facts.overridden?.join(", ")],
    ["Left behind", unsettled.length > 0 && unsettled.map((text) => html`<div>${text}</div>`)],
  ].filter(([, value]) => value);
  return html`<dl class="facts card">
    ${shown.map(([label, value]) => html`<dt key=${label}>${label}</dt><dd>${value}</dd>`)}
  </dl>`;
}

function drainingText({ generation, calls, streams, jobs }) {
  const kinds = { call: calls, stream: streams, job: jobs };
  const inside = Object.entries(kinds).filter(([, amount]) => amount);
  const text = inside.map(([noun, amount]) => count(amount, noun)).join(", ");
  return `generation ${generation}: ${text || "is being closed"}`;
}

function Findings({ findings = [] }) {
  if (!findings.length) return null;
  const tones = { error: "bad", warning: "warn", info: "calm" };
  return html`<section aria-label="Findings">
    <h3>Findings <small class="count">${findings.length}</small></h3>
    <div class="card list">
      ${findings.map(
        (one) => html`<div class="finding">
          <${Badge} tone=${tones[one.level]}>${one.level}<//>
          <div class="grow">
            <div class="mono place">${placeText(one)}</div>
            <div><${Linked} text=${one.message} /></div>
            ${one.cure && html`<div class="cure">Next step: ${one.cure}</div>`}
          </div>
          <span class="mono muted">${one.code || one.rule}</span>
        </div>`,
      )}
    </div>
  </section>`;
}
