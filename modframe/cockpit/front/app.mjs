// The frame: top bar, list of modules, head of a module with its buttons, tabs, and where one is.
// In come a client, its transport and { place: "page" | "notebook", module?, tab?, key? }.

import { h, html, useEffect, useMemo, useRef, useState } from "./vendor/htm-preact.mjs";
import { useErrorBoundary, useLayoutEffect } from "./vendor/htm-preact.mjs";
import { count, longName, number, placeOf, routeOf, shortName } from "./format.mjs";
import { NOTHING, applyNews, countShown, isIll, stateWord, visibleIds } from "./store.mjs";
import { Blocks } from "./blocks.mjs";
import { tabsFor } from "./tabs.mjs";
import { useWindow } from "./table.mjs";
import { Badge, Empty, ErrorBox, Icon, Linked, Segments, State, StateIcon, Tabs } from "./ui.mjs";
import { useAsk } from "./ui.mjs";

const ITEM_HEIGHT = 30;
const SHOWN_TITLES = { all: "All", failing: "Failing", live: "Live", drafts: "Drafts" };
// Each widget gets the program anew, so what a cell's run leaves for the next one is on the page.
const REMEMBERED = Symbol.for("modframe.cockpit.places");

export function App({ client, transport, options }) {
  const onPage = options.place === "page";
  const { state, status } = useStore(client);
  const [view, setView] = useView(options);
  const [tall, setTall] = useState(false);
  const [open, setOpen] = useState(false); // the list, where there is no room beside it
  const filter = useRef(null);
  const go = (module, tab = "overview", args = {}) => {
    setOpen(false);
    setView({ module, tab, args });
  };
  useEffect(() => client.look(view.module, view.tab), [view.module, view.tab]);
  const focusFilter = (event) => {
    const inField = /^(INPUT|TEXTAREA|SELECT)$/.test(event.composedPath()[0].tagName);
    if (event.key !== "/" || inField) return;
    event.preventDefault();
    setOpen(true);
    filter.current?.focus();
  };
  useEffect(() => {
    if (!onPage) return;
    document.addEventListener("keydown", focusFilter); // nothing needs to have the focus
    return () => document.removeEventListener("keydown", focusFilter);
  }, []);
  if (status === "denied") return h(SignIn, { client, transport });
  if (!state.meta) {
    return html`<p class="empty" role="status">${client.over ?? "Waiting for the app …"}</p>`;
  }
  const Top = onPage ? "header" : "div";
  const Main = onPage ? "main" : "div";
  const height = tall ? { height: "92vh" } : null;
  return html`<div class=${`column frame ${onPage ? "" : "card"}`} style=${height}
    onKeyDown=${focusFilter}>
    <${Top} class="row wrap bar">
      <${TopBar} ...${{ client, state, status, open, setOpen, onPage, tall, setTall }} />
    <//>
    <${Banners} meta=${state.meta} over=${client.over} />
    <div class="body">
      <${ModuleList} ...${{ state, view, setView, go, open, filter }} />
      <${Main} class="column grow"><${MainContent} ...${{ state, client, view, go, onPage }} /><//>
    </div>
  </div>`;
}

function useStore(client) {
  const [state, setState] = useState(NOTHING);
  const [status, setStatus] = useState(client.status);
  // Not in an effect that waits for a frame: the first news may come sooner.
  useLayoutEffect(() => {
    client.onNews = (news) => setState((old) => applyNews(old, news));
    client.onStatus = setStatus;
    setStatus(client.status);
  }, [client]);
  return { state, status };
}

/** Where one is, and the list's filter: { module, tab, args, text, show }. On the page the address says
 * where. In a notebook it is what `options` say, or where the last view with the same key was. */
