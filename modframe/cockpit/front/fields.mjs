// The inputs of a form. In come fields as the kernel's side makes them of a JSON schema (inputs.py),
// what is typed into them (form.py), faults by place, and `change(update)`, which gets a function from
// what is typed to what is next; out go elements.

import { h, html, useEffect, useRef, useState } from "./vendor/htm-preact.mjs";
import { bytes } from "./format.mjs";
import { Select, useAsk } from "./ui.mjs";

const INPUT_TYPES = { date: "date", datetime: "datetime-local", time: "time", secret: "password" };

/** A form of fields: it runs an operation with `given` and what is typed, and forgets secrets. The
 * kernel's side says what is wrong, and where. */
export function useForm(client, op, given, fields) {
  const [typed, change] = useState(() => firstOf(fields));
  const run = useAsk(client, op, {}, { now: false });
  const ref = useRef(null);
  const args = { ...given, form: { fields, typed } };
  const faults = run.error?.faults ?? {};
  useEffect(() => ref.current.querySelector("[aria-invalid]")?.focus(), [run.error]);
  const onSubmit = (event) => {
    event.preventDefault();
    run.ask(args);
    change((old) => withoutSecrets(fields, old));
  };
  const form = { class: "stack tight", noValidate: true, ref, onSubmit };
  return { args, run, form, inputs: { fields, typed, change, faults } };
}

function firstOf(fields) {
  return Object.fromEntries(fields.map(({ name, first }) => [name, first]));
}

function withoutSecrets(fields, typed) {
  const kept = ({ kind, fields: own, item, options }, one) => {
    if (kind === "secret") return "";
    if (own) return withoutSecrets(own, one);
    if (item) return one.map((each) => kept(item, each));
    return options ? { ...one, typed: kept(options[one.at], one.typed) } : one;
  };
  return Object.fromEntries(fields.map((field) => [field.name, kept(field, typed[field.name])]));
}

/** The inputs of fields, one below the other; `typed` has what each of them shows. */
export function Fields({ fields, typed, path = "", change, faults }) {
  return fields.map((field) => {
    const place = path ? `${path}.${field.name}` : field.name;
    const changeOne = (update) =>
      change((old) => ({ ...old, [field.name]: update(old[field.name]) }));
    const one = { field, typed: typed[field.name], path: place, change: changeOne };
    return h(FieldRow, { key: place, ...one, faults });
  });
}

