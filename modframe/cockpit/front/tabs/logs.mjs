// Logs: the tail of the log as a list of which only the lines in sight are drawn. In comes
// `state.log`; the level, the module and a text choose lines, and the newest one is followed. Older
// lines, which the view was not told, are asked for.

import { h, html, useLayoutEffect, useMemo, useState } from "../vendor/htm-preact.mjs";
import { count, shortName, timeOfDay } from "../format.mjs";
import { LEVELS, visibleLines } from "../store.mjs";
import { useWindow } from "../table.mjs";
import { Asked, Code, Empty, Linked, ModuleLink, ModuleSelect, Search } from "../ui.mjs";
import { Select, useAsk } from "../ui.mjs";

const LINE_HEIGHT = 22;
const MOST_OLDER = 20_000; // lines
const NAME_WIDTH = 18; // letters of a module's name
const LEVEL_OPTIONS = LEVELS.map((name) => [name, `${name} and above`]);
const LEVEL_TONES = { WARNING: "warn", ERROR: "bad", CRITICAL: "bad" };

export function LogsTab({ id, state, client, go }) {
  const [wanted, setWanted] = useState({ level: "DEBUG", module: "", text: "" });
  const [follow, setFollow] = useState(true);
  const [chosen, setChosen] = useState(null);
  const filter = id ? { ...wanted, module: id } : wanted;
  const told = useMemo(() => visibleLines(state.log, filter), [state.log, id, wanted]);
  const [most, setMost] = useState(0); // how many older lines are shown
  const asking = olderThan(state.log[0], told, filter, most);
  const older = useAsk(client, most > 0 ? "logs" : null, asking);
  const lines = useMemo(
    () => [...visibleLines((most && older.value?.lines) || [], filter), ...told],
    [told, older.value, most],
  );
  const hasMore = state.log.length > 0 && most < MOST_OLDER && (!most || older.value?.more);
  const more = () => setMost(Math.min(MOST_OLDER, 4 * most || 500));
  const change = (next) => [setMost(0), setWanted(next)];
  return html`<div class="column logs">
    <${LogFilter} ...${{ id, wanted, setWanted: change, follow, setFollow, order: state.order }} />
    <p class="row muted" role="status">
      ${count(lines.length, "line")}
      ${hasMore && html`<button class="small" disabled=${older.busy} onClick=${more}>Older lines</button>`}
    </p>
    ${most > 0 && html`<${Asked} of=${older} />`}
    ${
      lines.length
        ? html`<${LogLines} ...${{ lines, follow, setFollow, chosen, setChosen, id }} />`
        : html`<${Empty} title="No lines">Nothing was logged that fits these filters.<//>`
    }
    ${chosen && html`<${ChosenLine} line=${chosen} go=${go} close=${() => setChosen(null)} />`}
  </div>`;
}

function olderThan(first, told, filter, most) {
  const same = told.filter((line) => line.time === first?.time).length;
  return { ...filter, before: first?.time, same, most };
}

function LogFilter({ id, wanted, setWanted, follow, setFollow, order }) {
  const set = (key) => (value) => setWanted({ ...wanted, [key]: value });
  const { level, module, text } = wanted;
  return html`<div class="row wrap" role="group" aria-label="Filter">
    <${Select} label="Level" field="level" options=${LEVEL_OPTIONS} value=${level} onChange=${set("level")} />
    ${!id && html`<${ModuleSelect} order=${order} value=${module} onChange=${set("module")} />`}
    <${Search} label="Search in the log" hint="Search" data-field="text" value=${text} onInput=${set("text")} />
    <label class="row">
      <input type="checkbox" data-field="follow" checked=${follow}
        onChange=${(event) => setFollow(event.currentTarget.checked)} />
      Follow
    </label>
  </div>`;
}

function LogLines({ lines, follow, setFollow, chosen, setChosen, id }) {
  const part = useWindow(lines.length, LINE_HEIGHT);
  const box = part.area.ref;
  useLayoutEffect(() => {
    if (follow) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, follow]);
  const scrolled = (event) => {
    const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
    const atEnd = scrollTop + clientHeight > scrollHeight - 2 * LINE_HEIGHT;
    if (follow && !atEnd && event.currentTarget.matches(":hover, :focus-within")) setFollow(false);
    part.area.onScroll?.();
  };
  const draw = (line, at) => {
    const choose = () => setChosen(line);
    return h(LogLine, { line, chosen: line === chosen, choose, id, key: at });
  };
  return html`<div class="card grow scroll mono lines" tabindex="0" role="group" aria-label="Log lines"
    ref=${box} onScroll=${scrolled}>
    ${part.drawn(lines, draw)}
  </div>`;
}

function LogLine({ line, chosen, choose, id }) {
  const { time, level, module_id: module, message } = line;
  const tone = LEVEL_TONES[level];
  const name = shortName(module ?? "").slice(0, NAME_WIDTH);
  return html`<button tabindex="-1" class=${`plain row line ${chosen ? "chosen" : ""}`} onClick=${choose}>
    <span class="muted">${timeOfDay(time)}</span>
    <${tone ? "strong" : "span"} class=${`toned ${tone}`}>${level.padEnd(8)}<//>
    ${!id && html`<span class="muted">${name.padEnd(NAME_WIDTH)}</span>`}
    <span>${message}</span>
  </button>`;
}

function ChosenLine({ line, go, close }) {
  const request = line.correlation_id;
  const errors = { id: null, tab: "errors", args: { text: request }, go };
  return html`<div class="card box" role="group" aria-label="The chosen line">
    <div class="row">
      <strong class="grow">${line.level} ${shortName(line.module_id ?? "")}</strong>
      <span class="mono muted">${line.time}</span>
      <button class="small" onClick=${close}>Close</button>
    </div>
    <pre class="cause muted"><${Linked} text=${line.message} /></pre>
    ${request && html`<div class="mono">Request <${ModuleLink} ...${errors}>${request}<//></div>`}
    ${line.trace && html`<${Code} text=${line.trace} label="Traceback" />`}
  </div>`;
}
