// How the tables of a database fit its models: the steps of `app.database.migrate`, chosen one by
// one and carried out once their plan was seen; and the revisions that are done and pending.

import { h, html, useRef, useState } from "../vendor/htm-preact.mjs";
import { count } from "../format.mjs";
import { typedValue } from "../query.mjs";
import { Asked, Badge, Code, CopyButton, DeedDialog, ErrorBox, Icon, ModuleLink } from "../ui.mjs";
import { Table, useAsk } from "../ui.mjs";

const NOTHING_CHOSEN = { allow: [], rename: {}, fill: {} };
const STEP_TONES = {
  "needed, not allowed yet": "bad",
  "not possible here": "bad",
  allowed: "warn",
};

export function SchemaView({ client, databases, view, set, go }) {
  const chosen = databases.find(({ name }) => name === view.database) ?? databases[0];
  return html`<div class="stack">
    <label class="muted">Database <select data-field="database"
      onChange=${(event) => set({ database: event.currentTarget.value, table: "" })}>
      ${databases.map(({ name }) => html`<option value=${name} selected=${name === chosen.name}>${name}</option>`)}
    </select></label>
    ${h(MigrationView, { client, database: chosen, go, key: chosen.name })}
    ${h(RevisionsList, { client, database: chosen.name, key: `revisions ${chosen.name}` })}
  </div>`;
}

function MigrationView({ client, database: { name, refused }, go }) {
  const [choice, setChoice] = useState(NOTHING_CHOSEN);
  const [asking, setAsking] = useState(false);
  const [turn, setTurn] = useState(0); // how often it was begun anew
  const last = useRef(null); // the plan that stands while another is made, or was refused
  const plan = useAsk(client, "migration", { database: name, ...choice });
  const done = useAsk(client, "migrate", { database: name, ...choice }, { now: false });
  const startOver = () => {
    setChoice(NOTHING_CHOSEN);
    setTurn(turn + 1);
    plan.ask({ database: name, ...NOTHING_CHOSEN });
  };
  const close = () => {
    setAsking(false);
    if (done.value) startOver();
  };
  if (plan.value) last.current = plan.value;
  const { steps, missing, code } = last.current ?? {};
  const ready = plan.value && !plan.busy && !plan.error && !missing.length;
  const some = steps?.some((step) => step.chosen);
  return html`<section class="stack tight" aria-label="Migration">
    ${refused && html`<p class="row"><${Icon} shape="triangle" tone="warn" /> The models of <${ModuleLink} id=${refused} go=${go} /> were refused: they don't fit the tables.</p>`}
    ${plan.error && html`<${ErrorBox} error=${plan.error} />`}
    ${!steps && !plan.error && h(Asked, { of: plan })}
    ${
      steps?.length === 0 &&
      html`<p class="row"><${Icon} shape="check" tone="good" /> The tables fit the models.</p>`
    }
    ${steps?.length > 0 && h(MigrationSteps, { steps, choice, setChoice, key: turn })}
    ${
      steps?.length > 0 &&
      html`<div class="row wrap">
        <button class="primary" disabled=${!ready || !some} onClick=${() => setAsking(true)}>Migrate …</button>
        <button onClick=${startOver}>Start over</button>
        <${CopyButton} text=${code} title="To cell" />
        <span class="muted" role="status">${missing.length ? `${count(missing.length, "step")} still to be allowed` : some ? "" : "Nothing is chosen"}</span>
      </div>`
    }
    ${asking && h(MigrateDialog, { name, plan: plan.value, done, close, refused })}
  </section>`;
}

function MigrationSteps({ steps, choice, setChoice }) {
  const columns = [
    { key: "name", title: "step", mono: true },
    {
      key: "status",
      title: "state",
      cell: ({ status }) => html`<${Badge} tone=${STEP_TONES[status] ?? "calm"}>${status}<//>`,
    },
    {
      key: "choose",
      title: "choose",
      value: () => "",
      cell: (step) => h(StepChoice, { step, choice, setChoice }),
    },
    { key: "loses", title: "loses" },
    { key: "way", title: "how" },
  ];
  return html`<div class="steps"><${Table} columns=${columns} rows=${steps} rowKey=${({ name }) => name} label="Steps" /></div>`;
}

/** What a person may allow of a step: that it is done, a value for its rows, another name. */
function StepChoice({ step: { name, hint, fill, renames }, choice, setChoice }) {
  const { allow } = choice;
  const toggle = () =>
    setChoice({
      ...choice,
      allow: allow.includes(name) ? allow.filter((one) => one !== name) : [...allow, name],
    });
  const give = ({ currentTarget: { value } }) => {
    const { [fill]: _, ...others } = choice.fill;
    setChoice({ ...choice, fill: value ? { ...others, [fill]: typedValue(value) } : others });
  };
  const rename = ({ currentTarget: { value } }) =>
    setChoice({ ...choice, rename: { ...choice.rename, [value]: name.split(".").at(-1) } });
  const allowed = allow.includes(name);
  return html`<span class="row wrap">
    ${(hint.startsWith("allow=") || allowed) && html`<label><input type="checkbox" checked=${allowed} onChange=${toggle} /> allow</label>`}
    ${fill && html`<input size="14" placeholder="value for its rows" aria-label=${`Value for ${fill}`} onChange=${give} />`}
    ${
      renames.length > 0 &&
      html`<select aria-label=${`${name}: renamed from`} onChange=${rename}>
      <option value="">new</option>${renames.map((old) => html`<option value=${old}>was ${old}</option>`)}</select>`
    }
  </span>`;
}

function MigrateDialog({ name, plan, done, close, refused }) {
  const { steps, code } = done.value ?? plan;
  const chosen = steps.filter((step) => step.chosen);
  const lost = chosen.some((step) => step.loses);
  const said = `The database was migrated.${refused && " Load its module again now."}`;
  const facts = ({ loses, way }) => [loses && `loses ${loses}`, way].filter(Boolean).join("; ");
  return html`<${DeedDialog} title=${`Migrate ${name}`} action="migrate" label="Migrate" done=${done} said=${said} onClose=${close}>
    <ul>
      ${chosen.map((step) => html`<li><span class="mono">${step.name}</span> <span class="muted">${facts(step)}</span></li>`)}
    </ul>
    ${!done.value && html`<p>All in one transaction, or nothing. ${lost ? "What is lost only a backup brings back." : "No row loses anything."}</p>`}
    <${Code} text=${code} label="The same in a cell" />
  <//>`;
}

function RevisionsList({ client, database }) {
  const found = useAsk(client, "revisions", { database });
  if (found.error) return html`<${ErrorBox} title="Its revisions" error=${found.error} />`;
  if (!found.value?.length) return null;
  const columns = [
    {
      key: "done",
      title: "state",
      cell: ({ done }) =>
        html`<${Badge} tone=${done ? "good" : "warn"}>${done ? "done" : "pending"}<//>`,
    },
    { key: "file", title: "revision", mono: true },
    { key: "message", title: "message" },
    { key: "module", title: "module" },
  ];
  return html`<section class="stack tight" aria-label="Revisions"><h2>Revisions</h2>
    <${Table} columns=${columns} rows=${found.value} label="Revisions" />
    <p class="muted">Pending ones run when <code>modframe serve</code> starts or reloads the module, or by <code>modframe db upgrade</code>.</p>
  </section>`;
}
