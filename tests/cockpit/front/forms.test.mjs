// Which input a schema gets, and what an input means; the schemas are those that pydantic makes.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as forms from "../../../modframe/cockpit/front/forms.mjs";

const INT = { type: "integer" };
const TEXT = { type: "string" };
const NONE = { type: "null" };
const COLOUR = { title: "Colour", enum: ["red", "blue"], type: "string" };
const DECIMAL = { anyOf: [{ type: "number" }, TEXT] };
const ORDER = {
  title: "Order",
  type: "object",
  required: ["item"],
  properties: {
    item: TEXT,
    amount: { ...INT, default: 1 },
    password: { ...TEXT, format: "password", default: "" },
    lines: { type: "array", items: { $ref: "#/$defs/Line" }, default: [] },
    next: { anyOf: [{ $ref: "#/$defs/Order" }, NONE], default: null },
  },
};
const LINE = { title: "Line", type: "object", required: ["price"], properties: { price: DECIMAL } };
const DEFS = { Order: ORDER, Line: LINE, Colour: COLOUR };

/** A parameter as the operation `method` describes it. */
function param(schema, given = {}) {
  return { name: "x", type: "", required: false, default: null, description: "", schema, ...given };
}

/** The field of one parameter. */
function field(schema, given) {
  return forms.fieldsOfParams([param(schema, given)])[0];
}

const must = { required: true };

test("the input follows the schema, else the default", () => {
  const cases = [
    [{ type: "boolean" }, { default: true }, "bool", true],
    [INT, must, "int", ""],
    [{ type: "number" }, { default: 1.5 }, "float", "1.5"],
    [TEXT, { default: "all" }, "text", "all"],
    [{ anyOf: [TEXT, NONE] }, {}, "text", ""],
    [{ anyOf: [INT, NONE] }, { default: 3 }, "int", "3"],
    [{ anyOf: [{ type: "boolean" }, NONE] }, { default: false }, "choice", "1"],
    [{ type: ["integer", "null"] }, {}, "int", ""],
    [{}, { default: 3 }, "int", "3"],
    [{}, { default: "a" }, "text", "a"],
    [{}, must, "json", ""],
    [{ type: "object", additionalProperties: INT }, must, "json", ""],
    [COLOUR, { default: "blue" }, "choice", "1"],
    [{ anyOf: [{ $ref: "#/$defs/Colour" }, NONE], $defs: DEFS }, {}, "choice", ""],
    [{ const: "a", type: "string" }, must, "choice", "0"],
    [{ ...TEXT, format: "date" }, { default: "2024-02-29" }, "date", "2024-02-29"],
    [{ ...TEXT, format: "date-time" }, must, "datetime", ""],
    [
      { ...TEXT, format: "date-time" },
      { default: "2024-02-29T12:00:00Z" },
      "text",
      "2024-02-29T12:00:00Z",
    ],
    [{ ...TEXT, format: "time" }, { default: "08:30:00" }, "time", "08:30:00"],
    [{ ...TEXT, format: "password" }, { default: "**********" }, "secret", ""],
    [{ ...TEXT, format: "binary" }, must, "file", null],
    [{ ...TEXT, contentMediaType: "application/octet-stream" }, must, "file", null],
    [{ ...TEXT, format: "uuid" }, must, "text", ""],
    [DECIMAL, { default: "1.50" }, "decimal", "1.50"],
    [{ type: "array", items: INT }, { default: [1, 2] }, "list", ["1", "2"]],
    [{ anyOf: [INT, { type: "array", items: INT }] }, must, "union", { at: 0, raw: "" }],
    [{ anyOf: [{ type: "array", items: INT }, NONE] }, {}, "union", { at: 0, raw: null }],
  ];
  for (const [schema, given, kind, raw] of cases) {
    const made = field(schema, given);
    const what = JSON.stringify(schema);
    assert.equal(forms.inputOf(made).kind, kind, what);
    assert.deepEqual(forms.rawOf(made), raw, what);
  }
});

test("what was left as it was is not sent, so that the method's own default counts", () => {
  const fields = [field({ type: "array", items: INT }, { default: [1, 2] })];
  const raw = { x: forms.rawOf(fields[0]) };
  assert.deepEqual(forms.collect(fields, raw), { values: {}, faults: {} });
  assert.deepEqual(forms.collect(fields, { x: ["1", "5"] }).values, { x: [1, 5] });
  assert.deepEqual(forms.collect([field(TEXT, { default: "all" })], { x: "" }).values, { x: "" });
});

