// Backups of all databases, in the workspace's folder "backups". In comes a client.

import { h, html, useState } from "../vendor/htm-preact.mjs";
import { bytes, number } from "../format.mjs";
import { Table } from "../table.mjs";
import { Asked, DeedDialog, Empty, ErrorBox, Note, useAsk } from "../ui.mjs";

const BACKUP_COLUMNS = [
  { key: "name", title: "backup", mono: true },
  { key: "made", title: "made" },
];
const HELD_COLUMNS = [
  { key: "database", title: "database", mono: true },
  { key: "engine", title: "engine" },
  { key: "tables", title: "tables", value: (one) => number(one.tables) },
  { key: "rows", title: "rows", value: (one) => number(one.rows) },
  { key: "size", title: "size", value: (one) => bytes(one.size) },
];

export function BackupsView({ client }) {
  const [name, setName] = useState(new Date().toISOString().slice(0, 16).replace(/[T:]/g, "-"));
  const [chosen, setChosen] = useState(null);
  const list = useAsk(client, "backups");
  const made = useAsk(client, "backup", { name }, { now: false });
  const make = async () => {
    await made.ask();
    list.ask();
  };
  return html`<div class="stack">
    <div class="row wrap">
      <label class="muted">Name <input class="mono" data-field="backup" value=${name}
        onInput=${(event) => setName(event.currentTarget.value)} /></label>
      <button class="primary" disabled=${made.busy || !name} onClick=${make}>
        ${made.busy ? "Working …" : "Back up all databases"}
      </button>
    </div>
    <${ErrorBox} error=${made.error} />
    ${made.value && html`<${Note} tone="good">backups/${made.value.name} was written.<//>`}
    <${Asked} of=${list}>${(backups) => h(BackupsTable, { backups, setChosen })}<//>
    ${chosen && h(RestoreDialog, { client, name: chosen, onClose: () => setChosen(null), key: chosen })}
  </div>`;
}

function BackupsTable({ backups, setChosen }) {
  if (!backups.length) {
    return html`<${Empty} title="No backups yet">Modules go on while one is written.<//>`;
  }
  return html`<${Table} columns=${BACKUP_COLUMNS} rows=${backups} rowKey=${(one) => one.name}
    label="Backups" onRow=${(one) => setChosen(one.name)} />`;
}

function RestoreDialog({ client, name, onClose }) {
  const [replace, setReplace] = useState(false);
  const plan = useAsk(client, "restorable", { name });
  const done = useAsk(client, "restore", { name, replace }, { now: false });
  const dialog = { title: `Restore ${name}`, action: "restore", label: "Restore", done, onClose };
  return html`<${DeedDialog} ...${dialog} ready=${plan.value} said="The databases are as they were then.">
    <${Asked} of=${plan}>
      ${({ databases }) => h(Table, { columns: HELD_COLUMNS, rows: databases, label: "What it holds" })}
    <//>
    ${
      plan.value &&
      !done.value &&
      html`<label>
        <input type="checkbox" checked=${replace} onChange=${() => setReplace(!replace)} />
        ${" "}The rows that are there now may be lost
      </label>`
    }
  <//>`;
}