function useView({ place: kind, key, module, tab }) {
  const onPage = kind === "page";
  const first = () => {
    const asked = onPage ? placeOf(location.hash) : { module: module && longName(module), tab };
    const place = { ...asked, tab: asked.tab || "overview" };
    return { text: "", show: "all", ...place, ...remembered().get(key) };
  };
  const [view, setState] = useState(first);
  useEffect(() => {
    if (!onPage) return;
    const follow = () => setState((old) => ({ ...old, ...placeOf(location.hash) }));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const setView = (change) => {
    const next = { ...view, ...change };
    if (onPage && change.tab) location.hash = routeOf(next.module, next.tab, next.args);
    if (key) remembered().set(key, next);
    setState((old) => ({ ...old, ...change }));
  };
  return [view, setView];
}

function remembered() {
  globalThis[REMEMBERED] ??= new Map();
  return globalThis[REMEMBERED];
}

function TopBar({ client, state, status, open, setOpen, onPage, tall, setTall }) {
  const { meta, order } = state;
  const live = order.filter((id) => state.rows[id].state === "LIVE").length;
  return html`
    <button class="small list-button" aria-expanded=${open} onClick=${() => setOpen(!open)}>
      Modules
    </button>
    <strong class="roomy">modframe</strong>
    ${meta.url && html`<span class="mono cut roomy"><${Linked} text=${meta.url} /></span>`}
    <span class="grow"></span>
    <span class="row" title=${`${meta.ready ? "All" : "Not all"} modules that should run are live`}>
      <${Icon} shape=${meta.ready ? "check" : "triangle"} tone=${meta.ready ? "good" : "warn"} />
      <span class="roomy">${meta.ready ? "ready" : "not ready"}</span>
      ${number(live)} / ${number(order.length)} live
    </span>
    <${WatchButton} client=${client} on=${Boolean(meta.watching)} />
    <${Connection} status=${status} />
    ${
      !onPage &&
      html`<button class="small" aria-pressed=${tall} onClick=${() => setTall(!tall)}>Full height</button>`
    }
  `;
}

function WatchButton({ client, on }) {
  const watch = useAsk(client, "watch", { on: !on }, { now: false });
  const title = watch.error ? watch.error.message : "Whether saved files become swaps";
  return html`<button class="small" aria-pressed=${on} title=${title} disabled=${watch.busy}
    onClick=${() => watch.ask()}>
    Watch ${on ? "on" : "off"}${watch.error && html` <${Icon} shape="cross" tone="bad" />`}
  </button>`;
}

function Connection({ status }) {
  const live = status === "live";
  return html`<span class="row" role="status">
    <${Icon} shape=${live ? "dot" : "triangle"} tone=${live ? "good" : "warn"} />
    ${live ? "live" : status === "over" ? "ended" : "no news"}
  </span>`;
}

function Banners({ meta, over }) {
  const faults = [
    over && `This view has ended: ${over}`,
    meta.stall && `The app loop is busy: ${meta.stall}`,
    meta.log_problem && `The log is not written: ${meta.log_problem}`,
  ].filter(Boolean);
  const banner = (text) => html`<p class="row bar warn tinted" role="alert">
    <${Icon} shape="triangle" tone="warn" /> ${text}
  </p>`;
  return faults.map(banner);
}

function ModuleList({ state, view, setView, go, open, filter }) {
  const { text, show, module, tab } = view;
  const ids = useMemo(
    () => [null, ...visibleIds(state, text, show)],
    [state.rows, state.order, text, show],
  );
  const counts = useMemo(() => countShown(state), [state.rows, state.order]);
  const list = useRef(null);
  const toList = (event) => {
    if (event.key === "ArrowDown") list.current.focus();
    else if (event.key === "Enter" && ids.length > 1) go(ids[1], tab);
    else return;
    event.preventDefault();
  };
  return html`<nav class=${open ? "column list open" : "column list"} aria-label="Modules">
    <input type="search" placeholder="Filter modules ( / )" aria-label="Filter modules" ref=${filter}
      data-field="filter" value=${text} onKeyDown=${toList}
      onInput=${(event) => setView({ text: event.currentTarget.value })} />
    <${Segments} label="Show" options=${SHOWN_TITLES} counts=${counts} value=${show}
      onSelect=${(key) => setView({ show: key })} />
    <${ModuleItems} ...${{ ids, rows: state.rows, module, go: (id) => go(id, tab), list }} />
  </nav>`;
}

function ModuleItems({ ids, rows, module, go, list }) {
  const [active, setActive] = useState(0);
  const part = useWindow(ids.length, ITEM_HEIGHT, list);
  const at = Math.min(active, ids.length - 1);
  const show = (index) => {
    setActive(index);
    showItem(list.current, index);
  };
  useEffect(() => {
    const chosen = ids.indexOf(module);
    if (chosen >= 0) show(chosen);
  }, [module]);
  const move = (event) => {
    const last = ids.length - 1;
    const jumps = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last };
    if (event.key === "Enter" || event.key === " ") go(ids[at]);
    else if (event.key in jumps) show(Math.max(0, Math.min(last, jumps[event.key])));
    else return;
    event.preventDefault();
  };
  const item = (id, index) => {
    const open = () => {
      setActive(index);
      go(id);
    };
    const marks = { chosen: id === module, active: index === at, total: ids.length };
    return h(ModuleItem, { id, index, row: rows[id], open, ...marks, key: id ?? "" });
  };
  return html`<div class="grow scroll items" role="listbox" tabindex="0" aria-label="Modules"
    aria-activedescendant=${`item-${at}`} onKeyDown=${move} ...${part.area}>
    ${part.drawn(ids, item)}
    ${ids.length === 1 && html`<p class="muted">No module fits.</p>`}
  </div>`;
}

function showItem(box, index) {
  const top = index * ITEM_HEIGHT;
  const bottom = top + ITEM_HEIGHT - box.clientHeight;
  box.scrollTop = Math.max(bottom, Math.min(top, box.scrollTop));
}

function ModuleItem({ id, index, row, open, chosen, active, total }) {
  return html`<div class=${`row item ${chosen ? "chosen" : ""} ${active ? "active" : ""}`} role="option"
    id=${`item-${index}`} data-module=${id ?? ""} aria-selected=${chosen} aria-posinset=${index + 1}
    aria-setsize=${total} onClick=${open}>
    ${row ? html`<${StateIcon} state=${row.state} />` : html`<${Icon} shape="squares" />`}
    <span class="grow cut">${id ? shortName(id) : "Everything"}</span>
    ${row?.draft && html`<small><${Icon} shape="pen" /> draft</small>`}
    ${row && isIll(row) && html`<small>${row.health}</small>`}
    ${row?.error && row.state === "LIVE" && html`<small><${Icon} shape="cross" tone="bad" /> error</small>`}
    ${row && row.state !== "LIVE" && html`<small>${stateWord(row.state)}</small>`}
  </div>`;
}

function MainContent({ state, client, view, go, onPage }) {
  const { module: id, tab, args } = view;
  const row = id ? state.rows[id] : {};
  if (!row) return html`<${NoModule} ...${{ id, go, onPage }} />`;
  const known = !id || state.detail?.id === id;
  const facts = id && known ? state.detail.facts : {};
  const tabs = tabsFor(id, row, facts, tab);
  const current = tabs.find((one) => one.key === tab) ?? (known ? tabs[0] : null);
  const props = { id, row, facts, state, client, go, args };
  const amount = html`<span class="muted">${count(state.order.length, "module")}</span>`;
  return html`
    ${id ? h(ModuleHead, { ...props, onPage }) : h(Head, { onPage, title: "Everything" }, amount)}
    <${Tabs} tabs=${tabs} current=${current?.key ?? tab} label=${id ? shortName(id) : "Everything"}
      onSelect=${(key) => go(id, key)}>
      ${
        known
          ? h(Guarded, { ...props, tab: current, key: routeOf(id, current.key, args) })
          : html`<p class="muted" role="status">Loading …</p>`
      }
    <//>
  `;
}

/** What is shown, by its name; on the page it is the page's first heading. */
function Head({ onPage, title, id, children }) {
  const Title = onPage ? "h1" : "h2";
  return html`<div class="row wrap head"><${Title} class="title" title=${id}>${title}<//>${children}</div>`;
}

function NoModule({ id, go, onPage }) {
  return html`<${Head} onPage=${onPage} title=${`There is no module ${shortName(id)}`} />
    <${Empty}>
      It was unloaded, or the address is of another app.
      <p><button onClick=${() => go(null)}>Show everything</button></p>
    <//>`;
}

/** A tab that fails shows its fault in its own place; the frame goes on. */
function Guarded({ tab, ...props }) {
  const [fault] = useErrorBoundary();
  const error = fault && { message: String(fault), trace: fault.stack };
  if (error) return html`<${ErrorBox} title=${`The tab ${tab.title} failed`} error=${error} />`;
  return h(tab.component, { ...props, tab });
}

function ModuleHead({ id, row, facts, client, go, onPage }) {
  return html`<${Head} onPage=${onPage} title=${shortName(id)} id=${id}>
    <${State} state=${row.state} />
    ${row.generation && html`<${Badge}>generation ${row.generation}<//>`}
    ${row.draft && html`<${Badge}><${Icon} shape="pen" /> draft<//>`}
    <span class="muted about">${facts.description ?? row.about}</span>
    <div class="row wrap" role="group" aria-label="Actions">
      <${Blocks} client=${client} go=${go} blocks=${facts.actions ?? []} />
    </div>
  <//>`;
}

function SignIn({ client, transport }) {
  const [token, setToken] = useState("");
  const submit = (event) => {
    event.preventDefault();
    client.setStatus("connecting");
    transport.signIn(token.trim());
  };
  return html`<main class="sign-in"><form class="card box stack tight" onSubmit=${submit}>
    <h1 class="title">modframe</h1>
    <p class="muted">This page shows nothing without a token.</p>
    ${client.denials > 1 && html`<p role="alert">This token was not accepted.</p>`}
    <label class="stack tight">
      Token <input type="password" autocomplete="current-password" data-field="token" value=${token}
      onInput=${(event) => setToken(event.currentTarget.value)} /></label>
    <button class="primary" disabled=${!token.trim()}>Sign in</button>
  </form></main>`;
}
