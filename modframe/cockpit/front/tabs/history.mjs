// History: the sources of a module that were live. One opens to its differences from another, its
// text, and the plan of the way back to it.

import { h, html, useEffect, useState } from "../vendor/htm-preact.mjs";
import { count, number } from "../format.mjs";
import { PlanDialog } from "../plan.mjs";
import { SourceLines } from "../source.mjs";
import { Asked, Badge, Diff, Empty, Icon, Table, useAsk } from "../ui.mjs";

export function HistoryTab({ id, row, facts, client }) {
  const [key, setKey] = useState(null);
  const [plan, setPlan] = useState(null);
  const found = useAsk(client, "history", { module: id });
  useEffect(() => {
    if (found.value) found.ask();
  }, [row.generation, facts.draft, facts.outcome]);
  const chosen = found.value?.entries.find((one) => one.key === key);
  return html`<div class="stack">
    ${h(Asked, { of: found }, h(Entries, { found: found.value, chosen, setKey }))}
    ${chosen && h(Entry, { id, client, entry: chosen, found: found.value, setPlan, key })}
    ${plan && html`<${PlanDialog} ...${{ client, id, ...plan, onClose: () => setPlan(null) }} />`}
  </div>`;
}

function Entries({ found: { entries, damaged }, chosen, setKey }) {
  if (!entries.length)
    return html`<${Empty} title="No history">Nothing of this module was live yet.<//>`;
  const columns = [
    {
      key: "generation",
      title: "Generation",
      numeric: true,
      cell: (one) => h(Generation, { one }),
    },
    { key: "time", title: "Time (UTC)", cell: (one) => one.time.slice(0, 19).replace("T", " ") },
    { key: "origin", title: "From", cell: (one) => html`<span class="cut">${one.origin}</span>` },
    { key: "outcome", title: "What came of it" },
    { key: "errors", title: "Errors", numeric: true, cell: (one) => h(ErrorCount, { one }) },
    ...(entries.some((one) => one.leaked.length)
      ? [{ key: "leaked", title: "Left behind", value: (one) => one.leaked.join(", ") }]
      : []),
  ];
  return html`<div>
    <p class="muted" role="status">${count(entries.length, "source")}, the newest first. Choose one to compare it or to go back to it.</p>
    ${damaged.map((text) => html`<p class="row"><${Icon} shape="triangle" tone="warn" /> ${text}</p>`)}
    <${Table} label="History" columns=${columns} rows=${entries} rowKey=${(one) => one.key}
      selected=${chosen?.key} onRow=${(one) => setKey(one.key)} />
  </div>`;
}

function Generation({ one }) {
  return html`<span class="row end">${one.live ? html`<${Badge} tone="good">live<//>` : one.same && html`<small>same text</small>`}<strong>${one.generation}</strong></span>`;
}

function ErrorCount({ one: { errors } }) {
  return (
    errors > 0 &&
    html`<span class="badge bad"><${Icon} shape="cross" tone="bad" />${number(errors)}</span>`
  );
}

function Entry({ id, client, entry, found, setPlan }) {
  const others = otherSources(found, entry);
  const [wanted, setWanted] = useState("live");
  const other = (others.find(({ value }) => value === wanted) ?? others[0])?.value;
  const back = `Roll back to generation ${entry.generation}`;
  const go = () =>
    setPlan({ action: "rollback", args: { to: entry.key }, title: back, danger: true });
  return html`<section aria-label=${`Generation ${entry.generation}`} class="card box stack">
    <div class="row wrap">
      <h2 class="grow">Generation ${entry.generation}</h2>
      <label class="row">Compare with <select data-field="other" value=${other} onChange=${(event) => setWanted(event.currentTarget.value)}>
        ${others.map(({ value, title }) => html`<option value=${value}>${title}</option>`)}
      </select></label>
      ${!entry.same && html`<button class="primary" data-action="rollback" onClick=${go}>Plan the way back</button>`}
    </div>
    ${other ? h(Differences, { id, client, before: other, after: entry.key }) : html`<p class="muted">There is nothing to compare it with.</p>`}
    <details><summary>Its text</summary><${SourceLines} client=${client} id=${id} of=${entry.key} /></details>
    <details><summary>Run and digest</summary>
      <p class="mono">run ${entry.run}, digest ${entry.digest}</p></details>
  </section>`;
}

/** What an entry can be compared with: what is live first, unless it is that itself. */
function otherSources({ entries, draft, live }, entry) {
  const fixed = [
    live && !entry.same && { value: "live", title: "what is live" },
    draft && { value: "draft", title: "the draft" },
  ].filter(Boolean);
  const at = entries.indexOf(entry);
  const older = [...entries.slice(at + 1), ...entries.slice(0, at)];
  const title = ({ generation, time }) =>
    `generation ${generation}, ${time.slice(0, 19).replace("T", " ")}`;
  return [...fixed, ...older.map((one) => ({ value: one.key, title: title(one) }))];
}

function Differences({ id, client, before, after }) {
  const found = useAsk(client, "diff", { module: id, before, after });
  return h(Asked, { of: found }, h(Diff, { files: found.value?.files }));
}
