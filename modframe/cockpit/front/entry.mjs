// The two ways in: anywidget calls `render` for a view in a notebook, and the page has an element
// called "modframe". Messages are custom messages of the widget; its one trait, `shown`, says what to
// show first: { module, tab, key }, the key being the cell's.

import { mount } from "./main.mjs";
import { pageTransport } from "./page.mjs";

function renderView({ model, el }) {
  const { module, tab, key } = model.get("shown");
  const remembered = key && JSON.stringify([key, module, tab]);
  return mount(el, widgetTransport(model), { place: "notebook", module, tab, key: remembered });
}

/** Several views may show one widget: each has a name, which its messages carry both ways. */
function widgetTransport(model) {
  const name = Math.random().toString(36).slice(2);
  let hear;
  return {
    start({ opened, message }) {
      hear = ({ view, line }) => view === name && message(JSON.parse(line));
      model.on("msg:custom", hear);
      opened();
    },
    send: (message) => model.send({ view: name, message }),
    close: () => model.off("msg:custom", hear),
  };
}

const page = document.getElementById("modframe");
if (page) mount(page, pageTransport(), { place: "page" });

export default { render: renderView };
