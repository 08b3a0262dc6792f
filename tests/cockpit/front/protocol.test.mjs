// What a client does with what a transport brings; the transport is a fake.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "../../../modframe/cockpit/front/protocol.mjs";

function connected(t) {
  const transport = {
    sent: [],
    start: (hooks) => Object.assign(transport, hooks),
    send: (message) => transport.sent.push(message),
    close: () => {},
  };
  const client = new Client(transport);
  const news = [];
  client.onNews = (message) => news.push(message);
  client.start();
  t.after(() => client.close());
  transport.opened();
  return { client, transport, news };
}

test("a hello comes first, and news before the full one are left out", (t) => {
  const { client, transport, news } = connected(t);
  transport.message({ seq: 7 });
  assert.deepEqual(transport.sent, [{ op: "hello", module: null, tab: "overview" }]);
  assert.deepEqual(news, []);
  transport.message({ seq: 1, full: true });
  assert.equal(client.status, "live");
  assert.equal(news.length, 1);
});

test("a gap in the news leads to another hello", (t) => {
  const { transport, news } = connected(t);
  transport.message({ seq: 1, full: true });
  transport.message({ seq: 2 });
  transport.message({ seq: 4 });
  assert.equal(news.length, 2);
  assert.equal(transport.sent.at(-1).op, "hello");
});

test("an answer resolves with its value, and parts come before it", async (t) => {
  const { client, transport } = connected(t);
  const parts = [];
  const answer = client.ask("run", { a: 1 }, { onPart: (part) => parts.push(part) });
  const { id } = transport.sent.at(-1);
  transport.message({ id, part: "half" });
  transport.message({ id, ok: true, value: 42, ms: 3 });
  assert.equal(await answer, 42);
  assert.equal(answer.ms, 3);
  assert.deepEqual(parts, ["half"]);
});

test("an error rejects with its place and its next step", async (t) => {
  const { client, transport } = connected(t);
  const answer = client.ask("run");
  const error = { type: "KeyError", message: "no 'x'", place: "api.py, line 3", cure: "add it" };
  transport.message({ id: transport.sent.at(-1).id, ok: false, error, ms: 1 });
  await assert.rejects(answer, error);
});

test("a question is cancelled by its number, and at once where nobody answers", async (t) => {
  const { client, transport } = connected(t);
  const answer = client.ask("run");
  const { id } = transport.sent.at(-1);
  answer.cancel();
  assert.deepEqual(transport.sent.at(-1), { op: "cancel", target: id });
  await assert.rejects(answer, { type: "NoAnswer" });
});

test("what was asked before the connection broke is rejected", async (t) => {
  const { client, transport } = connected(t);
  transport.message({ seq: 1, full: true });
  const answer = client.ask("run");
  transport.lost();
  await assert.rejects(answer, /the connection was lost/);
  assert.equal(client.status, "quiet");
});

test("a message that can't be sent rejects its question", async (t) => {
  const { client, transport } = connected(t);
  transport.send = () => Promise.reject(new Error("the server answered 404"));
  await assert.rejects(client.ask("run"), /the server answered 404/);
});

test("it says where it looks once, and no news while it is hidden are no fault", (t) => {
  const { client, transport } = connected(t);
  client.look("standard.orders", "logs"); // before the answer to its hello
  transport.message({ seq: 1, full: true });
  client.look("standard.orders", "logs");
  client.hide(true);
  client.heard -= 60_000;
  client.checkSilence();
  assert.equal(client.status, "live");
  assert.deepEqual(transport.sent.slice(1), [
    { op: "look", module: "standard.orders", tab: "logs" },
    { op: "look", module: "standard.orders", tab: "logs", hidden: true },
  ]);
});

test("silence is no news, and another hello is sent once", (t) => {
  const { client, transport } = connected(t);
  transport.message({ seq: 1, full: true });
  client.heard -= 60_000;
  client.checkSilence();
  client.checkSilence();
  assert.equal(client.status, "quiet");
  assert.equal(transport.sent.filter(({ op }) => op === "hello").length, 2);
});

test("a view that has ended says why", (t) => {
  const { client, transport } = connected(t);
  transport.message({ over: "modframe was stopped" });
  assert.equal(client.status, "over");
  assert.equal(client.over, "modframe was stopped");
});
