// The inputs of a form. In come fields and raw values as forms.mjs has them, faults by place, and
// `change(update)`, which gets a function from the old raw value to the next; out go elements.

import { h, html, useEffect, useRef, useState } from "./vendor/htm-preact.mjs";
import { bytes } from "./format.mjs";
import { Select, useAsk } from "./ui.mjs";
import { faultAt, rawOf, rawOfOption } from "./forms.mjs";

const INPUT_TYPES = { date: "date", datetime: "datetime-local", time: "time", secret: "password" };

/** A form that runs an operation. `first()` is what stands in its inputs at first, `read(raw)` the
 * operation's arguments and what is wrong with them, `clean(raw)` what stays there once it runs. */
export function useForm(client, op, { first, read, clean }) {
  const [raw, change] = useState(first);
  const [own, setOwn] = useState(null);
  const run = useAsk(client, op, {}, { now: false });
  const ref = useRef(null);
  const { args, faults: found } = read(raw);
  const faults = own ?? run.error?.faults;
  useEffect(() => ref.current.querySelector("[aria-invalid]")?.focus(), [faults]);
  const onSubmit = (event) => {
    event.preventDefault();
    const faulty = Object.keys(found).length > 0;
    setOwn(faulty ? found : null);
    if (faulty) return;
    run.ask(args);
    change(clean);
  };
  const form = { class: "stack tight", noValidate: true, ref, onSubmit };
  return { raw, change, args, faults: faults ?? {}, run, form };
}

/** Return what the inputs of fields show at first. */
export function rawOfAll(fields) {
  return Object.fromEntries(fields.map((field) => [field.name, rawOf(field, field.example)]));
}

/** The inputs of fields, one below the other; `raw` has a value for each name. */
export function Fields({ fields, raw, path = "", change, faults }) {
  return fields.map((field) => {
    const place = path ? `${path}.${field.name}` : field.name;
    const changeOne = (update) =>
      change((old) => ({ ...old, [field.name]: update(old[field.name]) }));
    const value = raw[field.name];
    return h(FieldRow, { key: place, field, raw: value, path: place, change: changeOne, faults });
  });
}

function FieldRow({ field, raw, path, change, faults }) {
  const Nested = { object: ObjectInput, list: ListInput, union: UnionInput }[field.kind];
  const fault = faultAt(faults, path, Nested ? shownInside(field, raw, path) : "");
  const props = { field, raw, path, change, faults };
  const name = html`<span class="mono">${field.name}</span>
    ${field.required && h(Required)} <small>${field.type ?? kindWord(field)}</small>`;
  const notes = html`
    ${field.about && html`<small>${field.about}</small>`}
    ${fault && html`<div class="toned bad" id=${`fault-${path}`} role="alert">${fault}</div>`}`;
  if (Nested) {
    return html`<fieldset class="stack tight" data-field=${path}>
      <legend>${name}</legend><${Nested} ...${props} />${notes}
    </fieldset>`;
  }
  return html`<div class="row wrap base field">
    <label for=${`field-${path}`}>${name}</label>
    <div class="about"><${LeafInput} ...${props} fault=${fault} /> ${notes}</div>
  </div>`;
}

/** The mark of a field that can't be left out. */
export function Required() {
  return html`<span class="toned bad" role="img" aria-label="required" title="required">*</span>`;
}

/** Return where faults have inputs of their own; a union shows all others of its value. */
function shownInside({ kind, options }, raw, path) {
  return kind === "union" ? `${path}.${options[raw.at].title}` : `${path}.`;
}

function kindWord({ kind, title, nullable }) {
  return `${title ?? kind}${nullable ? " or none" : ""}`;
}

