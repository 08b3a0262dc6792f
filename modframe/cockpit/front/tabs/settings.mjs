// Settings: what a module can be told, by whom it was, and preferences. Of all modules it is a panel.

import { h, html, useEffect, useState } from "../vendor/htm-preact.mjs";
import { Fields } from "../fields.mjs";
import { cellText } from "../format.mjs";
import { collect, rawOf } from "../forms.mjs";
import { PanelsTab } from "../panel.mjs";
import { Asked, Badge, Dialog, Empty, ErrorBox, Table, useAsk } from "../ui.mjs";
import { useForm } from "./services.mjs";

export function SettingsTab(props) {
  return h(props.id ? ModuleSettings : PanelsTab, props);
}

function ModuleSettings({ id, facts, client }) {
  const [chosen, setChosen] = useState(null);
  const asked = useAsk(client, "settings", { module: id }, { again: [facts["parts.settings"]] });
  const undone = useAsk(client, "clear_preference", {}, { now: false });
  const undo = async (name) => {
    await undone.ask({ module: id, name });
    asked.ask();
  };
  const close = () => {
    setChosen(null);
    asked.ask();
  };
  return html`<div class="stack">
    <${ErrorBox} error=${undone.error} />
    <${Asked} of=${asked}>${(settings) => h(SettingsTable, { settings, setChosen, undo })}<//>
    ${chosen && h(SettingDialog, { client, id, setting: chosen, onClose: close })}
  </div>`;
}

function SettingsTable({ settings, setChosen, undo }) {
  if (!settings.length) {
    return html`<${Empty} title="No settings">A module has those of the model that it registers.<//>`;
  }
  const button = (
    verb,
    one,
    press,
  ) => html`<button class="small" aria-label=${`${verb} ${one.name}`}
    onClick=${press}>${verb}</button>`;
  const buttons = (one) => html`<span class="row">
    ${!one.secret && button("Change", one, () => setChosen(one))}
    ${!one.secret && one.kept && button("Undo", one, () => undo(one.name))}
  </span>`;
  const source = (one) => html`<${Badge} tone=${one.kept ? "busy" : "calm"}>${one.source}<//>`;
  const columns = [
    { key: "name", title: "Setting", mono: true },
    { key: "value", title: "Value", mono: true },
    { key: "source", title: "Source", cell: source },
    { key: "bounds", title: "Bounds" },
    { key: "description", title: "What it is" },
    { key: "change", title: "", value: () => "", cell: buttons },
  ];
  return html`<${Table} columns=${columns} rows=${settings} rowKey=${(one) => one.name} label="Settings" />`;
}

function SettingDialog({ client, id, setting, onClose }) {
  const { name, value, description, bounds } = setting;
  const field = { ...setting.field, about: [description, bounds].filter(Boolean).join("; ") };
  const { raw, change, faults, run, form } = useForm(client, "set_preference", {
    first: () => ({ [name]: field.kind === "json" ? cellText(value) : rawOf(field, value) }),
    read: (typed) => {
      const found = collect([field], typed);
      const given = found.values[name] ?? (field.nullable ? null : "");
      return { args: { module: id, name, value: given }, faults: found.faults };
    },
    clean: (typed) => typed,
  });
  useEffect(() => {
    if (run.value !== undefined) onClose();
  }, [run.value]);
  const buttons = html`<button class="primary" data-action="save" disabled=${run.busy}
    onClick=${form.onSubmit}>Save</button>`;
  return html`<${Dialog} title=${`Change ${name}`} onClose=${onClose} end="Cancel" buttons=${buttons}>
    <form ...${form}><${Fields} ...${{ fields: [field], raw, change, faults }} /></form>
    ${!Object.keys(faults).length && html`<${ErrorBox} error=${run.error} />`}
    <p class="muted">It is kept as a preference, which wins over files and the environment.</p>
  <//>`;
}
