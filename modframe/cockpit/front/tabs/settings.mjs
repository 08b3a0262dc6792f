// Settings: what a module can be told, who said it, and preferences. Of all modules it is a panel.

import { h, html, useEffect, useState } from "../vendor/htm-preact.mjs";
import { Fields } from "../fields.mjs";
import { cellText } from "../format.mjs";
import { collect, inputOf, rawOf } from "../forms.mjs";
import { PanelsTab } from "../panel.mjs";
import { Asked, Badge, Dialog, ErrorBox, Table, useAsk } from "../ui.mjs";
import { useFaultFocus } from "./services.mjs";

export function SettingsTab(props) {
  return h(props.id ? ModuleSettings : PanelsTab, props);
}

function ModuleSettings({ id, facts, client }) {
  const [chosen, setChosen] = useState(null);
  const again = [facts["parts.settings"], chosen];
  const list = useAsk(client, "settings", { module: id }, { again });
  const undone = useAsk(client, "clear_preference", {}, { now: false });
  const undo = async (name) => {
    await undone.ask({ module: id, name });
    list.ask();
  };
  return html`<div class="stack">
    <${ErrorBox} error=${undone.error} />
    <${Asked} of=${list}>${(settings) => h(SettingsTable, { settings, setChosen, undo })}<//>
    ${chosen && h(SettingDialog, { client, id, setting: chosen, onClose: () => setChosen(null) })}
  </div>`;
}

function SettingsTable({ settings, setChosen, undo }) {
  const button = (title, name, onClick) =>
    html`<button class="small" aria-label=${`${title} ${name}`} onClick=${onClick}>${title}</button>`;
  const buttons = (one) =>
    !one.secret &&
    html`<span class="row">
      ${button("Change", one.name, () => setChosen(one))}
      ${one.kept && button("Undo", one.name, () => undo(one.name))}
    </span>`;
  const columns = [
    { key: "name", title: "setting", mono: true },
    { key: "value", title: "value", mono: true },
    {
      ...{ key: "source", title: "source" },
      cell: (one) => html`<${Badge} tone=${one.kept ? "busy" : "calm"}>${one.source}<//>`,
    },
    { key: "bounds", title: "bounds" },
    { key: "description", title: "what it is" },
    { key: "change", title: "", value: () => "", cell: buttons },
  ];
  return html`<${Table} columns=${columns} rows=${settings} rowKey=${(one) => one.name} label="Settings" />`;
}

function SettingDialog({ client, id, setting, onClose }) {
  const { name, schema, value, description: about } = setting;
  const field = { name, schema, root: schema, about };
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
  const button = html`<button class="primary" disabled=${saved.busy} onClick=${save}>Save</button>`;
  return html`<${Dialog} title=${`Change ${name}`} onClose=${onClose} end="Cancel" buttons=${button}>
    <form class="stack tight" noValidate ref=${useFaultFocus(faults)} onSubmit=${save}>
      <${Fields} fields=${[field]} raw=${raw} change=${setRaw} faults=${faults} />
    </form>
    <${ErrorBox} error=${!(name in faults) && saved.error} />
    <p class="muted">${setting.bounds && `It takes ${setting.bounds}. `}It is kept as a preference, which wins over files and the environment.</p>
  <//>`;
}
