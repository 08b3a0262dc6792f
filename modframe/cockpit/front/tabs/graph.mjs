// Graph: who needs whom, drawn and as text, and what started when. Of one module, what is within two
// steps of it; of many modules, first those that fail or block and those that are needed most. The
// kernel's side, operations/graph.py, chooses and places them.

import { h, html, useState } from "../vendor/htm-preact.mjs";
import { count, dayAndTime, duration, number, routeOf, shortName } from "../format.mjs";
import { stateWord } from "../store.mjs";
import { Table } from "../table.mjs";
import { Asked, ModuleLink, ModuleSelect, StateIcon, useAsk } from "../ui.mjs";

const HINT = "An arrow leads to what a module needs; a dashed one to what keeps it from starting.";
const BROKEN = { class: "toned warn", "stroke-width": 2, "stroke-dasharray": "6 3" };

export function GraphTab({ id, state, client, go }) {
  const [whole, setWhole] = useState(false);
  const [module, again] = [id ?? "", [state.rows]];
  const found = useAsk(client, "graph", { module, whole }, { again });
  const start = useAsk(client, "startup", { module }, { again });
  if (!found.value) return h(Asked, { of: found });
  const { nodes, total } = found.value;
  const open = (one) => go(one, "graph");
  const line = (one) => html`<li key=${one.id}>
    <${ModuleLink} id=${one.id} tab="graph" go=${go} />${one.said}
  </li>`;
  return html`<div class="stack">
    <div class="row wrap">
      ${!id && h(ModuleSelect, { order: state.order, value: "", onChange: open })}
      <span class="muted grow">${HINT}</span>
      ${total > nodes.length && html`<button onClick=${() => setWhole(true)}>Show all ${number(total)}</button>`}
    </div>
    <${Asked} of=${found}>${(drawing) => h(Drawing, { ...drawing, own: id, open })}<//>
    <details><summary>As text</summary><ul>${nodes.map(line)}</ul></details>
    <section aria-label="Start-up">
      <h2>Start-up</h2>
      <${Asked} of=${start}>${(times) => h(Waterfall, { ...times, own: id, go })}<//>
    </section>
  </div>`;
}

function Drawing({ width, height, nodes, edges, own, open }) {
  const edge = ({ path, broken }) => html`<path d=${path} ...${broken && BROKEN} />`;
  const node = (one) => h(Node, { ...one, own: one.id === own, open, key: one.id });
  return html`<div class="card scroll table graph" tabindex="0" role="group" aria-label="Graph">
    <svg width=${width} height=${height}>
      <g class="muted" fill="none" stroke="currentColor" aria-hidden="true">${edges.map(edge)}</g>${nodes.map(node)}
    </svg>
  </div>`;
}

function Node({ id, state, x, y, width, height, own, open }) {
  const name = shortName(id);
  const follow = (event) => {
    event.preventDefault();
    open(id);
  };
  const there = state !== "MISSING";
  const link = there && { href: routeOf(id, "graph"), onClick: follow, "data-module": id };
  return html`<${there ? "a" : "g"} ...${link} class="node" transform=${`translate(${x} ${y})`}
    aria-label=${`${name}, ${stateWord(state)}`} aria-current=${own ? "true" : null}>
    <title>${name}</title>
    <rect class=${own ? "toned accent" : "muted"} fill="var(--bg)" stroke="currentColor"
      stroke-width=${own ? 2 : 1} width=${width} height=${height} rx="4" />
    <g transform="translate(8 6)"><${StateIcon} state=${state} /></g>
    <svg x="25" width=${width - 30} height=${height}><text y="16">${name}</text></svg>
  <//>`;
}

function Waterfall({ at, took, modules, others, own, go }) {
  if (!modules.length)
    return html`<p class="muted">Nothing of it is live, so no times are known.</p>`;
  const name = ({ id }) =>
    id === own ? html`<strong>${shortName(id)}</strong>` : h(ModuleLink, { id, tab: "graph", go });
  const bar = ({ what, began, took: lasted }) =>
    html`<rect x=${(began / took) * 1000} width=${Math.max(2, (lasted / took) * 1000)} height="10">
      <title>${what}: ${duration(lasted)}</title></rect>`;
  const bars = ({ steps }) =>
    html`<svg class="toned accent" fill="currentColor" width="320" height="10" viewBox="0 0 1000 10"
      preserveAspectRatio="none">${steps.map(bar)}</svg>`;
  const columns = [
    { key: "id", title: "Module", cell: name },
    { key: "began", title: "Began", cell: (one) => duration(one.began) },
    { key: "took", title: "Took", cell: (one) => duration(one.took) },
    { key: "bars", title: "From the first to the last", cell: bars },
    { key: "longest", title: "Longest step" },
  ];
  const rest = others ? `, ${count(others, "other")} at another time` : "";
  const title = `${count(modules.length, "module")} in ${duration(took)}, ${dayAndTime(at)} UTC`;
  return html`<p class="muted">${title}${rest}</p>
    <${Table} label="Start-up" columns=${columns} rows=${modules} rowKey=${(one) => one.id} />`;
}
