// The parts that every tab is made of. In come plain data and a client, out go elements. Strings are
// text children everywhere; the signatures are listed at the head of tabs.mjs.

import { h, html, useEffect, useLayoutEffect, useRef, useState } from "./vendor/htm-preact.mjs";
import { diffLines, linkParts, number, placeText, routeOf, shortName } from "./format.mjs";
import { stateWord } from "./store.mjs";

const MOST_PARTS = 1000; // parts of one answer that are kept

const SHAPES = {
  dot: "M6 2a4 4 0 1 0 0 8a4 4 0 1 0 0-8z",
  ring: "M6 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9zM6 3.2a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 1 1 0-5.6z",
  half: "M6 1.5a4.5 4.5 0 1 0 0 9zM6 1.5a4.5 4.5 0 0 1 0 9v-1.5a3 3 0 0 0 0-6z",
  cross:
    "M2.8 1.4L6 4.6 9.2 1.4 10.6 2.8 7.4 6 10.6 9.2 9.2 10.6 6 7.4 2.8 10.6 1.4 9.2 4.6 6 1.4 2.8z",
  triangle: "M6 1.2L11.2 10.5H.8z",
  bar: "M1.5 4.9h9v2.2h-9z",
  pen: "M8.6 1.2l2.2 2.2-6.2 6.2-3 .8.8-3z",
  squares: "M1.5 1.5h3.8v3.8H1.5zM6.7 1.5h3.8v3.8H6.7zM1.5 6.7h3.8v3.8H1.5zM6.7 6.7h3.8v3.8H6.7z",
  check: "M1.2 6.4L2.7 4.9 4.7 6.9 9.4 2.2 10.9 3.7 4.7 9.9z",
};
const MARKS = {
  "dot good": ["live"],
  "half busy": ["starting", "stopping", "drains", "running"],
  "bar calm": ["disabled", "skipped"],
  "pen calm": ["draft"],
  "triangle warn": ["blocked", "degraded", "restarting", "pending", "allowed"],
  "cross bad": [
    "failed",
    "failed unload",
    "unhealthy",
    "needed, not allowed yet",
    "not possible here",
  ],
  "check good": ["passed", "healthy", "done"],
  "check calm": ["expected"],
  "ring warn": ["not run"],
  "ring calm": ["stopped"], // and what is not known here
};
const NOTE_SHAPES = { good: "check", warn: "triangle", bad: "cross", calm: "dot" };
const DIFF_KINDS = { "+": "added", "-": "removed" };
const LEVEL_BADGES = { error: "bad", warning: "warn", info: "calm" };

export function Icon({ shape, tone = "calm", title }) {
  return html`<svg class=${`icon ${tone}`} width="11" height="11" viewBox="0 0 12 12"
    role=${title && "img"} aria-label=${title} aria-hidden=${title ? null : "true"}>
    <path fill-rule="evenodd" d=${SHAPES[shape]} />
  </svg>`;
}

/** A state by its icon and its word: a module's, its health, or how a test ended. */
export function State({ state, word = stateWord(state) }) {
  const [shape, tone] = markOf(state);
  return html`<${Badge} tone=${tone}><${Icon} shape=${shape} tone=${tone} />${word}<//>`;
}

/** Return the shape and the tone of a state. */
function markOf(state) {
  const marks = Object.keys(MARKS);
  const mark = marks.find((one) => MARKS[one].includes(stateWord(state))) ?? marks.at(-1);
  return mark.split(" ");
}

/** The icon of a state alone, where there is no room for its word. */
export function StateIcon({ state }) {
  const [shape, tone] = markOf(state);
  return html`<${Icon} shape=${shape} tone=${tone} title=${stateWord(state)} />`;
}

/** A small word in a frame; tones: calm, good, warn, bad, busy. */
export function Badge({ tone = "calm", children }) {
  return html`<span class=${`badge small ${tone}`}>${children}</span>`;
}

