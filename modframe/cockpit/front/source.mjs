// Lines of a module's text with their numbers, as its cell or file numbers them.

import { html, useEffect, useRef } from "./vendor/htm-preact.mjs";
import { count } from "./format.mjs";

/** Numbered lines of a file, as the block `lines` has them. */
export function NumberedLines({ file, cell, origin, line, first, lines }) {
  const marked = useRef(null);
  useEffect(() => {
    const row = marked.current; // in the middle of its box, and nothing around is scrolled
    if (row) row.parentNode.scrollTop = row.offsetTop - row.parentNode.clientHeight / 2;
  }, []);
  const where = [file, cell].filter(Boolean).join(", ");
  const shown =
    first > 1 ? `lines ${first} to ${first + lines.length - 1}` : count(lines.length, "line");
  return html`<div class="card code source">
    <div class="diff-head">
      <strong class="mono">${where}</strong> <small>from ${origin}, ${shown}</small>
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
