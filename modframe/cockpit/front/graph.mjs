// Who needs whom. In come rows by id, out go ids with what each needs, and their places; no DOM here.

import { shortName } from "./format.mjs";
import { stateWord, urgency } from "./store.mjs";

const [MOST, STEPS] = [60, 2]; // modules shown at first, and how far from the one in the middle
const [SWEEPS, BENDS] = [4, 5]; // turns that order the columns; edges over more columns are straight
const GONE = { state: "FAILED" };

/** Return { rows, needs, users }: id → what it requires and what blocks it; id → who needs it. */
export function linksOf({ rows, order }) {
  const needs = new Map();
  const users = new Map(order.map((id) => [id, []]));
  for (const id of order) {
    const { requires = [], cause } = rows[id];
    needs.set(id, [...new Set([...requires, ...(cause?.blocked_by ?? [])])]);
    for (const other of needs.get(id)) users.set(other, [...(users.get(other) ?? []), id]);
  }
  return { rows, needs, users };
}

/** Return { ids, total }: what is shown around a module, or of everything if `id` is null. */
export function chosenIds({ rows, needs, users }, id, all) {
  const near = (steps) => [...new Set([...reach(id, needs, steps), ...reach(id, users, steps)])];
  const there = id ? near(Number.POSITIVE_INFINITY) : [...users.keys()];
  const rank = (one) => (one === id ? -1 : (urgency(rows[one] ?? GONE) ?? 9));
  const before = (a, b) => rank(a) - rank(b) || users.get(b).length - users.get(a).length;
  const first = (id ? near(STEPS) : [...there]).sort(before);
  return { ids: all ? there : first.slice(0, MOST), total: there.length };
}

function reach(id, side, steps) {
  const found = new Map([[id, 0]]);
  for (const [one, far] of found) {
    const next = far < steps ? (side.get(one) ?? []) : [];
    for (const other of next) if (!found.has(other)) found.set(other, far + 1);
  }
  return found.keys();
}

/** Return whether what a module needs keeps it from starting. */
export function isBroken(rows, from, to) {
  return rows[from].state !== "LIVE" && Boolean(rows[from].error) && rows[to]?.state !== "LIVE";
}

/** Return what follows a module's name: ", live, requires stock; is required by shop". */
export function sentenceOf(id, { rows, needs, users }) {
  const others = needs.get(id) ?? [];
  const blocked = others.filter((one) => isBroken(rows, id, one));
  const lists = { requires: others, "is required by": users.get(id), "is kept down by": blocked };
  const said = Object.entries(lists)
    .filter(([, ids]) => ids.length)
    .map(([verb, ids]) => `${verb} ${ids.map(shortName).join(", ")}`);
  return `, ${stateWord(rows[id]?.state ?? "MISSING")}, ${said.join("; ") || "stands alone"}`;
}

/** Place `ids` so that each stands left of what it needs; a circle is cut somewhere. Return { nodes:
 * [{ id, column, y }], edges: [{ from, to, points }] }: a node is 1 high, a bend has no id. */
export function layOut(ids, needs) {
  const shown = new Set(ids);
  const inside = (id) => (needs.get(id) ?? []).filter((one) => one !== id && shown.has(one));
  const depths = new Map();
  const depthOf = (id) => {
    if (depths.has(id)) return depths.get(id);
    depths.set(id, -1); // who comes back here has gone round a circle
    depths.set(id, 1 + Math.max(-1, ...inside(id).map(depthOf)));
    return depths.get(id);
  };
  const columns = Array.from({ length: 1 + Math.max(0, ...ids.map(depthOf)) }, () => []);
  const place = (id, column) => {
    columns[column].push({ id, column, y: columns[column].length, left: [], right: [] });
    return columns[column].at(-1);
  };
  const nodes = new Map(ids.map((id) => [id, place(id, columns.length - 1 - depths.get(id))]));
  const join = (start, end) => {
    const span = end.column - start.column - 1;
    const bends = span > 0 && span <= BENDS ? Array(span).fill(start.column + 1) : [];
    const points = [start, ...bends.map((first, at) => place(null, first + at)), end];
    points.slice(1).forEach((point, at) => {
      points[at].right.push(point);
      point.left.push(points[at]);
    });
    return { from: start.id, to: end.id, points };
  };
  const edges = ids.flatMap((id) => inside(id).map((to) => join(nodes.get(id), nodes.get(to))));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const [side, turn] = sweep % 2 ? ["right", [...columns].reverse()] : ["left", columns];
    for (const column of turn) settle(column, side);
  }
  const top = columns.flat().reduce((least, { y }) => Math.min(least, y), 0);
  for (const node of columns.flat()) node.y -= top;
  return { nodes: [...nodes.values()], edges };
}

/** Order a column by its neighbours on one side; each comes as near to them as there is room. */
function settle(column, side) {
  for (const node of column) {
    const sum = node[side].reduce((total, { y }) => total + y, 0);
    node.wish = node[side].length ? sum / node[side].length : node.y;
  }
  column.sort((a, b) => a.wish - b.wish);
  let [next, moved] = [Number.NEGATIVE_INFINITY, 0];
  for (const node of column) {
    node.y = Math.max(node.wish, next);
    next = node.y + (node.id ? 1 : 0.5);
    moved += (node.y - node.wish) / column.length;
  }
  for (const node of column) node.y -= moved;
}
