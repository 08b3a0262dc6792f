// What is typed into the fields of a form, as plain data. A field is { name, kind, required, fallback?,
// about?, type?, nullable? } and what its kind needs, as the kernel's side makes it of a JSON schema
// (inputs.py). What a person typed is "raw": texts, booleans, { at, raw } of a choice between kinds,
// lists and objects of these. No elements here.

const JSON_HINT = 'Write it like 3, "text", [1, 2] or {"key": 1}';

/** Return what the input of a field shows of a value; by default of its fallback. */
export function rawOf(field, value = field.fallback) {
  switch (field.kind) {
    case "bool":
      return value ?? false;
    case "choice": {
      const at = field.choices.indexOf(value);
      const only = field.choices.length === 1 && field.required;
      return at >= 0 ? String(at) : only ? "0" : "";
    }
    case "object":
      return Object.fromEntries(
        field.fields.map((one) => [one.name, rawOf(one, value?.[one.name] ?? one.fallback)]),
      );
    case "list":
      return Array.isArray(value) ? value.map((one) => rawOf(field.item, one)) : [];
    case "union": {
      const fits = field.options.findIndex((one) => value !== undefined && takes(one, value));
      const at = Math.max(fits, 0);
      return { at, raw: rawOfOption(field.options[at], value) };
    }
    case "file":
      return null;
    case "json":
    case "secret":
      return "";
    default:
      return value === undefined || value === null ? "" : String(value);
  }
}

/** Return what an option of a union shows once it is chosen. */
export function rawOfOption(option, value) {
  return option.none ? null : rawOf(option, value);
}

function takes(option, value) {
  if (option.none) return value === null;
  const own = Array.isArray(value) ? "array" : typeof value;
  return option.takes === (Number.isInteger(value) && option.takes === "integer" ? "integer" : own);
}

/** Return whether an optional field still shows what it showed first; then it is not sent. */
export function isUntouched(field, raw) {
  return !field.required && JSON.stringify(raw) === JSON.stringify(rawOf(field));
}

/** Return { values, faults } of the fields' raw values; a fault has its place, as "order.item". */
export function collect(fields, raw, path = "") {
  const faults = {};
  return { values: objectOf(fields, raw, path, faults), faults };
}

function objectOf(fields, raw, path, faults) {
  const values = {};
  for (const field of fields) {
    if (isUntouched(field, raw[field.name])) continue;
    const value = sentValue(field, raw[field.name], joined(path, field.name), faults);
    if (value !== undefined) values[field.name] = value;
  }
  return values;
}

function joined(path, name) {
  return path ? `${path}.${name}` : String(name);
}

function sentValue(field, raw, path, faults) {
  if (field.kind === "object") return objectOf(field.fields, raw, path, faults);
  if (field.kind === "list") {
    return raw.map((one, at) => sentValue(field.item, one, joined(path, at), faults));
  }
  if (field.kind === "union") {
    const option = field.options[raw.at];
    return option.none ? null : sentValue(option, raw.raw, joined(path, option.title), faults);
  }
  if (raw === "" || raw === null) return emptyValue(field, path, faults);
  try {
    return leafValue(field, raw);
  } catch (problem) {
    faults[path] = problem.message;
  }
}

function emptyValue({ kind, nullable, required }, path, faults) {
  if (nullable) return null;
  if (required) faults[path] = "is required";
  else if (kind === "text") return "";
}

/** Return the value of one input. Numbers that JavaScript would round stay texts. */
function leafValue({ kind, choices, encoded }, raw) {
  const text = typeof raw === "string" ? raw.trim() : raw;
  switch (kind) {
    case "choice":
      return choices[Number(raw)];
    case "int":
      if (!/^[+-]?\d+$/.test(text)) throw new Error("is no whole number");
      return Number.isSafeInteger(Number(text)) ? Number(text) : text;
    case "float":
      if (/^[+-]?(inf(inity)?|nan)$/i.test(text)) return text;
      if (!Number.isFinite(Number(text))) throw new Error("is no number");
      return Number(text);
    case "decimal": // a number or a text: what would be rounded stays as it was typed
      return String(Number(text)) === text && text !== "NaN" ? Number(text) : raw;
    case "file":
      return encoded ? raw.$bytes : { $bytes: raw.$bytes, name: raw.name };
    case "json":
      return jsonValue(raw);
    default:
      return raw;
  }
}

function jsonValue(text) {
  try {
    return JSON.parse(text);
  } catch (problem) {
    throw new Error(`is no JSON: ${problem.message}. ${JSON_HINT}`);
  }
}

/** Return the raw values without what was typed as a secret. */
export function withoutSecrets(fields, raw) {
  const kept = (field, one) => {
    if (field.kind === "secret") return "";
    if (field.kind === "object") return withoutSecrets(field.fields, one);
    if (field.kind === "list") return one.map((item) => kept(field.item, item));
    const option = field.kind === "union" && field.options[one.at];
    return option && !option.none ? { ...one, raw: kept(option, one.raw) } : one;
  };
  return Object.fromEntries(fields.map((field) => [field.name, kept(field, raw[field.name])]));
}

/** Return the fault to show at a place: its own, or one inside it that is not below `elsewhere`. */
export function faultAt(faults, path, elsewhere = "") {
  const inside = (place) =>
    place.startsWith(`${path}.`) && !(elsewhere && place.startsWith(elsewhere));
  return faults[path] ?? faults[Object.keys(faults).find(inside)];
}
