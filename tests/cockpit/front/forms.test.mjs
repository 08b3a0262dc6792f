// What an input shows, and what is sent of it; fields are as the kernel's side makes them.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as forms from "../../../modframe/cockpit/front/forms.mjs";

const INT = { kind: "int" };
const CHOICE = { kind: "choice", choices: ["red", "blue"] };
const INTS = { kind: "list", item: { name: "", required: true, ...INT } };
const LINE = {
  kind: "object",
  fields: [{ name: "price", required: true, kind: "decimal" }],
};
const INNER = {
  kind: "object",
  title: "Order",
  takes: "object",
  required: true,
  fields: [{ name: "item", required: true, kind: "text" }],
};
const ORDER = {
  ...{ name: "x", required: true, kind: "object" },
  fields: [
    { name: "item", required: true, kind: "text" },
    { name: "amount", fallback: 1, ...INT },
    { name: "password", fallback: "", kind: "secret" },
    { name: "lines", fallback: [], kind: "list", item: { name: "", required: true, ...LINE } },
    { name: "next", kind: "union", options: [{ title: "none", none: true }, INNER] },
  ],
};
const must = { required: true };

/** A field called x. */
function field(input, given) {
  return { name: "x", required: false, ...input, ...given };
}

test("an input shows the default, or nothing", () => {
  const kinds = [
    { title: "integer", takes: "integer", ...must, ...INT },
    { title: "list of integer", takes: "array", ...must, ...INTS },
  ];
  const union = { kind: "union", options: kinds };
  const cases = [
    [{ kind: "bool" }, { fallback: true }, true],
    [{ kind: "bool" }, must, false],
    [INT, must, ""],
    [INT, { fallback: 3 }, "3"],
    [CHOICE, { fallback: "blue" }, "1"],
    [CHOICE, {}, ""],
    [{ kind: "choice", choices: [true, false] }, { fallback: false }, "1"],
    [{ kind: "choice", choices: ["a"] }, must, "0"],
    [{ kind: "secret" }, { fallback: "**********" }, ""],
    [{ kind: "file" }, must, null],
    [{ kind: "json" }, must, ""],
    [{ kind: "decimal" }, { fallback: "1.50" }, "1.50"],
    [INTS, { fallback: [1, 2] }, ["1", "2"]],
    [union, must, { at: 0, raw: "" }],
    [union, { fallback: [7] }, { at: 1, raw: ["7"] }],
    [ORDER.fields[4], {}, { at: 0, raw: null }],
  ];
  for (const [input, given, raw] of cases) {
    assert.deepEqual(forms.rawOf(field(input, given)), raw, JSON.stringify([input, given]));
  }
});

test("what was left as it was is not sent, so that the method's own default counts", () => {
  const fields = [field(INTS, { fallback: [1, 2] })];
  const raw = { x: forms.rawOf(fields[0]) };
  assert.deepEqual(forms.collect(fields, raw), { values: {}, faults: {} });
  assert.deepEqual(forms.collect(fields, { x: ["1", "5"] }).values, { x: [1, 5] });
  const text = field({ kind: "text" }, { fallback: "all" });
  assert.deepEqual(forms.collect([text], { x: "" }).values, { x: "" });
});

test("models are filled in field by field, and faults have their place", () => {
  const raw = { x: forms.rawOf(ORDER) };
  assert.deepEqual(raw.x, {
    ...{ item: "", amount: "1", password: "", lines: [] },
    next: { at: 0, raw: null },
  });
  assert.deepEqual(forms.collect([ORDER], raw).faults, { "x.item": "is required" });
  const line = forms.rawOf(ORDER.fields[3], [{}])[0];
  const order = { ...raw.x, item: "tea", amount: "x", lines: [line, { price: "1.50" }] };
  assert.deepEqual(forms.collect([ORDER], { x: order }).faults, {
    "x.amount": "is no whole number",
    "x.lines.0.price": "is required",
  });
  const good = {
    ...order,
    ...{ amount: "2", lines: [{ price: "1.50" }] },
    next: { at: 1, raw: { ...forms.rawOfOption(INNER), item: "more" } },
  };
  assert.deepEqual(forms.collect([ORDER], { x: good }).values, {
    x: { item: "tea", amount: 2, lines: [{ price: "1.50" }], next: { item: "more" } },
  });
});

test("texts that don't fit are refused, and numbers are not rounded", () => {
  const value = (input, raw, given = must) => {
    const { values, faults } = forms.collect([field(input, given)], { x: raw });
    return faults.x ?? values.x;
  };
  assert.equal(value(INT, "1.5"), "is no whole number");
  assert.equal(value(INT, "12345678901234567890"), "12345678901234567890");
  assert.equal(value({ kind: "float" }, "x"), "is no number");
  assert.equal(value({ kind: "float" }, "nan"), "nan");
  assert.equal(value({ kind: "decimal" }, "0.10"), "0.10");
  assert.equal(value({ kind: "decimal" }, "2.5"), 2.5);
  assert.equal(value(CHOICE, ""), "is required");
  assert.equal(value(CHOICE, "1"), "blue");
  assert.match(value({ kind: "json" }, "{a: 1}"), /^is no JSON: .*Write it like 3, "text"/);
  assert.equal(value({ ...INT, nullable: true }, "", { fallback: 3 }), null);
});

test("a file is its bytes in base64", () => {
  const raw = { x: { $bytes: "YQ==", name: "a.txt", size: 1 } };
  const sent = (encoded) => forms.collect([field({ kind: "file", encoded }, must)], raw).values.x;
  assert.deepEqual(sent(false), { $bytes: "YQ==", name: "a.txt" });
  assert.equal(sent(true), "YQ==");
});

test("a fault is shown once: at its input, or at the union that holds it", () => {
  const faults = { "x.Order.item": "gone", "y.a": "bad" };
  assert.equal(forms.faultAt(faults, "x", "x.Order"), undefined);
  assert.equal(forms.faultAt(faults, "x", "x.integer"), "gone");
  assert.equal(forms.faultAt(faults, "y"), "bad");
  assert.equal(forms.faultAt(faults, "y", "y."), undefined);
});

test("secrets are not kept", () => {
  const raw = { x: { ...forms.rawOf(ORDER), item: "tea", password: "hush" } };
  assert.equal(forms.withoutSecrets([ORDER], raw).x.password, "");
  assert.equal(forms.withoutSecrets([ORDER], raw).x.item, "tea");
});