function FieldRow({ field, typed, path, change, faults }) {
  const Nested = NESTED[field.kind];
  const fault = faultAt(faults, path, Nested ? shownInside(field, typed, path) : "");
  const props = { field, typed, path, change, faults };
  const name = html`<span class="mono">${field.name}</span>
    ${field.required && h(Required)} <small>${field.type}</small>`;
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
function Required() {
  return html`<span class="toned bad" role="img" aria-label="required" title="required">*</span>`;
}

/** Return where faults have inputs of their own; a union shows all others of its value. */
function shownInside({ kind, options }, typed, path) {
  return kind === "union" ? `${path}.${options[typed.at].title}` : `${path}.`;
}

/** Return the fault to show at a place: its own, or one inside it that is not below `elsewhere`. */
function faultAt(faults, path, elsewhere) {
  const inside = (place) =>
    place.startsWith(`${path}.`) && !(elsewhere && place.startsWith(elsewhere));
  return faults[path] ?? faults[Object.keys(faults).find(inside)];
}

function LeafInput({ field, typed, path, change, fault }) {
  const { kind, choices, fallback } = field;
  const set = (value) => change(() => value);
  const onInput = (event) => set(event.currentTarget.value);
  const shared = {
    id: `field-${path}`,
    "data-field": path,
    "aria-required": field.required || undefined,
    "aria-invalid": fault ? true : undefined,
    "aria-describedby": fault ? `fault-${path}` : undefined,
  };
  if (kind === "file") return h(FileInput, { shared, typed, set });
  if (kind === "body") return h(BodyInput, { shared, field, typed, set });
  if (kind === "bool") {
    const turned = (event) => set(event.currentTarget.checked);
    return html`<input type="checkbox" ...${shared} checked=${typed} onChange=${turned} />`;
  }
  if (kind === "choice") {
    return html`<select ...${shared} value=${typed} onChange=${onInput}>
      ${choices.length > 1 && html`<option value="">choose …</option>`}
      ${choices.map((one, at) => html`<option value=${String(at)}>${String(one)}</option>`)}
    </select>`;
  }
  if (kind === "json") {
    const hint = fallback === undefined ? "JSON" : `${JSON.stringify(fallback)} if left empty`;
    return html`<textarea class="mono" rows="2" spellcheck=${false} ...${shared} placeholder=${hint}
      value=${typed} onInput=${onInput}></textarea>`;
  }
  const mode = { int: "numeric", float: "decimal", decimal: "decimal" }[kind];
  return html`<input type=${INPUT_TYPES[kind] ?? "text"} inputmode=${mode} step="any" ...${shared}
    autocomplete=${kind === "secret" ? "new-password" : "off"} value=${typed} onInput=${onInput} />`;
}

/** The text of a body, which begins as one of the field's `texts`. */
function BodyInput({ shared, field: { texts }, typed, set }) {
  const options = texts.map(({ title }, at) => [at, title]);
  const choose = (at) => set(texts[at].text);
  return html`
    ${options.length > 1 && html`<${Select} label="Example" field="example" options=${options} onChange=${choose} />`}
    <textarea class="mono" rows=${Math.min(14, typed.split("\n").length + 1)} spellcheck=${false}
      ...${shared} value=${typed} onInput=${(event) => set(event.currentTarget.value)}></textarea>`;
}

function FileInput({ shared, typed, set }) {
  const read = async (event) => {
    const file = event.currentTarget.files[0];
    set(file ? { $bytes: await base64Of(file), name: file.name, size: file.size } : null);
  };
  return html`<span class="row">
    <input type="file" ...${shared} onChange=${read} />
    ${typed && html`<small>${bytes(typed.size)}</small>`}
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

function ListInput({ field, typed, path, change, faults }) {
  const [keys, setKeys] = useState(() => typed.map((_, at) => at)); // so that inputs stay with items
  const add = () => {
    setKeys([...keys, Math.max(-1, ...keys) + 1]);
    change((old) => [...old, field.item.first]);
  };
  const remove = (at) => {
    setKeys(keys.filter((_, other) => other !== at));
    change((old) => old.filter((_, other) => other !== at));
  };
  return html`
    ${typed.map((one, at) => {
      const changeOne = (update) =>
        change((old) => old.map((item, other) => (other === at ? update(item) : item)));
      const item = { ...field.item, name: String(at) };
      return html`<div class="row base" key=${keys[at]}>
        <div class="grow">
          <${FieldRow} ...${{ field: item, typed: one, path: `${path}.${at}`, change: changeOne, faults }} />
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

function UnionInput({ field: { name, options }, typed, path, change, faults }) {
  const choose = (at) => change(() => ({ at: Number(at), typed: options[at].first }));
  const option = options[typed.at];
  const changeInner = (update) => change((old) => ({ ...old, typed: update(old.typed) }));
  const inner = {
    field: { ...option, name: option.title, type: "" },
    typed: typed.typed,
    path: `${path}.${option.title}`,
    change: changeInner,
    faults,
  };
  return html`
    <div><${Select} label=${`Kind of ${name}`} field=${`${path}:kind`} value=${typed.at}
      onChange=${choose} options=${options.map(({ title }, at) => [at, title])} /></div>
    ${!option.none && h(FieldRow, { key: typed.at, ...inner })}
  `;
}

const NESTED = { object: ObjectInput, section: ObjectInput, list: ListInput, union: UnionInput };
