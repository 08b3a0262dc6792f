// What came of a call or a request. In comes a value as `values.py` shows it (its kind is table,
// chart, image, json, text or failure), or the parts of an answer that comes piece by piece.

import { h, html, useEffect, useMemo, useState } from "./vendor/htm-preact.mjs";
import { count, duration, number, toCsv } from "./format.mjs";
import { Asked, Chart, Code, CopyButton, ErrorBox, Table, useAsk } from "./ui.mjs";

const MOST_BARS = 60; // with more values, or without labels, a chart is a line

export function ShownValue({ shown }) {
  const View = { table: ShownTable, chart: ShownChart, image: ShownImage, failure: ShownFailure };
  return h(View[shown.kind] ?? ShownText, { shown });
}

function ShownText({ shown }) {
  return html`<${Code} text=${shown.text} label="Result" />
    ${shown.more && html`<p class="muted">… ${number(shown.more)} more characters</p>`}`;
}

function ShownImage({ shown }) {
  const address = `data:${shown.media};base64,${shown.base64}`;
  return html`<img class="shown-image" alt="The result, an image" src=${address} />`;
}

function ShownFailure({ shown }) {
  return html`<${ErrorBox} error=${shown.error} />
    ${shown.details && h(ShownValue, { shown: shown.details })}`;
}

function ShownTable({ shown: { columns, rows, total } }) {
  const [drawn, setDrawn] = useState(false);
  const numeric = columns.findIndex((_, at) => rows.every((row) => typeof row[at] === "number"));
  const words = columns.findIndex((_, at) => at !== numeric);
  const chart = numeric >= 0 && rows.length > 1;
  const button = html`<button type="button" class="small" aria-pressed=${drawn}
    onClick=${() => setDrawn(!drawn)}>Chart</button>`;
  const heads = useMemo(() => columns.map((title, key) => ({ key, title })), [columns]);
  const series = {
    values: rows.map((row) => row[numeric]),
    labels: words < 0 ? [] : rows.map((row) => String(row[words])),
  };
  return html`
    <div class="row wrap">
      <span class="muted grow">${countOf(rows.length, total, "row")}</span>
      ${chart && button}
      <${CopyButton} text=${toCsv(columns, rows)} title="Copy as CSV" />
    </div>
    ${drawn && h(LabelledChart, { ...series, label: columns[numeric] })}
    ${!drawn && html`<${Table} columns=${heads} rows=${rows} label="Result" />`}
  `;
}

function ShownChart({ shown: { values, labels, total } }) {
  const rows = values.map((value, at) => [labels[at] ?? at, value]);
  return html`
    <div class="row wrap">
      <span class="muted grow">${countOf(values.length, total, "value")}</span>
      <${CopyButton} text=${toCsv(["", "value"], rows)} title="Copy as CSV" />
    </div>
    <${LabelledChart} values=${values} labels=${labels} label="values" />
  `;
}

function countOf(shown, total, noun) {
  return total > shown ? `the first ${number(shown)} of ${count(total, noun)}` : count(total, noun);
}

/** Numbers as bars where they have labels, else as a line, between the least and the highest. */
function LabelledChart({ values, labels, label }) {
  const [least, most] = [Math.min(...values), Math.max(...values)].map((one) => number(one, 3));
  const bars = labels.length > 0 && values.length <= MOST_BARS;
  const said = `${label}: ${count(values.length, "value")} from ${least} to ${most}`;
  return html`<figure>
    <small>${said}</small>
    <${Chart} values=${values} labels=${bars && labels} label=${said} height=${180} />
    <figcaption class="row">
      <small class="grow">${labels[0] ?? 0}</small><small>${labels.at(-1) ?? values.length - 1}</small>
    </figcaption>
  </figure>`;
}

/** The items of a stream so far, each as it came. */
export function ShownParts({ parts, label }) {
  if (!parts.length) return null;
  return html`<div class="card scroll box parts" tabindex="0" role="log" aria-label=${label}>
    ${parts.map((part, at) =>
      part.text === undefined
        ? h(ShownValue, { shown: part, key: at })
        : html`<pre key=${at}>${part.text}</pre>`,
    )}
  </div>`;
}

/** The button that starts something, Cancel, and how long it takes. */
export function RunButtons({ run, label = "Run" }) {
  const [now, setNow] = useState(0);
  useEffect(() => {
    if (!run.busy) return;
    const began = performance.now();
    const timer = setInterval(() => setNow(performance.now() - began), 100);
    return () => {
      clearInterval(timer);
      setNow(0);
    };
  }, [run.busy]);
  return html`<div class="row">
    <button class="primary" disabled=${run.busy}>${label}</button>
    ${run.busy && html`<button type="button" onClick=${run.cancel}>Cancel</button>`}
    <span class="muted num" role="status">
      ${run.busy ? `running ${(now / 1000).toFixed(1)} s` : run.ms !== undefined && `took ${duration(run.ms)}`}
    </span>
  </div>`;
}

/** A call or a request as text, asked of the kernel while it is unfolded. */
export function AsCode({ client, op, args }) {
  const [open, setOpen] = useState(false);
  return html`<details data-field="code" onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>As code</summary>${open && h(CodeTexts, { client, op, args })}
  </details>`;
}

function CodeTexts({ client, op, args }) {
  const asked = useAsk(client, op, args);
  const code = ({ title, text }) => html`<h3>${title}</h3><${Code} label=${title} text=${text} />`;
  return h(Asked, { of: asked }, (texts) => texts.map(code));
}
