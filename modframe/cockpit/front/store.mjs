// What the view knows, as plain data. In comes news, out goes the next state; nothing is changed in
// place. Filters, orders and counts of modules and log lines stand here too.

const MOST_LINES = 100_000;
const CHANGE = / live in | stays live · |is not live · |(^| · )stopped$| changed · generation /;
export const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

export const NOTHING = {
  meta: null, // null until the first full news
  rows: {}, // id → row
  order: [], // ids
  detail: null, // { id, facts } of the watched module
  log: [], // oldest first
  ticks: null,
};

/** Return the state after a message of news. */
export function applyNews(state, news) {
  const base = news.full ? NOTHING : state;
  const rows = news.rows ? merged(base.rows, news.rows) : base.rows;
  return {
    meta: news.meta ? { ...base.meta, ...news.meta } : (base.meta ?? {}),
    rows,
    order: news.order ?? orderAfter(base.order, rows, news.rows),
    detail: news.detail ? detailAfter(base.detail, news.detail) : base.detail,
    log: news.log?.length ? [...base.log, ...news.log].slice(-MOST_LINES) : base.log,
    ticks: news.ticks ? { ...base.ticks, ...news.ticks } : base.ticks,
  };
}

function merged(known, changed) {
  const next = { ...known, ...changed };
  for (const [key, value] of Object.entries(changed)) if (value === null) delete next[key];
  return next;
}

function orderAfter(order, rows, changed = {}) {
  const kept = order.filter((id) => id in rows);
  const added = Object.keys(changed).filter((id) => id in rows && !order.includes(id));
  return added.length || kept.length < order.length ? [...kept, ...added] : order;
}

function detailAfter(known, { id, full, facts }) {
  const base = !full && known?.id === id ? known.facts : {};
  return { id, facts: merged(base, facts) };
}

/** Return the panels among the facts of a module; the rows of each are a fact of their own. */
export function panelsOf(facts) {
  const keys = Object.keys(facts).filter((key) => key.startsWith("panels."));
  return keys.sort().map((key) => ({ ...facts[key], rows: facts[key.replace("panels", "rows")] }));
}

/** Return a state as people read it: "FAILED_UNLOAD" → "failed unload". */
export function stateWord(state) {
  return state.toLowerCase().replaceAll("_", " ");
}

/** Return whether a module's health check found something. */
export function isIll({ health }) {
  return health === "degraded" || health === "unhealthy";
}

/** Return the ids that need attention, the most urgent first. */
export function attention({ rows, order }) {
  return order.filter((id) => rows[id].urgency).sort((a, b) => rows[a].urgency - rows[b].urgency);
}

export const SHOWN = {
  all: () => true,
  failing: (row) => Boolean(row.urgency),
  live: (row) => row.state === "LIVE",
  drafts: (row) => Boolean(row.draft),
};

/** Return whether all words of `wanted` occur in a text, in any case. */
function hasWords(text, wanted) {
  const said = text.toLowerCase();
  const words = wanted.toLowerCase().split(/\s+/);
  return words.every((word) => said.includes(word));
}

/** Return the rows in whose values all words of a text occur. */
export function rowsWith(rows, text) {
  return text ? rows.filter((row) => hasWords(Object.values(row).join(" "), text)) : rows;
}

/** Return the ids whose name has all words of `text` and that `show` (a key of SHOWN) lets through. */
export function visibleIds({ rows, order }, text = "", show = "all") {
  return order.filter((id) => SHOWN[show](rows[id]) && hasWords(id, text));
}

/** Return how many rows each key of SHOWN lets through. */
export function countShown({ rows, order }) {
  const count = (fits) => order.reduce((sum, id) => sum + fits(rows[id]), 0);
  return Object.fromEntries(Object.entries(SHOWN).map(([key, fits]) => [key, count(fits)]));
}

/** Return the log lines of at least a level, of one module (or all), with a text in them. */
export function visibleLines(log, { level = "DEBUG", module = "", text = "" }) {
  const below = new Set(LEVELS.slice(0, LEVELS.indexOf(level)));
  const wanted = new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
  return log.filter(
    (line) =>
      !below.has(line.level) &&
      (!module || line.module_id === module) &&
      (!text || wanted.test(line.message) || wanted.test(line.correlation_id ?? "")),
  );
}

/** Return the newest log lines that say what a change did to a module, the newest first. */
export function latestChanges(log, most = 12) {
  const found = [];
  for (let at = log.length - 1; at >= 0 && found.length < most; at--) {
    if (log[at].module_id && CHANGE.test(log[at].message)) found.push(log[at]);
  }
  return found;
}
