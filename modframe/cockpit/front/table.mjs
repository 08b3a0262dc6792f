// A sorted table of which only the rows in sight are drawn where there are many, and the same for any
// list of rows of equal height. In come columns and rows, out go elements.

import { h, html, useLayoutEffect, useMemo, useRef, useState } from "./vendor/htm-preact.mjs";
import { cellText, compareCells, quantity } from "./format.mjs";

const MOST_DRAWN = 200; // rows that stand in the document at once
const ROW_HEIGHT = 30; // px

/** Draw those rows of equal height (px) that are in sight: spread `area` on the box that scrolls, put
 * `drawn(items, draw, tag)` into it, where `draw` gets an item and its index and `tag` is that of what
 * stands for the others. `box` is a ref to that box, for who has one already. */
export function useWindow(total, height, box) {
  const own = useRef(null);
  const ref = box ?? own;
  const [view, setView] = useState({ top: 0, size: 600 });
  const virtual = total > MOST_DRAWN;
  const measure = () => {
    const box = ref.current;
    if (!box) return;
    const top = Math.floor(box.scrollTop / height);
    const size = box.clientHeight || 600;
    setView((old) => (old.top === top && old.size === size ? old : { top, size }));
  };
  useLayoutEffect(() => {
    if (!virtual) return;
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [virtual, total]);
  const area = { ref, onScroll: virtual ? measure : undefined };
  const from = virtual ? Math.max(0, Math.min(view.top, total) - 10) : 0;
  const to = virtual ? Math.min(total, view.top + Math.ceil(view.size / height) + 10) : total;
  const room = (rows, Tag) =>
    rows > 0 && html`<${Tag} role="presentation" style=${{ height: rows * height }}><//>`;
  const drawn = (items, draw, tag = "div") => [
    room(from, tag),
    items.slice(from, to).map((item, at) => draw(item, from + at)),
    room(total - to, tag),
  ];
  return { area, virtual, drawn };
}

/** A sorted table. Columns: [{ key, title, numeric?, mono?, value?(row), cell?(row) }];
 * those of a `flat` one have a line each. */
export function Table({
  columns,
  rows,
  rowKey,
  onRow,
  selected,
  label,
  sort: first,
  onSort,
  flat,
}) {
  const [own, setSort] = useState(first); // { key, down }
  const sort = onSort ? first : own;
  const full = useMemo(() => columns.map((column) => withDefaults(column, rows)), [columns, rows]);
  const sorted = useMemo(() => (onSort ? rows : sortedRows(full, rows, sort)), [full, rows, sort]);
  const part = useWindow(sorted.length, ROW_HEIGHT);
  if (!rows.length) return html`<p class="muted">Nothing to show.</p>`;
  const turn = onSort ?? ((key) => setSort({ key, down: sort?.key === key && !sort.down }));
  const keyOf = rowKey ?? ((_, at) => at);
  const line = (row, at) => {
    const key = keyOf(row, at);
    return h(TableRow, { key, row, columns: full, onRow, chosen: selected === key });
  };
  return html`<div class=${`card scroll table ${part.virtual || flat ? "virtual" : ""}`} tabindex="0" role="group"
    aria-label=${label} ...${part.area}>
    <table aria-rowcount=${sorted.length + 1}>
      <thead><tr>${full.map((column) => h(TableHead, { column, sort, turn, key: column.key }))}</tr></thead>
      <tbody>${part.drawn(sorted, line, "tr")}</tbody>
    </table>
  </div>`;
}

function TableHead({ column, sort, turn }) {
  const mine = sort?.key === column.key;
  const [order, mark] = mine ? (sort.down ? ["descending", " ↓"] : ["ascending", " ↑"]) : [];
  return html`<th class=${column.numeric ? "num" : ""} aria-sort=${order} scope="col">
    <button class="plain" onClick=${() => turn(column.key)}>${column.title}${mark}</button>
  </th>`;
}

function TableRow({ row, columns, onRow, chosen }) {
  const cells = columns.map(
    ({ key, numeric, mono, cell }) =>
      html`<td key=${key} class=${numeric ? "num" : mono ? "mono" : ""}>${cell(row)}</td>`,
  );
  if (!onRow) return html`<tr>${cells}</tr>`;
  const open = (event) => {
    if (event.type === "click" || event.key === "Enter") onRow(row);
  };
  return html`<tr class="link" tabindex="0" aria-selected=${chosen} onClick=${open} onKeyDown=${open}>
    ${cells}
  </tr>`;
}

function withDefaults(column, rows) {
  const value = column.value ?? ((row) => row[column.key]);
  const filled = rows
    .slice(0, MOST_DRAWN)
    .map(value)
    .filter((one) => cellText(one) !== "");
  const numeric = filled.length > 0 && filled.every((one) => quantity(one) !== null);
  return { numeric, cell: (row) => cellText(value(row)), ...column, value };
}

function sortedRows(columns, rows, sort) {
  const column = sort && columns.find((one) => one.key === sort.key);
  if (!column) return rows;
  const sign = sort.down ? -1 : 1;
  return [...rows].sort((a, b) => sign * compareCells(column.value(a), column.value(b)));
}
