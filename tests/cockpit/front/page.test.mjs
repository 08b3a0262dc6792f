// The page's transport against a server that is a function; the browser's globals are fakes.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { pageTransport } from "../../../modframe/cockpit/front/page.mjs";

let asked; // { path, token, body } of each request
let serve; // path → Response

beforeEach(() => {
  asked = [];
  const kept = new Map();
  const browser = {
    location: { href: "http://host/proxy/modframe/?token=secret#/orders/logs" },
    history: {
      replaceState: (_state, _title, url) => {
        browser.location.href = String(url);
      },
    },
    sessionStorage: {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
    },
    addEventListener: () => {},
    removeEventListener: () => {},
    fetch: async (path, { headers, body }) => {
      asked.push({ path, token: headers.Authorization, body: body && JSON.parse(body) });
      return serve(path);
    },
  };
  Object.assign(globalThis, browser);
  globalThis.location = browser.location;
});

/** Start a transport; what its hooks hear is `heard`, and `next(kind)` waits for one of them. */
function started() {
  const transport = pageTransport();
  const heard = [];
  let look = () => {};
  const hear = (kind) => (value) => {
    heard.push(value === undefined ? kind : value);
    look();
  };
  const kinds = ["opened", "message", "lost", "denied"];
  transport.start(Object.fromEntries(kinds.map((kind) => [kind, hear(kind)])));
  const next = (wanted) =>
    new Promise((resolve) => {
      look = () => heard.includes(wanted) && resolve();
      look();
    });
  return { transport, heard, next };
}

function streamOf(...pieces) {
  return new Response(new Blob(pieces).stream());
}

test("the token leaves the address and goes with each request; paths are relative", async () => {
  serve = (path) => (path === "open" ? Response.json({ session: "s 1" }) : streamOf());
  const { transport, next } = started();
  await next("lost");
  transport.close();
  assert.equal(location.href, "http://host/proxy/modframe/#/orders/logs");
  assert.deepEqual(asked, [
    { path: "open", token: "Bearer secret", body: {} },
    { path: "news?session=s%201", token: "Bearer secret", body: undefined },
  ]);
});

test("lines are messages, wherever the pieces are cut", async () => {
  serve = (path) =>
    path === "open"
      ? Response.json({ session: "s" })
      : streamOf('{"seq":1}\n{"s', 'eq":2}\n', "\n");
  const { transport, heard, next } = started();
  await next("lost");
  transport.close();
  assert.deepEqual(heard, ["opened", { seq: 1 }, { seq: 2 }, "lost"]);
});

test("messages are sent in their order", async () => {
  const never = new ReadableStream();
  serve = (path) => (path === "open" ? Response.json({ session: "s" }) : new Response(never));
  const { transport, next } = started();
  await next("opened");
  serve = () => new Response(null, { status: 204 });
  await Promise.all([transport.send({ op: "hello" }), transport.send({ op: "look" })]);
  transport.close();
  assert.deepEqual(
    asked.slice(2).map(({ body }) => body.op),
    ["hello", "look"],
  );
});

test("without the right token nothing is opened until someone signs in", async () => {
  const token = () => asked.at(-1).token;
  serve = (path) => {
    if (token() !== "Bearer right") return new Response(null, { status: 401 });
    return path === "open" ? Response.json({ session: "s" }) : streamOf();
  };
  const { transport, heard, next } = started();
  await next("denied");
  await assert.rejects(transport.send({ op: "look" }), /can't be reached/);
  assert.deepEqual(heard, ["denied"]);
  transport.signIn("right");
  await next("lost");
  transport.close();
  assert.deepEqual(heard, ["denied", "opened", "lost"]);
});
