// The plain table of a part's declaration: in comes one panel of `facts.panels`, out goes its table.

import { html } from "./vendor/htm-preact.mjs";
import { Empty, Table } from "./ui.mjs";

export function PanelTab({ facts, noun }) {
  const panel = facts.panels?.find((one) => one.noun === noun);
  if (!panel?.rows.length) return html`<${Empty} title=${`No ${noun} now`}>It had some before.<//>`;
  return html`<${PanelTable} panel=${panel} />`;
}

/** The table of a panel { title, columns, rows }; other tabs may use it for what they don't draw. */
export function PanelTable({ panel }) {
  const columns = panel.columns.map((title, at) => ({ key: at, title, mono: at === 0 }));
  return html`<${Table} columns=${columns} rows=${panel.rows} label=${panel.title} />`;
}
