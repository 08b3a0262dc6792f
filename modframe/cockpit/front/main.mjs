// Puts the cockpit into an element: shadow root, style, theme, keys, and whether it is in sight.
// In come a transport and the options of app.mjs, out goes the function that ends it.

import { h, render } from "./vendor/htm-preact.mjs";
import { App } from "./app.mjs";
import { Client } from "./protocol.mjs";

export function mount(root, transport, options = {}) {
  const shadow = root.shadowRoot ?? root.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS); // the text of style.css, which bundle.py puts here
  shadow.adoptedStyleSheets = [sheet];
  const box = document.createElement("div");
  box.className = `root ${options.place}`;
  shadow.replaceChildren(box);
  const client = new Client(transport);
  const life = new AbortController(); // what listens or observes ends with it
  keepKeys(root, life.signal);
  followTheme(box, life.signal);
  watchSight(root, (hidden) => client.hide(hidden), life.signal);
  render(h(App, { client, transport, options }), box);
  client.start();
  return () => {
    client.close();
    life.abort();
    render(null, box);
  };
}

/** Keep keys from the notebook: `dd` on a focused button would delete a cell. */
function keepKeys(root, signal) {
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const kind of ["keydown", "keypress", "keyup"]) {
    root.addEventListener(kind, (event) => event.stopPropagation(), { signal });
  }
}

/** Follow JupyterLab's theme where there is one, else the browser's. */
function followTheme(box, signal) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const set = () => {
    const light = document.body.dataset.jpThemeLight;
    box.dataset.theme = (light ? light === "false" : system.matches) ? "dark" : "light";
  };
  const observer = new MutationObserver(set);
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  signal.addEventListener("abort", () => observer.disconnect());
  system.addEventListener("change", set, { signal });
  set();
}

function watchSight(root, hide, signal) {
  let inSight = true;
  const tell = () => hide(document.hidden || !inSight);
  const observer = new IntersectionObserver((entries) => {
    inSight = entries.at(-1).isIntersecting;
    tell();
  });
  observer.observe(root);
  signal.addEventListener("abort", () => observer.disconnect());
  document.addEventListener("visibilitychange", tell, { signal });
}
