// Settings: what a module can be told, and who said it; changed as a preference or for the session.
// Of all modules it is a panel.

import { h, html, useEffect, useState } from "../vendor/htm-preact.mjs";
import { Fields, useForm } from "../fields.mjs";
import { PanelsTab } from "../panel.mjs";
import { Table } from "../table.mjs";
import { Asked, Badge, Dialog, ErrorBox, Select, useAsk } from "../ui.mjs";

const SPANS = [
  ["preference", "As a preference, which is kept"],
  ["session", "For this session"],
];
const COUNTS = {
  preference: "It is kept as a preference, which wins over files and the environment.",
  session: "It counts until the app stops, above preferences. No file has it.",
};

export function SettingsTab(props) {
  return h(props.id ? ModuleSettings : PanelsTab, props);
}

function ModuleSettings({ id, facts, client }) {
  const [chosen, setChosen] = useState(null);
  const again = [facts["parts.settings"], chosen];
  const list = useAsk(client, "settings", { module: id }, { again });
  const undone = useAsk(client, "undo_setting", {}, { now: false });
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
  const isSet = ({ kept, session }) => kept || session;
  const buttons = (one) => html`<span class="row">
    ${button("Change", one.name, () => setChosen(one))}
    ${isSet(one) && button("Undo", one.name, () => undo(one.name))}
  </span>`;
  const columns = [
    { key: "name", title: "setting", mono: true },
    { key: "value", title: "value", mono: true },
    {
      ...{ key: "source", title: "source" },
      cell: (one) => html`<${Badge} tone=${isSet(one) ? "busy" : "calm"}>${one.source}<//>`,
    },
    { key: "bounds", title: "bounds" },
    { key: "description", title: "what it is" },
    { key: "change", title: "actions", value: () => "", cell: buttons },
  ];
  return html`<${Table} columns=${columns} rows=${settings} rowKey=${(one) => one.name} label="Settings" />`;
}

function SettingDialog({ client, id, setting, onClose }) {
  const { name, field, bounds, secret, session } = setting;
  const [span, setSpan] = useState(secret || session ? "session" : "preference");
  const op = span === "session" ? "set_session_value" : "set_preference";
  const { run, form, inputs } = useForm(client, op, { module: id, name }, [field]);
  useEffect(() => {
    if (run.value !== undefined) onClose();
  }, [run.value]);
  const select = {
    label: "How long",
    field: "span",
    options: SPANS,
    value: span,
    onChange: setSpan,
  };
  const button = html`<button class="primary" form="setting" disabled=${run.busy}>Save</button>`;
  return html`<${Dialog} title=${`Change ${name}`} onClose=${onClose} end="Cancel" buttons=${button}>
    <form id="setting" ...${form}><${Fields} ...${inputs} /></form>
    <${ErrorBox} error=${!run.error?.faults?.[name] && run.error} />
    ${!secret && html`<div class="field">How long <${Select} ...${select} /></div>`}
    <p class="muted">${bounds && `It takes ${bounds}. `}${COUNTS[span]}</p>
  <//>`;
}
