// The two ways in: anywidget calls `render` for a view in a notebook, and the page has an element
// called "modframe". Messages are custom messages of the widget; no trait holds anything.

import { mount } from "./main.mjs";
import { pageTransport } from "./page.mjs";

function renderView({ model, el }) {
  return mount(el, widgetTransport(model), { place: "notebook" });
}

function widgetTransport(model) {
  let hear;
  return {
    start({ opened, message }) {
      hear = (content) => message(content);
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
