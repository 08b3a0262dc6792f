// The files are joined to one text, so each top-level name stands in one file only, an import takes
// one line and renames nothing, and nothing makes markup out of text.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const FRONT = join(import.meta.dirname, "../../../modframe/cockpit/front");
const FILES = readdirSync(FRONT, { recursive: true })
  .filter((name) => name.endsWith(".mjs") && !name.startsWith("vendor"))
  .map((name) => ({ name, text: readFileSync(join(FRONT, name), "utf8") }));
const TOP = /^(?:export )?(?:async )?(?:function|const|let|class) (\w+)/gm;

test("a top-level name stands in one file only", () => {
  const seen = new Map();
  for (const { name, text } of FILES) {
    for (const [, found] of text.matchAll(TOP)) {
      assert.equal(seen.get(found), undefined, `${found}: ${seen.get(found)} and ${name}`);
      seen.set(found, name);
    }
  }
});

for (const { name, text } of FILES) {
  test(`${name} has imports and exports that can be joined, and makes no markup of text`, () => {
    for (const line of text.match(/^import .*$/gm) ?? []) {
      assert.match(line, /^import \{ [\w, ]+ \} from "\.[\w./-]+\.mjs";$/);
      assert.doesNotMatch(line, / as /);
    }
    assert.doesNotMatch(
      text,
      /innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function/,
    );
    if (name !== "entry.mjs") assert.doesNotMatch(text, /^export (default|\{|\*)/m);
  });
}
