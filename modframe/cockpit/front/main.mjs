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
  const ends = [
    keepKeys(root),
    followTheme(box),
    watchSight(root, (hidden) => client.hide(hidden)),
  ];
  render(h(App, { client, transport, options }), box);
  client.start();
  return () => {
    client.close();
    for (const end of ends) end();
    render(null, box);
  };
}

/** Keep keys from the notebook: `dd` on a focused button would delete a cell. */
function keepKeys(root) {
  const stop = (event) => event.stopPropagation();
  const kinds = ["keydown", "keypress", "keyup"];
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const kind of kinds) root.addEventListener(kind, stop);
  return () => {
    for (const kind of kinds) root.removeEventListener(kind, stop);
  };
}

/** Follow JupyterLab's theme where there is one, else the browser's. */
function followTheme(box) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const set = () => {
    const light = document.body.dataset.jpThemeLight;
    box.dataset.theme = (light ? light === "false" : system.matches) ? "dark" : "light";
  };
  const observer = new MutationObserver(set);
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  system.addEventListener("change", set);
  set();
  return () => {
    observer.disconnect();
    system.removeEventListener("change", set);
  };
}

function watchSight(root, hide) {
  let inSight = true;
  const tell = () => hide(document.hidden || !inSight);
  const observer = new IntersectionObserver((entries) => {
    inSight = entries.at(-1).isIntersecting;
    tell();
  });
  observer.observe(root);
  document.addEventListener("visibilitychange", tell);
  return () => {
    observer.disconnect();
    document.removeEventListener("visibilitychange", tell);
  };
}
