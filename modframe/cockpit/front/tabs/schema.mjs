// How the tables of a database fit its models: the steps of `app.database.migrate`, chosen one by
// one and carried out once their plan was seen; and the revisions that are done and pending.

import { h, html, useState } from "../vendor/htm-preact.mjs";
import { count } from "../format.mjs";
import { typedValue } from "../query.mjs";
import { Table } from "../table.mjs";
import { Asked, Badge, Code, CopyButton, DeedDialog, ErrorBox, ModuleLink, Note } from "../ui.mjs";
import { Select, useAsk } from "../ui.mjs";

const NOTHING_CHOSEN = { allow: [], rename: {}, fill: {} };
const STEP_TONES = {
  "needed, not allowed yet": "bad",
  "not possible here": "bad",
  allowed: "warn",
};

export function SchemaView({ client, databases, view, set, go }) {
  const chosen = databases.find(({ name }) => name === view.database) ?? databases[0];
  return html`<div class="stack">
    <label class="muted">Database
      ${" "}<${Select} field="database" options=${databases.map(({ name }) => [name, name])}
        value=${chosen.name} onChange=${(database) => set({ database, table: "" })} />
    </label>
    ${h(MigrationView, { client, database: chosen, go, key: chosen.name })}
    ${h(RevisionsList, { client, database: chosen.name, key: `revisions ${chosen.name}` })}
  </div>`;
}

function MigrationView({ client, database: { name, refused }, go }) {
  const [choice, setChoice] = useState(NOTHING_CHOSEN);
  const [asking, setAsking] = useState(false);
  const [turn, setTurn] = useState(0); // how often it was begun anew
  const args = { database: name, ...choice };
  const plan = useAsk(client, "migrate", { ...args, plan: true }, { again: [turn] });
  const done = useAsk(client, "migrate", args, { now: false });
  const startOver = () => {
    setChoice(NOTHING_CHOSEN);
    setTurn(turn + 1);
  };
  const close = () => {
    setAsking(false);
    if (done.value) startOver();
  };
  const { steps, missing, code } = plan.value ?? {};
  const some = steps?.some((step) => step.chosen);
  const ready = some && !plan.busy && !plan.error && !missing.length;
  const left = missing?.length
    ? `${count(missing.length, "step")} still to be allowed`
    : !some && "Nothing is chosen";
  return html`<section class="stack tight" aria-label="Migration">
    ${
      refused &&
      html`<${Note} tone="warn">
        The models of <${ModuleLink} id=${refused} go=${go} /> were refused: they don't fit the tables.
      <//>`
    }
    ${steps ? html`<${ErrorBox} error=${plan.error} />` : h(Asked, { of: plan })}
    ${steps?.length === 0 && html`<${Note} tone="good">The tables fit the models.<//>`}
    ${
      steps?.length > 0 &&
      html`<${MigrationSteps} ...${{ steps, choice, setChoice, key: turn }} />
      <div class="row wrap">
        <button class="primary" disabled=${!ready} onClick=${() => setAsking(true)}>Migrate …</button>
        <button onClick=${startOver}>Start over</button>
        <${CopyButton} text=${code} title="To cell" />
        <span class="muted" role="status">${left}</span>
      </div>`
    }
    ${asking && h(MigrateDialog, { name, plan: plan.value, done, close, refused })}
  </section>`;
}

const STEP_COLUMNS = [
  { key: "name", title: "step", mono: true },
  { key: "status", title: "state", cell: stepBadge },
  { key: "choose", title: "choose", value: () => "", cell: ({ choose }) => choose },
  { key: "loses", title: "loses" },
  { key: "way", title: "how" },
];

function stepBadge({ status }) {
  return html`<${Badge} tone=${STEP_TONES[status] ?? "calm"}>${status}<//>`;
}

function MigrationSteps({ steps, choice, setChoice }) {
  const rows = steps.map((step) => ({
    ...step,
    choose: h(StepChoice, { step, choice, setChoice }),
  }));
  return html`<div class="steps">
    <${Table} columns=${STEP_COLUMNS} rows=${rows} rowKey=${({ name }) => name} label="Steps" />
  </div>`;
}

/** What a person may allow of a step: that it is done, a value for its rows, another name. */
function StepChoice({ step: { name, hint, fill, renames }, choice, setChoice }) {
  const allowed = choice.allow.includes(name);
  const others = choice.allow.filter((one) => one !== name);
  const toggle = () => setChoice({ ...choice, allow: allowed ? others : [...others, name] });
  const give = ({ currentTarget: { value } }) => {
    const { [fill]: _, ...fills } = choice.fill;
    setChoice({ ...choice, fill: value ? { ...fills, [fill]: typedValue(value) } : fills });
  };
  const column = name.split(".").at(-1);
  const was = renames.find((old) => choice.rename[old] === column) ?? "";
  const rename = (old) => {
    const { [was]: _, ...known } = choice.rename;
    setChoice({ ...choice, rename: old ? { ...known, [old]: column } : known });
  };
  const box = html`<input type="checkbox" checked=${allowed} onChange=${toggle} />`;
  const names = [["", "new"], ...renames.map((old) => [old, `was ${old}`])];
  return html`<span class="row wrap">
    ${(allowed || hint.startsWith("allow=")) && html`<label>${box} allow</label>`}
    ${
      fill &&
      html`<input size="14" placeholder="value for its rows" aria-label=${`Value for ${fill}`}
        onChange=${give} />`
    }
    ${
      renames.length > 0 &&
      html`<${Select} label=${`${name}: renamed from`} options=${names} value=${was} onChange=${rename} />`
    }
  </span>`;
}

function MigrateDialog({ name, plan, done, close, refused }) {
  const { steps, code } = done.value ?? plan;
  const chosen = steps.filter((step) => step.chosen);
  const lost = chosen.some((step) => step.loses);
  const said = `The database was migrated.${refused && " Load its module again now."}`;
  const facts = ({ loses, way }) => [loses && `loses ${loses}`, way].filter(Boolean).join("; ");
  const step = (one) =>
    html`<p><span class="mono">${one.name}</span> <span class="muted">${facts(one)}</span></p>`;
  const loss = lost ? "What is lost only a backup brings back." : "No row loses anything.";
  const dialog = { title: `Migrate ${name}`, action: "migrate", label: "Migrate", done, said };
  return html`<${DeedDialog} ...${dialog} onClose=${close}>
    <div>${chosen.map(step)}</div>
    ${!done.value && html`<p>All in one transaction, or nothing. ${loss}</p>`}
    <${Code} text=${code} label="The same in a cell" />
  <//>`;
}

const REVISION_COLUMNS = [
  { key: "done", title: "state", cell: doneBadge },
  { key: "file", title: "revision", mono: true },
  { key: "message", title: "message" },
  { key: "module", title: "module" },
];

function doneBadge({ done }) {
  return html`<${Badge} tone=${done ? "good" : "warn"}>${done ? "done" : "pending"}<//>`;
}

function RevisionsList({ client, database }) {
  const found = useAsk(client, "revisions", { database });
  if (found.error) return html`<${ErrorBox} title="Its revisions" error=${found.error} />`;
  if (!found.value?.length) return null;
  return html`<section class="stack tight" aria-label="Revisions"><h2>Revisions</h2>
    <${Table} columns=${REVISION_COLUMNS} rows=${found.value} label="Revisions" />
    <p class="muted">
      Pending ones run when <code>modframe serve</code> starts or reloads the module, or by${" "}
      <code>modframe db upgrade</code>.
    </p>
  </section>`;
}