/** A line with the icon of its tone: good, warn, bad or calm. */
export function Note({ tone, children }) {
  return html`<p class="row" role="status">
    <${Icon} shape=${NOTE_SHAPES[tone]} tone=${tone} /><span>${children}</span>
  </p>`;
}

/** Text in which http:// and https:// addresses are links. */
export function Linked({ text }) {
  return linkParts(text).map((part) =>
    part.href
      ? html`<a href=${part.href} target="_blank" rel="noreferrer noopener">${part.text}</a>`
      : part.text,
  );
}

/** A link to a module's tab, which says the module's name if it says nothing else; `go` is what the
 * tab was given, `args` what a view there is asked with. */
export function ModuleLink({ id, tab = "overview", args, go, children }) {
  const follow = (event) => {
    event.preventDefault();
    go(id, tab, args);
  };
  return html`<a href=${routeOf(id, tab, args)} data-module=${id} onClick=${follow}>
    ${children ?? shortName(id)}
  </a>`;
}

/** What stands where there is nothing: what would be here, and how it comes about. */
export function Empty({ title, children }) {
  return html`<div class="empty muted">${title && html`<strong>${title}</strong>`}<div>${children}</div></div>`;
}

/** An error (a string, or { message, type, place, cure, trace, code }) with place, cause, next step;
 * nothing where there is none. Children stand below the cause, which `mono` leaves aligned. */
export function ErrorBox({ error, title, mono, children }) {
  if (!error) return null;
  const facts = typeof error === "string" ? { message: error } : error;
  const { type, message, place, cure, trace, code } = facts;
  const head = title ?? [type, code && `(${code})`].filter(Boolean).join(" ");
  return html`<div class="row base card box error tinted" role="group" aria-label="Error">
    <${Icon} shape="cross" tone="bad" />
    <div class="grow">
      ${head && html`<strong>${head}</strong>`}
      ${place && html`<div class="mono muted">${place}</div>`}
      <div class=${mono ? "cause mono" : "cause"}><${Linked} text=${message} /></div>
      ${children}
      ${cure && html`<p><strong>Next step: <${Linked} text=${cure} /></strong></p>`}
      ${trace && html`<details><summary>Traceback</summary><${Code} text=${trace} /></details>`}
    </div>
  </div>`;
}

/** What a check found: { level, message, cure?, code? or rule?, and the place's file, cell, line }. */
export function Finding({ finding }) {
  const { level, message, cure, code, rule } = finding;
  return html`<div class="row base box">
    <${Badge} tone=${LEVEL_BADGES[level]}>${level}<//>
    <div class="grow">
      <div class="mono muted">${placeText(finding)}</div>
      <div class="cause"><${Linked} text=${message} /></div>
      ${cure && html`<p><strong>Next step: <${Linked} text=${cure} /></strong></p>`}
    </div>
    <span class="mono muted">${code || rule}</span>
  </div>`;
}