test("models are filled in field by field, and faults have their place", () => {
  const fields = [field({ $ref: "#/$defs/Order", $defs: DEFS }, must)];
  const raw = { x: forms.rawOf(fields[0]) };
  assert.deepEqual(raw.x, {
    ...{ item: "", amount: "1", password: "", lines: [] },
    next: { at: 0, raw: null },
  });
  assert.deepEqual(forms.collect(fields, raw).faults, { "x.item": "is required" });
  const line = forms.rawOf(forms.inputOf({ ...fields[0], schema: ORDER }).fields[3], [{}])[0];
  const order = { ...raw.x, item: "tea", amount: "x", lines: [line, { price: "1.50" }] };
  assert.deepEqual(forms.collect(fields, { x: order }).faults, {
    "x.amount": "is no whole number",
    "x.lines.0.price": "is required",
  });
  const inner = forms.rawOfOption({ ...fields[0], title: "Order" });
  const good = {
    ...order,
    ...{ amount: "2", lines: [{ price: "1.50" }] },
    next: { at: 1, raw: { ...inner, item: "more" } },
  };
  assert.deepEqual(forms.collect(fields, { x: good }).values, {
    x: { item: "tea", amount: 2, lines: [{ price: "1.50" }], next: { item: "more" } },
  });
});

test("texts that don't fit are refused, and numbers are not rounded", () => {
  const value = (schema, raw, given = must) => {
    const { values, faults } = forms.collect([field(schema, given)], { x: raw });
    return faults.x ?? values.x;
  };
  assert.equal(value(INT, "1.5"), "is no whole number");
  assert.equal(value(INT, "12345678901234567890"), "12345678901234567890");
  assert.equal(value({ type: "number" }, "x"), "is no number");
  assert.equal(value({ type: "number" }, "nan"), "nan");
  assert.equal(value(DECIMAL, "0.10"), "0.10");
  assert.equal(value(DECIMAL, "2.5"), 2.5);
  assert.equal(value(COLOUR, ""), "is required");
  assert.equal(value(COLOUR, "1"), "blue");
  assert.match(value({}, "{a: 1}"), /^is no JSON: .*Write it like 3, "text"/);
  assert.equal(value({ anyOf: [INT, NONE] }, "", { default: 3 }), null);
});

test("a file is its bytes in base64", () => {
  const raw = { x: { $bytes: "YQ==", name: "a.txt", size: 1 } };
  const sent = (format) => forms.collect([field({ ...TEXT, format }, must)], raw).values.x;
  assert.deepEqual(sent("binary"), { $bytes: "YQ==", name: "a.txt" });
  assert.equal(sent("base64"), "YQ==");
});

test("a fault is shown once: at its input, or at the union that holds it", () => {
  const faults = { "x.Order.item": "gone", "y.a": "bad" };
  assert.equal(forms.faultAt(faults, "x", "x.Order"), undefined);
  assert.equal(forms.faultAt(faults, "x", "x.integer"), "gone");
  assert.equal(forms.faultAt(faults, "y"), "bad");
  assert.equal(forms.faultAt(faults, "y", "y."), undefined);
});

test("secrets are not kept", () => {
  const fields = [field({ $ref: "#/$defs/Order", $defs: DEFS }, must)];
  const raw = { x: { ...forms.rawOf(fields[0]), item: "tea", password: "hush" } };
  assert.equal(forms.withoutSecrets(fields, raw).x.password, "");
  assert.equal(forms.withoutSecrets(fields, raw).x.item, "tea");
});

test("schemas that refer to themselves come to an end", () => {
  assert.deepEqual(
    forms.resolved({ $ref: "#/$defs/B" }, { $defs: { B: { $ref: "#/$defs/B" } } }),
    {},
  );
  const loop = { type: "object", required: ["a"], properties: { a: { $ref: "#/$defs/A" } } };
  const deep = forms.rawOf(field({ $ref: "#/$defs/A", $defs: { A: loop } }, must));
  assert.ok(JSON.stringify(deep).length < 100);
});