function LeafInput({ field, raw, path, change, fault }) {
  const { kind, choices, fallback } = field;
  const set = (value) => change(() => value);
  const typed = (event) => set(event.currentTarget.value);
  const shared = {
    id: `field-${path}`,
    "data-field": path,
    "aria-required": field.required || undefined,
    "aria-invalid": fault ? true : undefined,
    "aria-describedby": fault ? `fault-${path}` : undefined,
  };
  if (kind === "file") return h(FileInput, { shared, raw, set });
  if (kind === "bool") {
    const turned = (event) => set(event.currentTarget.checked);
    return html`<input type="checkbox" ...${shared} checked=${raw} onChange=${turned} />`;
  }
  if (kind === "choice") {
    return html`<select ...${shared} value=${raw} onChange=${typed}>
      ${choices.length > 1 && html`<option value="">choose …</option>`}
      ${choices.map((one, at) => html`<option value=${String(at)}>${String(one)}</option>`)}
    </select>`;
  }
  if (kind === "json") {
    const hint = fallback === undefined ? "JSON" : `${JSON.stringify(fallback)} if left empty`;
    return html`<textarea class="mono" rows="2" spellcheck=${false} ...${shared} placeholder=${hint}
      value=${raw} onInput=${typed}></textarea>`;
  }
  const mode = { int: "numeric", float: "decimal", decimal: "decimal" }[kind];
  return html`<input type=${INPUT_TYPES[kind] ?? "text"} inputmode=${mode} step="any" ...${shared}
    autocomplete=${kind === "secret" ? "new-password" : "off"} value=${raw} onInput=${typed} />`;
}

function FileInput({ shared, raw, set }) {
  const read = async (event) => {
    const file = event.currentTarget.files[0];
    set(file ? { $bytes: await base64Of(file), name: file.name, size: file.size } : null);
  };
  return html`<span class="row">
    <input type="file" ...${shared} onChange=${read} />
    ${raw && html`<small>${bytes(raw.size)}</small>`}
  </span>`;
}

function base64Of(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function ObjectInput({ field, ...props }) {
  return h(Fields, { fields: field.fields, ...props });
}

function ListInput({ field, raw, path, change, faults }) {
  const [keys, setKeys] = useState(() => raw.map((_, at) => at)); // so that inputs stay with items
  const add = () => {
    setKeys([...keys, Math.max(-1, ...keys) + 1]);
    change((old) => [...old, rawOf(field.item)]);
  };
  const remove = (at) => {
    setKeys(keys.filter((_, other) => other !== at));
    change((old) => old.filter((_, other) => other !== at));
  };
  return html`
    ${raw.map((one, at) => {
      const changeOne = (update) =>
        change((old) => old.map((item, other) => (other === at ? update(item) : item)));
      const item = { ...field.item, name: String(at) };
      return html`<div class="row base" key=${keys[at]}>
        <div class="grow">
          <${FieldRow} ...${{ field: item, raw: one, path: `${path}.${at}`, change: changeOne, faults }} />
        </div>
        <button type="button" class="small" aria-label=${`Remove ${path}.${at}`} onClick=${() => remove(at)}>
          Remove
        </button>
      </div>`;
    })}
    <div>
      <button type="button" class="small" aria-label=${`Add to ${path}`} onClick=${add}>Add</button>
    </div>
  `;
}

function UnionInput({ field: { name, options }, raw, path, change, faults }) {
  const choose = (at) => change(() => ({ at: Number(at), raw: rawOfOption(options[at]) }));
  const option = options[raw.at];
  const changeInner = (update) => change((old) => ({ ...old, raw: update(old.raw) }));
  const inner = {
    field: { ...option, name: option.title, type: "" },
    raw: raw.raw,
    path: `${path}.${option.title}`,
    change: changeInner,
    faults,
  };
  return html`
    <div><${Select} label=${`Kind of ${name}`} field=${`${path}:kind`} value=${raw.at}
      onChange=${choose} options=${options.map(({ title }, at) => [at, title])} /></div>
    ${!option.none && h(FieldRow, { key: raw.at, ...inner })}
  `;
}
