// Pages of rows, their cells, and the text of a query. In come plain data and texts, out go plain
// data and texts; no DOM here. A cell is null, a text, or { text, size, unit } for one that is cut.

import { bytes, count, number, toCsv } from "./format.mjs";

const SHOWN_OF_VALUE = 120; // characters of a value that stand in a table

/** Return a cell as it stands in a table: { text, cut, size? }; `size` only where it is long. */
export function cellFacts(cell) {
  const { text, size, unit } = typeof cell === "string" ? { text: cell } : cell;
  const cut = size !== undefined || text.length > SHOWN_OF_VALUE || text.includes("\n");
  if (!cut) return { text, cut };
  const length = unit === "bytes" ? bytes(size) : count(size ?? text.length, "character");
  return { text: `${text.slice(0, SHOWN_OF_VALUE)}…`, cut, size: length };
}

/** Return rows as CSV, and how many values of it are cut. */
export function rowsAsCsv(head, rows) {
  const isCut = (cell) => cell !== null && typeof cell === "object";
  const texts = rows.map((row) => row.map((cell) => (isCut(cell) ? `${cell.text}…` : cell)));
  return { text: toCsv(head, texts), cut: rows.flat().filter(isCut).length };
}

/** Return where a page stands: (100, 100, 1001) → "101–200 of 1,001". */
export function pageWords(offset, shown, total) {
  const of = total === undefined ? "" : ` of ${number(total)}`;
  return shown ? `${number(offset + 1)}–${number(offset + shown)}${of}` : `No rows${of}`;
}

/** Return the offset of the last page. */
export function lastOffset(total, size) {
  return Math.max(0, Math.floor((total - 1) / size) * size);
}

/** Return a query with a word put in place of what was begun: { query, at }. */
export function completed(query, from, at, word) {
  return { query: query.slice(0, from) + word + query.slice(at), at: from + word.length };
}

/** Return the queries with one more at the end; one that was run before moves there. */
export function withQuery(queries, query) {
  return [...queries.filter((one) => one !== query), query].slice(-100);
}

/** Return the query `step` back (-1) or forward (1) from `at`, with its place; `draft` is the end. */
export function recalled(queries, at, step, draft) {
  const place = Math.max(0, Math.min(queries.length, at + step));
  return { at: place, query: queries[place] ?? draft };
}

/** Return a query as a notebook's cell. */
export function asCell(query) {
  return `%%sql\n${query.trim()}\n`;
}
