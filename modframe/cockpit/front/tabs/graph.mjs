// Graph: who needs whom, drawn and as text, and what started when. Of one module, what is within two
// steps of it; of many modules, first those that fail or block and those that are needed most.

import { h, html, useMemo, useState } from "../vendor/htm-preact.mjs";
import { count, dayAndTime, duration, number, routeOf, shortName } from "../format.mjs";
import { chosenIds, isBroken, layOut, linksOf, sentenceOf } from "../graph.mjs";
import { stateWord } from "../store.mjs";
import { Asked, ModuleLink, ModuleSelect, StateIcon, Table, useAsk } from "../ui.mjs";

const [WIDE, COLUMN, ROW] = [152, 200, 32]; // px of a node, and from one to the next
const HINT = "An arrow leads to what a module needs; a dashed one to what keeps it from starting.";

export function GraphTab({ id, state, client, go }) {
  const [whole, setWhole] = useState(null); // what is shown in full: an id, or "" for everything
  const { rows, order } = state;
  const links = useMemo(() => linksOf({ rows, order }), [rows, order]);
  const { ids, total } = useMemo(
    () => chosenIds(links, id, whole === (id ?? "")),
    [links, id, whole],
  );
  const start = useAsk(client, "startup", { module: id ?? "" }, { again: [rows] });
  const open = (one) => go(one, "graph");
  const line = (one) => html`<li key=${one}>
    <${ModuleLink} id=${one} tab="graph" go=${go} />${sentenceOf(one, links)}
  </li>`;
  return html`<div class="stack">
    <div class="row wrap">
      ${!id && h(ModuleSelect, { order, value: "", onChange: open })}
      <span class="muted grow">${HINT}</span>
      ${total > ids.length && html`<button onClick=${() => setWhole(id ?? "")}>Show all ${number(total)}</button>`}
    </div>
    <${Drawing} ...${{ id, ids, links, open }} />
    <details><summary>As text</summary><ul>${ids.map(line)}</ul></details>
    <section aria-label="Start-up">
      <h2>Start-up</h2>
      <${Asked} of=${start}>${(found) => h(Waterfall, { ...found, id, open })}<//>
    </section>
  </div>`;
}

function Drawing({ id, ids, links: { rows, needs }, open }) {
  const { nodes, edges } = useMemo(() => layOut(ids, needs), [ids, needs]);
  const most = (key) => nodes.reduce((found, node) => Math.max(found, node[key]), 0);
  const edge = ({ from, to, points }) => {
    const broken = isBroken(rows, from, to);
    const look = broken && { class: "toned warn", "stroke-width": 2, "stroke-dasharray": "6 3" };
    return html`<path key=${`${from} ${to}`} d=${pathOf(points)} ...${look} />`;
  };
  const node = (one) =>
    h(Node, { ...one, row: rows[one.id], own: one.id === id, open, key: one.id });
  return html`<div class="card table graph" tabindex="0" role="group" aria-label="Graph">
    <svg width=${(most("column") + 1) * COLUMN} height=${(most("y") + 1) * ROW + 8}>
      <g class="muted" fill="none" stroke="currentColor" aria-hidden="true">${edges.map(edge)}</g>${nodes.map(node)}
    </svg>
  </div>`;
}

function Node({ id, row, own, open, ...place }) {
  const [name, state, [x, y]] = [shortName(id), row?.state ?? "MISSING", leftOf(place)];
  const follow = (event) => {
    event.preventDefault();
    open(id);
  };
  const link = row && { href: routeOf(id, "graph"), onClick: follow, "data-module": id };
  return html`<${row ? "a" : "g"} ...${link} class="node" transform=${`translate(${x} ${y - 12})`}
    aria-label=${`${name}, ${stateWord(state)}`} aria-current=${own ? "true" : null}>
    <title>${name}</title>
    <rect class=${own ? "toned accent" : "muted"} stroke="currentColor" stroke-width=${own ? 2 : 1}
      width=${WIDE} height="24" rx="4" />
    <g transform="translate(8 6)"><${StateIcon} state=${state} /></g>
    <text x="25" y="16">${name.length > 16 ? `${name.slice(0, 15)}…` : name}</text>
  <//>`;
}

function leftOf({ column, y }) {
  return [column * COLUMN + 24, (y + 0.5) * ROW + 4];
}

/** Return the path of an edge, with its head; one that closes a circle leads back. */
function pathOf([first, ...rest]) {
  const [[x, y], back] = [leftOf(first), rest[0].column <= first.column];
  let path = `M${back ? x : x + WIDE} ${y}`;
  for (const point of rest) {
    const [left, top] = leftOf(point);
    path += back ? `L${left + WIDE} ${top}` : `S${left - 24} ${top} ${left} ${top}`;
    path += point.id ? "" : `h${WIDE}`;
  }
  return `${path}m${back ? 6 : -6} -4l${back ? -6 : 6} 4l${back ? 6 : -6} 4`;
}

function Waterfall({ at, took, modules, others, id, open }) {
  if (!modules.length)
    return html`<p class="muted">Nothing of it is live, so no times are known.</p>`;
  const longest = ({ steps }) => steps.reduce((a, b) => (b.took > a.took ? b : a)).what;
  const bar = ({ what, began, took: lasted }) =>
    html`<rect x=${(began / took) * 1000} width=${Math.max(2, (lasted / took) * 1000)} height="10">
      <title>${what}: ${duration(lasted)}</title></rect>`;
  const bars = ({ steps }) =>
    html`<svg class="waterfall toned accent" fill="currentColor" viewBox="0 0 1000 10" preserveAspectRatio="none">${steps.map(bar)}</svg>`;
  const columns = [
    { key: "id", title: "Module", cell: (one) => shortName(one.id) },
    { key: "began", title: "Began", cell: (one) => duration(one.began) },
    { key: "took", title: "Took", cell: (one) => duration(one.took) },
    { key: "bars", title: "From the first to the last", cell: bars },
    { key: "longest", title: "Longest step", value: longest },
  ];
  const rest = others ? `, ${count(others, "other")} at another time` : "";
  const title = `${count(modules.length, "module")} in ${duration(took)}, ${dayAndTime(at)} UTC`;
  return html`<p class="muted">${title}${rest}</p>
    <${Table} label="Start-up" columns=${columns} rows=${modules} rowKey=${(one) => one.id}
      selected=${id} onRow=${(one) => open(one.id)} />`;
}
