// Lines of a module's text with their numbers, as its cell or file numbers them. In come a module, a
// file and a line; the operation `source` gives the text.

import { h, html, useEffect, useRef, useState } from "./vendor/htm-preact.mjs";
import { count } from "./format.mjs";
import { Asked, Dialog, useAsk } from "./ui.mjs";

/** Lines of a file. `of`: "live", "failed", "draft" or the key of a history's entry; `around`: how many
 * lines above and below `line` are shown, all if left out. `quiet` shows nothing where there are none. */
export function SourceLines({ client, id, file = "", line = 0, of = "live", around = 0, quiet }) {
  const found = useAsk(client, "source", { module: id, file, line, of, around });
  if (quiet && !found.value?.lines.length) return null;
  return h(Asked, { of: found }, (value) => h(NumberedLines, value));
}

function NumberedLines({ file, cell, origin, line, first, lines }) {
  const marked = useRef(null);
  useEffect(() => {
    const row = marked.current; // in the middle of its box, and nothing around is scrolled
    if (row) row.parentNode.scrollTop = row.offsetTop - row.parentNode.clientHeight / 2;
  }, []);
  const where = [file, cell].filter(Boolean).join(", ");
  return html`<div class="card code source">
    <div class="diff-head">
      <strong class="mono">${where}</strong> <small>from ${origin}, ${count(lines.length, "line")}</small>
    </div>
    <pre tabindex="0" role="group" aria-label=${`Text of ${where}`}>
      ${lines.map((text, at) => {
        const mine = first + at === line;
        return html`<div class=${mine ? "marked" : ""} ref=${mine ? marked : null}
          aria-current=${mine ? "true" : null}>
          <span class="muted number">${String(first + at).padStart(4)}  </span>${text}
        </div>`;
      })}
    </pre>
  </div>`;
}

/** A button that opens the text of a function: `source` is { file, line }. */
export function SourceButton({ client, id, source, title }) {
  const [open, setOpen] = useState(false);
  if (!source) return null;
  const dialog = { title: source.file, onClose: () => setOpen(false) };
  return html`<button type="button" class="small" data-action="source" onClick=${() => setOpen(true)}>
      ${title}
    </button>
    ${open && h(Dialog, dialog, h(SourceLines, { client, id, ...source }))}`;
}
