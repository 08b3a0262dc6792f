// Settings: what a module can be told, by whom it was, and preferences. Of all modules it is a panel.

import { h, html, useEffect, useState } from "../vendor/htm-preact.mjs";
import { Fields } from "../fields.mjs";
import { cellText } from "../format.mjs";
import { collect, inputOf, rawOf } from "../forms.mjs";
import { PanelsTab } from "../panel.mjs";
import { Asked, Badge, Dialog, Empty, ErrorBox, Table, useAsk } from "../ui.mjs";
import { useFaultFocus } from "./services.mjs";

export function SettingsTab(props) {
  return h(props.id ? ModuleSettings : PanelsTab, props);
}

function ModuleSettings({ id, facts, client }) {
  const [chosen, setChosen] = useState(null);
  const list = useAsk(client, "settings", { module: id });
  const undone = useAsk(client, "clear_preference", {}, { now: false });
  useEffect(() => {
    if (list.value) list.ask();
  }, [facts["parts.settings"]]);
  const undo = async (name) => {
    await undone.ask({ module: id, name });
    list.ask();
  };
  const close = () => {
    setChosen(null);
    list.ask();
  };
  return html`<div class="stack">
    ${undone.error && html`<${ErrorBox} error=${undone.error} />`}
    ${h(Asked, { of: list }, h(SettingsTable, { settings: list.value, setChosen, undo }))}
    ${chosen && h(SettingDialog, { client, id, setting: chosen, onClose: close })}
  </div>`;
}

function SettingsTable({ settings, setChosen, undo }) {
  const buttons = ({ secret, kept, ...one }) =>
    !secret &&
    html`<span class="row">
      <button class="small" aria-label=${`Change ${one.name}`} onClick=${() => setChosen(one)}>Change</button>
      ${kept && html`<button class="small" aria-label=${`Undo ${one.name}`} onClick=${() => undo(one.name)}>Undo</button>`}
    </span>`;
  const columns = [
    { key: "name", title: "Setting", mono: true },
    { key: "value", title: "Value", mono: true },
    {
      ...{ key: "source", title: "Source" },
      cell: (one) => html`<${Badge} tone=${one.kept ? "busy" : "calm"}>${one.source}<//>`,
    },
    { key: "bounds", title: "Bounds" },
    { key: "description", title: "What it is" },
    { key: "change", title: "", value: () => "", cell: buttons },
  ];
  const empty = html`<${Empty} title="No settings">A module has those of the model that it registers.<//>`;
  return html`<${Table} columns=${columns} rows=${settings} rowKey=${(one) => one.name} label="Settings" empty=${empty} />`;
}

function SettingDialog({ client, id, setting, onClose }) {
  const { name, schema, value, description, bounds } = setting;
  const field = {
    name,
    schema,
    root: schema,
    about: [description, bounds].filter(Boolean).join("; "),
  };
  const input = inputOf(field);
  field.required = input.kind !== "text"; // a text may be empty
  const first = input.kind === "json" ? cellText(value) : rawOf(field, value);
  const [raw, setRaw] = useState({ [name]: first });
  const [faults, setFaults] = useState({});
  const saved = useAsk(client, "set_preference", {}, { now: false });
  useEffect(() => {
    if (saved.value !== undefined) onClose();
    setFaults(saved.error?.faults ?? {});
  }, [saved.value, saved.error]);
  const save = (event) => {
    event.preventDefault();
    const found = collect([field], raw);
    setFaults(found.faults);
    if (Object.keys(found.faults).length) return;
    saved.ask({ module: id, name, value: found.values[name] ?? (input.nullable ? null : "") });
  };
  const buttons = html`<button onClick=${onClose}>Cancel</button>
    <button class="primary" data-action="save" disabled=${saved.busy} onClick=${save}>Save</button>`;
  return html`<${Dialog} title=${`Change ${name}`} onClose=${onClose} buttons=${buttons}>
    <form class="form" noValidate ref=${useFaultFocus(faults)} onSubmit=${save}>
      <${Fields} fields=${[field]} raw=${raw} change=${setRaw} faults=${faults} />
    </form>
    ${saved.error && !Object.keys(faults).length && html`<${ErrorBox} error=${saved.error} />`}
    <p class="muted">It is kept as a preference, which wins over files and the environment.</p>
  <//>`;
}
