// Values as text. In come numbers, times and strings, out go strings and plain data; no DOM here.

const UNITS = { "": 1, ms: 1e-3, s: 1, min: 60, h: 3600, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, "%": 1 };
const NUMERAL = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/;
const QUANTITY = /^(?:< )?(-?\d[\d,]*(?:\.\d+)?) ?(ms|s|min|h|B|kB|MB|GB|%)?$/;

/** Return a number with separators and at most `digits` behind the point: 12345.678 → "12,345.7". */
export function number(value, digits = 1) {
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** Return milliseconds as text: 0.4 → "< 1 ms", 250 → "250 ms", 12300 → "12.3 s". */
export function duration(ms) {
  if (ms < 1) return "< 1 ms";
  if (ms < 1000) return `${number(ms, 0)} ms`;
  return ms < 60_000 ? `${number(ms / 1000)} s` : `${number(ms / 60_000)} min`;
}

/** Return a number of bytes as text: 1536 → "1.5 kB". */
export function bytes(value) {
  const [unit, size] = value < 1e3 ? ["B", 1] : value < 1e6 ? ["kB", 1e3] : ["MB", 1e6];
  return `${number(value / size)} ${unit}`;
}

/** Return the time of day of an ISO timestamp, as it is written there: "14:03:21". */
export function timeOfDay(stamp) {
  return /T?(\d\d:\d\d:\d\d)/.exec(stamp)?.[1] ?? stamp;
}

/** Return the date and the time of day of an ISO timestamp: "2026-01-31 14:03:21". */
export function dayAndTime(stamp) {
  return stamp.slice(0, 19).replace("T", " ");
}

/** Return a count with its noun: (1, "route") → "1 route", (3, "route") → "3 routes". */
export function count(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Return what a number with a unit is worth ("250 ms" → 0.25); null for any other text. */
export function quantity(text) {
  const found = QUANTITY.exec(String(text ?? "").trim());
  return found && Number(found[1].replaceAll(",", "")) * UNITS[found[2] ?? ""];
}

/** Compare two cells: by what they are worth if both are quantities, else as words. */
export function compareCells(a, b) {
  const [left, right] = [quantity(a), quantity(b)];
  if (left !== null && right !== null) return left - right;
  return String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true });
}

/** Return a cell's value as text: nothing for null, JSON for objects. */
export function cellText(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Return rows as CSV (RFC 4180) with a head. Text that a spreadsheet would run gets a quote first. */
export function toCsv(head, rows) {
  const cell = (value) => {
    const text = cellText(value);
    const runs = typeof value === "string" && /^[=+\-@\t\r]/.test(text) && !NUMERAL.test(text);
    const safe = runs ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [head, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/** Return the lines of a unified diff without those that name its files. */
export function diffLines(text) {
  const lines = text.replace(/\n$/, "").split("\n");
  return lines.filter((line) => !/^(\+\+\+|---) /.test(line));
}

/** Split text at its addresses: [{ text, href? }]. Only http:// and https:// become links. */
export function linkParts(text) {
  return String(text)
    .split(/(https?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}])/)
    .filter(Boolean)
    .map((part) => (/^https?:\/\/./.test(part) ? { text: part, href: part } : { text: part }));
}

/** Return an id without the type that goes without saying: "standard.orders" → "orders". */
export function shortName(id) {
  return id.startsWith("standard.") ? id.slice("standard.".length) : id;
}

/** Return an id with its type: "orders" → "standard.orders". */
export function longName(name) {
  return name.includes(".") ? name : `standard.${name}`;
}

/** Return the address of a tab: ("standard.orders", "history") → "#/orders/history". */
export function routeOf(module, tab, args = {}) {
  const query = Object.keys(args).length > 0 ? `?${new URLSearchParams(args)}` : "";
  const name = module ? encodeURIComponent(shortName(module)) : "-";
  return `#/${name}/${encodeURIComponent(tab)}${query}`;
}

/** Return { module, tab, args } of an address: what is shown, and what its view is asked with. */
export function placeOf(hash) {
  const [path, query] = hash.replace(/^#?\/?/, "").split("?");
  const [name, tab] = path.split("/").map(decoded);
  const module = name && name !== "-" ? longName(name) : null;
  return { module, tab: tab || "overview", args: Object.fromEntries(new URLSearchParams(query)) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a broken address is shown as it is
  }
}

/** Return where a finding is: "api.py, Cell In[3], line 7". */
export function placeText({ file, cell, line }) {
  return [file, cell, line && `line ${line}`].filter(Boolean).join(", ");
}
