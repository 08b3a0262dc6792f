// The values of rows: in a table, as CSV, and a long one as a whole. In come cells as query.mjs has
// them.

import { h, html } from "./vendor/htm-preact.mjs";
import { count } from "./format.mjs";
import { cellFacts } from "./query.mjs";
import { Asked, CopyButton, Dialog, useAsk } from "./ui.mjs";

/** A button that copies CSV, and says how much of it is cut. */
export function CopyCsv({ text, cut }) {
  return html`<${CopyButton} text=${text} title="Copy as CSV" />
    ${cut > 0 && html`<span class="muted">It cuts ${count(cut, "long value")}</span>`}`;
}

/** One value: NULL, a text, the beginning of a long one, or a link to the row it refers to. */
export function CellView({ cell, onWhole, onFollow }) {
  if (cell === null) return html`<em class="muted">NULL</em>`;
  const { text, cut, size } = cellFacts(cell);
  if (cut) {
    return html`<button class="plain" title="Show all of it" onClick=${onWhole}>
      ${text} <small>${size}</small>
    </button>`;
  }
  if (onFollow) return html`<button class="plain follow" onClick=${onFollow}>${text}</button>`;
  return text;
}

/** A value as a whole; one that is cut is asked for. */
export function ValueDialog({ client, title, text, args, onClose }) {
  const value = useAsk(client, args ? "value" : null, args);
  const found = args ? value.value : text;
  const whole = found === null ? "NULL" : (found?.text ?? found);
  const buttons = whole !== undefined && html`<${CopyButton} text=${whole} />`;
  return html`<${Dialog} title=${title} onClose=${onClose} buttons=${buttons}>
    ${args && whole === undefined && h(Asked, { of: value })}
    ${found?.size && html`<p class="muted">The beginning of ${cellFacts(found).size}.</p>`}
    ${whole !== undefined && html`<pre class="cause" tabindex="0" aria-label=${title}>${whole}</pre>`}
  <//>`;
}
