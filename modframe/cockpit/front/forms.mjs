// Forms as plain data, from JSON Schema. A field is { name, schema, root, required, fallback?, about? }:
// `root` is what its references lead into, `fallback` its default. What a person typed is "raw": texts,
// booleans, { at, raw } of a choice between kinds, lists and objects of these. No elements here.

const FORMATS = {
  date: "date",
  "date-time": "datetime",
  time: "time",
  password: "secret",
  binary: "file",
  base64: "file",
};
const TYPES = { boolean: "bool", integer: "int", number: "float", string: "text" };
const NESTED = ["object", "list", "union"];
const DEEPEST = 6; // levels that have inputs of their own; below, a value is JSON
const JSON_HINT = 'Write it like 3, "text", [1, 2] or {"key": 1}';

/** Return the fields of a method's parameters, each with references of its own. */
export function fieldsOfParams(params) {
  return params.map(({ name, schema, required, default: fallback, type, description }) => ({
    ...{ name, schema, root: schema, required, type, about: description },
    fallback: required || fallback === null ? undefined : fallback,
  }));
}

/** Return the fields of the properties of a schema. */
export function fieldsOf(schema, root, depth = 0) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, given]) => {
    const own = resolved(given, root);
    const fallback = own.default === null ? undefined : own.default;
    const about = own.description;
    return { name, schema: given, root, required: required.has(name), fallback, about, depth };
  });
}

/** Return a schema with its references followed. */
export function resolved(schema, root) {
  let found = schema ?? {};
  for (let steps = 0; steps < 20; steps++) {
    const base = found.$ref
      ? lookUp(root, found.$ref)
      : found.allOf?.length === 1 && found.allOf[0];
    if (!base) return found;
    const { $ref: _ref, allOf: _all, ...own } = found;
    found = { ...base, ...own };
  }
  return {};
}

function lookUp(root, reference) {
  const names = reference.split("/").slice(1);
  const plain = (name) => name.replaceAll("~1", "/").replaceAll("~0", "~");
  return names.reduce((node, name) => node?.[plain(name)], root) ?? {};
}

/** Return the input of a field: its `kind`, whether it is `nullable`, and what that kind needs:
 * `choices`; `fields` of an object; `item` of a list; `options` of a union. */
export function inputOf(field) {
  const { root, fallback, depth = 0 } = field;
  const schema = resolved(field.schema, root);
  const many = alternativesOf(schema);
  if (many) return unionInput(many, field, schema);
  if (schema.enum || "const" in schema) {
    const choices = schema.enum ?? [schema.const];
    return { kind: "choice", choices };
  }
  if (depth >= DEEPEST) return { kind: "json" };
  if (schema.type === "object" && schema.properties) {
    return { kind: "object", fields: fieldsOf(schema, root, depth + 1), title: schema.title };
  }
  if (schema.type === "array" && schema.items) {
    const item = { name: "", schema: schema.items, root, required: true, depth: depth + 1 };
    return { kind: "list", item };
  }
  return { kind: leafKind(schema, fallback), encoded: schema.format === "base64" };
}

function leafKind(schema, fallback) {
  if (schema.type === "string") {
    const kind = schema.contentMediaType ? "file" : (FORMATS[schema.format] ?? "text");
    const zoned = kind === "datetime" && /(Z|[+-]\d\d:?\d\d)$/.test(fallback ?? "");
    return zoned ? "text" : kind; // there is no input for a time with a zone
  }
  const said = schema.type ?? schema.properties ?? schema.additionalProperties;
  if (said === undefined) {
    const types = { boolean: "bool", string: "text" };
    if (typeof fallback === "number") return Number.isInteger(fallback) ? "int" : "float";
    return types[typeof fallback] ?? "json";
  }
  return TYPES[schema.type] ?? "json";
}

function alternativesOf({ anyOf, oneOf, type, ...rest }) {
  return (
    anyOf ?? oneOf ?? (Array.isArray(type) ? type.map((one) => ({ ...rest, type: one })) : null)
  );
}

function unionInput(many, field, outer) {
  const others = many.filter((one) => resolved(one, field.root).type !== "null");
  const nullable = others.length < many.length;
  const types = others.map(({ type }) => type).join();
  if (types === "number,string") return { kind: "decimal", nullable };
  const option = (schema) => ({ ...field, schema, title: titleOf(schema, field.root) });
  if (others.length === 1) {
    const { title } = outer;
    const own = { title, ...resolved(others[0], field.root) };
    const inner = inputOf({ ...field, schema: own });
    if (inner.kind === "bool" && nullable)
      return { kind: "choice", choices: [true, false], nullable };
    if (!nullable || !NESTED.includes(inner.kind)) return { ...inner, nullable };
  }
  const none = nullable ? [{ title: "none", none: true }] : [];
  return { kind: "union", options: [...none, ...others.map(option)] };
}

function titleOf(schema, root) {
  const { title, type, format, items } = resolved(schema, root);
  return title ?? format ?? (items ? `list of ${titleOf(items, root)}` : (type ?? "any"));
}

// -- what stands in the inputs ---------------------------------------------------------------------

/** Return what the input of a field shows of a value; by default of its fallback. */
export function rawOf(field, value = field.fallback) {
  const input = inputOf(field);
  switch (input.kind) {
    case "bool":
      return value ?? false;
    case "choice": {
      const at = input.choices.indexOf(value);
      const only = input.choices.length === 1 && field.required;
      return at >= 0 ? String(at) : only ? "0" : "";
    }
    case "object":
      return Object.fromEntries(
        input.fields.map((one) => [one.name, rawOf(one, value?.[one.name] ?? one.fallback)]),
      );
    case "list":
      return Array.isArray(value) ? value.map((one) => rawOf(input.item, one)) : [];
    case "union": {
      const at = value === undefined ? 0 : input.options.findIndex((one) => takes(one, value));
      return { at: Math.max(at, 0), raw: rawOfOption(input.options[Math.max(at, 0)], value) };
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
  return option.none ? null : rawOf({ ...option, required: true }, value);
}

function takes(option, value) {
  if (option.none) return value === null;
  const { type } = resolved(option.schema, option.root);
  const own = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  return type === own || (own === "number" && type === "integer" && Number.isInteger(value));
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
  const input = inputOf(field);
  if (input.kind === "object") return objectOf(input.fields, raw, path, faults);
  if (input.kind === "list") {
    return raw.map((one, at) => sentValue(input.item, one, joined(path, at), faults));
  }
  if (input.kind === "union") {
    const option = input.options[raw.at];
    const place = joined(path, option.title);
    return option.none ? null : sentValue({ ...option, required: true }, raw.raw, place, faults);
  }
  if (raw === "" || raw === null) return emptyValue(field, input, path, faults);
  try {
    return leafValue(input, raw);
  } catch (problem) {
    faults[path] = problem.message;
  }
}

function emptyValue(field, input, path, faults) {
  if (input.nullable) return null;
  if (field.required) faults[path] = "is required";
  else if (input.kind === "text") return "";
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
    const input = inputOf(field);
    if (input.kind === "secret") return "";
    if (input.kind === "object") return withoutSecrets(input.fields, one);
    if (input.kind === "list") return one.map((item) => kept(input.item, item));
    const option = input.kind === "union" && input.options[one.at];
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