/** Put a text on the clipboard; on a page without a secure context by the browser's old way. */
async function copyText(text, near) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    near.after(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

export function CopyButton({ text, title = "Copy" }) {
  const [done, setDone] = useState(false);
  const copy = async (event) => {
    await copyText(text, event.currentTarget);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return html`<button class="small" onClick=${copy}>${done ? "Copied" : title}</button>`;
}

/** Code in monospace with a button that copies it. */
export function Code({ text, label = "Code" }) {
  return html`<div class="card box row base code">
    <pre class="grow" tabindex="0" role="group" aria-label=${label}>${text}</pre>
    <${CopyButton} text=${text} />
  </div>`;
}

/** Changed files: [{ file, added, removed, text }], the text a unified diff. */
export function Diff({ files }) {
  if (!files?.length) return html`<p class="muted">No file differs.</p>`;
  return files.map(
    ({ file, added, removed, text }) => html`<div class="card diff" key=${file}>
      <div class="row diff-head">
        <strong class="mono">${file}</strong>
        <span class="added">+${added}</span> <span class="removed">−${removed}</span>
      </div>
      <pre tabindex="0" role="group" aria-label=${`Differences of ${file}`}>
        ${diffLines(text).map((line) => html`<div class=${DIFF_KINDS[line[0]]}>${line || " "}</div>`)}
      </pre>
    </div>`,
  );
}

/** Values as a line over its area, or as bars where each has a label; nulls count as zero. */
export function Chart({ values, label, labels, tone = "accent", height = 30 }) {
  const shown = values.map((value) => value ?? 0);
  const least = Math.min(0, ...shown);
  const most = Math.max(1e-9, ...shown);
  const step = 600 / shown.length;
  const heightOf = (value) => 100 - ((value - least) / (most - least)) * 100;
  const line = shown.map((value, at) => `${(at + 0.5) * step},${heightOf(value)}`).join(" ");
  const bar = (value, at) => {
    const [top, bottom] = [heightOf(Math.max(value, 0)), heightOf(Math.min(value, 0))];
    return html`<rect fill="var(--tone)" stroke="none" x=${(at + 0.1) * step} y=${top} width=${step * 0.8}
      height=${Math.max(bottom - top, 0.5)}><title>${labels[at]}: ${value}</title></rect>`;
  };
  return html`<svg class=${`chart ${tone}`} width="100%" height=${height} viewBox="0 -2 600 104"
    preserveAspectRatio="none" role="img" aria-label=${label}>
    ${
      labels
        ? shown.map(bar)
        : html`<polygon stroke="none" points=${`0,100 ${line} 600,100`} />
          <polyline fill="none" stroke-width="1.5" vector-effect="non-scaling-stroke" points=${line} />`
    }
  </svg>`;
}

/** A number with its name and, where there are values, their line. */
export function Stat({ title, value, unit = "", values, tone }) {
  const shown = typeof value === "number" ? number(value) : (value ?? "–");
  const label = `${title}: now ${shown} ${unit}, highest ${number(Math.max(0, ...(values ?? [])))}`;
  return html`<div class="card box">
    <div class="muted">${title}</div>
    <strong class="title">${shown}${unit && html`<small> ${unit}</small>`}</strong>
    ${values?.length > 1 && h(Chart, { values, tone, label })}
  </div>`;
}

/** Tabs with arrow keys. Tabs: [{ key, title, count? }]; the children are the panel. */
export function Tabs({ tabs, current, onSelect, label, children }) {
  const list = useRef(null);
  useLayoutEffect(() => {
    const chosen = list.current.querySelector("[aria-selected=true]");
    if (chosen) scrollToSide(list.current, chosen);
  }, [current]);
  const move = (event) => {
    const at = tabs.findIndex((tab) => tab.key === current);
    const jumps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 };
    if (!(event.key in jumps)) return;
    event.preventDefault();
    const to = (jumps[event.key] + tabs.length) % tabs.length;
    onSelect(tabs[to].key);
    list.current.children[to].focus();
  };
  return html`<div class="row tabs" role="tablist" aria-label=${label} ref=${list} onKeyDown=${move}>
      ${tabs.map(({ key, title, count: amount }) => {
        const chosen = key === current;
        return html`<button class="plain muted" role="tab" id=${`tab-${key}`} key=${key}
          data-tab=${key} aria-selected=${chosen} aria-controls="panel" tabindex=${chosen ? 0 : -1}
          onClick=${() => onSelect(key)}>
          ${title}${amount > 0 && html` <small>${amount}</small>`}
        </button>`;
      })}
    </div>
    <div class="grow scroll panel" role="tabpanel" id="panel" tabindex="0" key=${current}
      aria-labelledby=${`tab-${current}`}>
      ${children}
    </div>`;
}

/** Scroll a box, and nothing around it, until one of its children is in sight. */
function scrollToSide(box, { offsetLeft: left, offsetWidth: width }) {
  box.scrollLeft = Math.max(left + width - box.clientWidth, Math.min(left, box.scrollLeft));
}

/** One of several views: `options` is key → title, `counts` the number beside each. */
export function Segments({ label, options, counts, value, onSelect }) {
  return html`<div class="row segments" role="group" aria-label=${label}>
    ${Object.entries(options).map(
      ([key, title]) =>
        html`<button class="plain small" key=${key} data-field=${key} aria-pressed=${key === value}
          onClick=${() => onSelect(key)}>
          ${title}${counts && html` <small>${number(counts[key])}</small>`}
        </button>`,
    )}
  </div>`;
}

/** A choice of one of `options`, which is [[value, title]]; `onChange` gets the value, a text. */
export function Select({ label, field, options, value, onChange }) {
  return html`<select aria-label=${label} data-field=${field} value=${value}
    onChange=${(event) => onChange(event.currentTarget.value)}>
    ${options.map(([key, title]) => html`<option key=${key} value=${key}>${title}</option>`)}
  </select>`;
}

/** A choice of one module, or of all, whose value is "". */
export function ModuleSelect({ order, ...select }) {
  const options = [["", "All modules"], ...order.map((id) => [id, shortName(id)])];
  return html`<${Select} label="Module" field="module" options=${options} ...${select} />`;
}

/** A field for words to search for; `onInput` gets them. */
export function Search({ label, hint = label, onInput, ...props }) {
  return html`<input class="grow" type="search" placeholder=${hint} aria-label=${label} ...${props}
    onInput=${(event) => onInput(event.currentTarget.value)} />`;
}

/** A dialog over everything; Escape and `onClose` close it. `buttons` stand beside the one that
 * closes it, which is called `end`. */
export function Dialog({ title, onClose, end = "Close", buttons, children }) {
  const ref = useRef(null);
  useLayoutEffect(() => {
    const before = ref.current.getRootNode().activeElement;
    ref.current.showModal();
    return () => before?.focus?.();
  }, []);
  return html`<dialog class="card column" ref=${ref} aria-labelledby="dialog-title" onClose=${onClose}>
    <h2 class="title" id="dialog-title">${title}</h2>
    <div class="stack tight scroll">${children}</div>
    <div class="row"><button onClick=${onClose}>${end}</button>${buttons}</div>
  </dialog>`;
}

/** Ask for an operation, at once and whenever its arguments or what stands in `again` change, also
 * `every` so many ms while the view is in sight; with `now: false` only when told. Return { value,
 * error, busy, parts, ms, ask(args?), cancel() }: the value stays until there is another one. An `op`
 * of null asks nothing. */
export function useAsk(client, op, args = {}, { now = true, again = [], every } = {}) {
  const [state, setState] = useState({ busy: Boolean(now && op), parts: [] });
  const running = useRef(null);
  const ask = async (given = args) => {
    running.current?.cancel();
    const onPart = (part) =>
      running.current === answer &&
      setState((old) => ({ ...old, parts: [...old.parts, part].slice(-MOST_PARTS) }));
    const answer = client.ask(op, given, { onPart });
    running.current = answer;
    setState((old) => ({ value: old.value, busy: true, parts: [] }));
    const end = await answer.then(
      (value) => ({ value }),
      (error) => ({ error }),
    );
    if (running.current !== answer) return;
    running.current = null;
    setState((old) => ({ ...old, ...end, busy: false, ms: answer.ms }));
  };
  const cancel = () => running.current?.cancel();
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    if (now && op) ask();
  }, [op, JSON.stringify(args), ...again]);
  useEffect(() => {
    if (!every) return;
    const timer = setInterval(() => client.hidden || running.current || latest.current(), every);
    return () => clearInterval(timer);
  }, [client]);
  const leave = () => {
    cancel();
    running.current = null;
  };
  useEffect(() => leave, []);
  return { ...state, ask, cancel };
}

/** What came of a useAsk: its error, "Loading …", or what the child, a function, makes of its value. */
export function Asked({ of, children }) {
  if (of.error) return html`<${ErrorBox} error=${of.error} />`;
  if (of.value === undefined) return html`<p class="muted" role="status">Loading …</p>`;
  return typeof children === "function" ? children(of.value) : children;
}
