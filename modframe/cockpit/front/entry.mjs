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

function widgetTransport(model) {
  let hear;
  return {
    start({ opened, message }) {
      hear = ({ line }) => message(JSON.parse(line));
      model.on("msg:custom", hear);
      opened();
    },
    send: (message) => model.send(message),
    close: () => model.off("msg:custom", hear),
  };
}

const page = document.getElementById("modframe");
if (page) mount(page, pageTransport(), { place: "page" });

export default { render: renderView };
