// The plan of an action on a module, and the button that carries it out once it was read. In come what
// the operations `plan` and `do` answer; also how a module's own tests ended.

import { h, html, useRef, useState } from "./vendor/htm-preact.mjs";
import { count, duration, number, placeText, shortName } from "./format.mjs";
import { Asked, Badge, DeedDialog, Diff, ErrorBox, Icon, Linked, Note } from "./ui.mjs";
import { State, Table, useAsk } from "./ui.mjs";

/** Buttons that open the plan of an action on a module: { action, title, label?, args?, danger?,
 * primary? } each, where `title` is what carries it out and `label` what opens the plan. */
export function PlanButtons({ client, id, actions }) {
  const [chosen, setChosen] = useState(null);
  const button = (one) =>
    html`<button key=${one.action} class=${one.primary ? "primary" : ""} data-action=${one.action}
      onClick=${() => setChosen(one)}>${one.label ?? one.title}</button>`;
  const close = () => setChosen(null);
  return html`${actions.map(button)}
    ${chosen && html`<${PlanDialog} ...${{ client, id, ...chosen, onClose: close }} />`}`;
}

/** The plan first, then the deed, by the operations `plan` and `do`. */
function PlanDialog({ client, id, action, args, title, danger = false, onClose }) {
  const [force, setForce] = useState(false);
  const given = { module: id, action, ...args, ...(force && { force }) };
  const plan = useAsk(client, "plan", given);
  const taken = useRef(""); // what force would take away; the forced plan says it no more
  taken.current ||= plan.value?.force;
  const done = useAsk(client, "do", given, { now: false });
  const ended = done.value !== undefined;
  const dialog = {
    ...{ title: `${title}: ${shortName(id)}`, action, label: title, danger: danger || force },
    ready: !plan.busy && plan.value && !plan.value.refused,
    said: h(Linked, { text: done.value?.text ?? "Done." }),
  };
  return html`<${DeedDialog} ...${dialog} done=${done} onClose=${onClose}>
    <${Tests} tests=${done.error?.tried ?? done.value?.tests} />
    ${!ended && !done.error && h(Asked, { of: plan }, (value) => h(PlanView, { plan: value }))}
    ${!ended && h(Force, { text: taken.current, force, setForce })}
  <//>`;
}

/** What force would take away, and whether it should; nothing where force does not help. */
function Force({ text, force, setForce }) {
  if (!text) return null;
  return html`<label class="row card box warn tinted">
    <input type="checkbox" data-field="force" checked=${force}
      onChange=${(event) => setForce(event.currentTarget.checked)} />
    <span>${text}</span>
  </label>`;
}

/** How each test ended: [{ name, file, end, seconds, message, line }]. */
export function Tests({ tests = [] }) {
  if (!tests.length) return null;
  const columns = [
    { key: "end", title: "Result", cell: ({ end }) => h(State, { state: end }) },
    { key: "name", title: "Test", mono: true, cell: ({ name }) => name || "(its import)" },
    { key: "place", title: "Place", mono: true, value: placeText },
    { key: "seconds", title: "Time", numeric: true, cell: (one) => duration(one.seconds * 1000) },
    { key: "message", title: "Message", cell: ({ message }) => html`<pre>${message}</pre>` },
  ];
  const failed = tests.filter(({ end }) => end === "failed").length;
  return html`<section aria-label="Tests">
    <h3>${count(tests.length, "test")}${failed > 0 && `, ${number(failed)} failed`}</h3>
    <${Table} columns=${columns} rows=${tests} label="Tests" />
  </section>`;
}

/** A plan as the operation `plan` answers it. */
export function PlanView({ plan }) {
  const { refused, note, order = [], entries = [], tests = [] } = plan;
  return html`
    <${ErrorBox} title="This would be refused" error=${refused && { message: refused }} />
    ${note && html`<${Note} tone="warn">${note}<//>`}
    ${
      tests.length > 0 &&
      html`<p class="muted">The tests in ${tests.join(", ")} run on the new generation, which goes
      live only if they pass.</p>`
    }
    ${order.length > 1 && html`<p class="muted">In this order: ${order.map(shortName).join(", ")}</p>`}
    ${entries.map((entry) => h(PlanEntry, { entry, key: entry.id }))}
  `;
}

function PlanEntry({ entry }) {
  const { id, action, why, before, after, error, diff = [], contract = [], findings = [] } = entry;
  const generations =
    before && after && before !== after ? `${before} → ${after}` : (before ?? after);
  const tone = action === "refuse" ? "bad" : "calm";
  const noted = ({ level, text }) => h(Note, { tone: level === "error" ? "bad" : "warn" }, text);
  return html`<section>
    <h3 class="row">
      <${Badge} tone=${tone}>${action}<//> ${shortName(id)} <small class="mono">${generations}</small>
    </h3>
    ${why && html`<p class="muted">${why}</p>`}
    <${ErrorBox} error=${error} title="Why" />
    ${contract.map((change) => h(ContractChange, { change, key: change.text }))}
    ${Object.values(entry.parts ?? {}).map((part) => h(PartChange, { part, key: part.noun }))}
    ${!error && findings.map(noted)}
    ${diff.length > 0 && html`<${Diff} files=${diff} />`}
  </section>`;
}

function ContractChange({ change: { text, breaking, uses = [] } }) {
  const tone = uses.length ? "bad" : breaking ? "warn" : "calm";
  return html`<p class="row">
    <${Icon} shape=${breaking ? "triangle" : "dot"} tone=${tone} />
    <span class="cause">
      ${text}${uses.length > 0 && html`; used by <span class="mono">${uses.join(", ")}</span>`}
    </span>
  </p>`;
}

function PartChange({ part: { noun, added = [], removed = [] } }) {
  return html`<p class="row wrap">
    ${added.map((name) => html`<span class="added mono">+ ${noun} ${name}</span>`)}
    ${removed.map((name) => html`<span class="removed mono">− ${noun} ${name}</span>`)}
  </p>`;
}
