// History: the sources of a module that were live. One opens to its differences from another, its
// text, and the plan of the way back to it.

import { h, html, useState } from "../vendor/htm-preact.mjs";
import { count, dayAndTime, number } from "../format.mjs";
import { PlanButtons } from "../plan.mjs";
import { SourceLines } from "../source.mjs";
import { Table } from "../table.mjs";
import { Asked, Badge, Diff, Empty, Icon, Note, Select, useAsk } from "../ui.mjs";

const HISTORY_COLUMNS = [
  { key: "generation", title: "Generation", numeric: true, cell: Generation },
  { key: "time", title: "Time (UTC)", cell: ({ time }) => dayAndTime(time) },
  { key: "origin", title: "From", cell: ({ origin }) => html`<span class="cut">${origin}</span>` },
  { key: "outcome", title: "What came of it" },
  { key: "errors", title: "Errors", numeric: true, cell: ErrorCount },
];
const LEFT_COLUMN = { key: "leaked", title: "Left behind", value: (one) => one.leaked.join(", ") };

export function HistoryTab({ id, row, facts, client }) {
  const [key, setKey] = useState(null);
  const again = [row.generation, facts.draft, facts.outcome];
  const asked = useAsk(client, "history", { module: id }, { again });
  const chosen = asked.value?.entries.find((one) => one.key === key);
  return html`<div class="stack">
    <${Asked} of=${asked}>${(found) => h(Entries, { found, chosen, setKey })}<//>
    ${chosen && h(Entry, { id, client, entry: chosen, found: asked.value, key })}
  </div>`;
}

function Entries({ found: { entries, damaged }, chosen, setKey }) {
  if (!entries.length) {
    return html`<${Empty} title="No history">Nothing of this module was live yet.<//>`;
  }
  const left = entries.some((one) => one.leaked.length);
  const columns = left ? [...HISTORY_COLUMNS, LEFT_COLUMN] : HISTORY_COLUMNS;
  return html`<div>
    <p class="muted" role="status">
      ${count(entries.length, "source")}, the newest first. Choose one to compare it or to go back to it.
    </p>
    ${damaged.map((text) => html`<${Note} tone="warn">${text}<//>`)}
    <${Table} label="History" columns=${columns} rows=${entries} rowKey=${(one) => one.key}
      selected=${chosen?.key} onRow=${(one) => setKey(one.key)} />
  </div>`;
}

function Generation({ generation, live, same }) {
  const mark = live ? html`<${Badge} tone="good">live<//>` : same && html`<small>same text</small>`;
  return html`${mark} <strong>${generation}</strong>`;
}

function ErrorCount({ errors }) {
  if (!errors) return null;
  return html`<${Badge} tone="bad"><${Icon} shape="cross" tone="bad" />${number(errors)}<//>`;
}

function Entry({ id, client, entry, found }) {
  const { key, generation, same, run, digest } = entry;
  const others = otherSources(found, entry);
  const [wanted, setWanted] = useState("live");
  const [before] = others.find(([one]) => one === wanted) ?? others[0] ?? [];
  const back = { title: `Roll back to generation ${generation}`, label: "Plan the way back" };
  const rollback = { action: "rollback", ...back, args: { to: key }, danger: true, primary: true };
  return html`<section aria-label=${`Generation ${generation}`} class="card box stack">
    <div class="row wrap">
      <h2 class="grow">Generation ${generation}</h2>
      <label class="row">Compare with
        <${Select} field="other" options=${others} value=${before} onChange=${setWanted} />
      </label>
      <${PlanButtons} client=${client} id=${id} actions=${same ? [] : [rollback]} />
    </div>
    ${
      before
        ? h(Differences, { id, client, before, after: key })
        : html`<p class="muted">There is nothing to compare it with.</p>`
    }
    <details><summary>Its text</summary><${SourceLines} client=${client} id=${id} of=${key} /></details>
    <details><summary>Run and digest</summary><p class="mono">run ${run}, digest ${digest}</p></details>
  </section>`;
}

/** What an entry can be compared with, as [[source, title]]: what is live first, unless it is that. */
function otherSources({ entries, draft, live }, entry) {
  const at = entries.indexOf(entry);
  const older = [...entries.slice(at + 1), ...entries.slice(0, at)];
  return [
    ...(live && !entry.same ? [["live", "what is live"]] : []),
    ...(draft ? [["draft", "the draft"]] : []),
    ...older.map((one) => [one.key, `generation ${one.generation}, ${dayAndTime(one.time)}`]),
  ];
}

function Differences({ id, client, before, after }) {
  const asked = useAsk(client, "diff", { module: id, before, after });
  return h(Asked, { of: asked }, ({ files }) => h(Diff, { files }));
}
