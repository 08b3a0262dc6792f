// Backups of all databases, in the workspace's folder "backups". In comes a client.

import { h, html, useState } from "../vendor/htm-preact.mjs";
import { bytes, number } from "../format.mjs";
import { Asked, DeedDialog, Empty, ErrorBox, Icon, Table, useAsk } from "../ui.mjs";

export function BackupsView({ client }) {
  const [name, setName] = useState(new Date().toISOString().slice(0, 16).replace(/[T:]/g, "-"));
  const [chosen, setChosen] = useState(null);
  const list = useAsk(client, "backups");
  const made = useAsk(client, "backup", { name }, { now: false });
  const make = async () => {
    await made.ask();
    list.ask();
  };
  const columns = [
    { key: "name", title: "backup", mono: true },
    { key: "made", title: "made" },
  ];
  return html`<div class="stack">
    <div class="row wrap">
      <label class="muted">Name <input class="mono" data-field="backup" value=${name} onInput=${(event) => setName(event.currentTarget.value)} /></label>
      <button class="primary" disabled=${made.busy || !name} onClick=${make}>${made.busy ? "Working …" : "Back up all databases"}</button>
    </div>
    ${made.error && html`<${ErrorBox} error=${made.error} />`}
    ${made.value && html`<p class="row" role="status"><${Icon} shape="check" tone="good" /> backups/${made.value.name} was written.</p>`}
    ${list.error && html`<${ErrorBox} error=${list.error} />`}
    ${
      list.value &&
      html`<${Table} columns=${columns} rows=${list.value} rowKey=${(one) => one.name} label="Backups"
      onRow=${(one) => setChosen(one.name)} empty=${html`<${Empty} title="No backups yet">Modules go on while one is written.<//>`} />`
    }
    ${chosen && h(RestoreDialog, { client, name: chosen, onClose: () => setChosen(null), key: chosen })}
  </div>`;
}

function RestoreDialog({ client, name, onClose }) {
  const [replace, setReplace] = useState(false);
  const plan = useAsk(client, "restorable", { name });
  const done = useAsk(client, "restore", { name, replace }, { now: false });
  const columns = [
    { key: "database", title: "database", mono: true },
    { key: "engine", title: "engine" },
    { key: "tables", title: "tables", value: (one) => number(one.tables) },
    { key: "rows", title: "rows", value: (one) => number(one.rows) },
    { key: "size", title: "size", value: (one) => bytes(one.size) },
  ];
  return html`<${DeedDialog} title=${`Restore ${name}`} action="restore" label="Restore" ready=${Boolean(plan.value)}
    done=${done} said="The databases are as they were then." onClose=${onClose}>
    ${h(Asked, { of: plan })}
    ${plan.value && html`<${Table} columns=${columns} rows=${plan.value.databases} label="What it holds" />`}
    ${plan.value && !done.value && html`<label><input type="checkbox" checked=${replace} onChange=${() => setReplace(!replace)} /> The rows that are there now may be lost</label>`}
  <//>`;
}
