import assert from "node:assert/strict";
import { test } from "node:test";
import * as requests from "../../../modframe/cockpit/front/requests.mjs";

const SERVER = "http://127.0.0.1:8000";
const REQUEST = {
  method: "POST",
  path: "/api/v1/shop/{name}/{rest:path}",
  inside: { name: "a/b c", rest: "x/y" },
  query: { page: 2, tag: ["a", "b&c"] },
  headers: { "x-token": "it's secret" },
  cookies: { session: "s1" },
  kind: "json",
  body: '{"a": true}',
};
const ADDRESS = "/api/v1/shop/a%2Fb%20c/x/y?page=2&tag=a&tag=b%26c";

test("an address has its parameters; one that is missing keeps its name", () => {
  assert.equal(requests.addressOf(REQUEST), ADDRESS);
  assert.equal(requests.addressOf({ path: "/a/{b:int}" }), "/a/%7Bb%7D");
});

test("a request as curl, httpx and code", () => {
  const hidden = requests.withoutHidden(REQUEST, new Set(["header.x-token", "query.page"]));
  assert.equal(hidden.headers["x-token"], "***");
  assert.equal(hidden.query.page, "***");
  assert.equal(
    requests.asCurl(REQUEST, SERVER),
    `curl -X POST '${SERVER}${ADDRESS}' -H 'x-token: it'\\''s secret' -H 'Cookie: session=s1' ` +
      `-H 'Content-Type: application/json' -d '{"a": true}'`,
  );
  const args = `"${ADDRESS}", headers={"x-token": "it's secret", "Cookie": "session=s1"}, json={"a": True}`;
  assert.ok(requests.asHttpx(REQUEST, SERVER).includes(`client.request("POST", ${args})`));
  assert.ok(requests.asCode(REQUEST).includes(`await client.request("POST", ${args})`));
  assert.ok(requests.asCode({ ...REQUEST, body: "{" }).includes('content="{"'));
});

test("forms and files", () => {
  const body = { note: "n 1", file: { $bytes: "YQ==", name: "a.txt" } };
  const request = { method: "POST", path: "/u", kind: "multipart", body };
  assert.equal(
    requests.asCurl(request, SERVER),
    `curl -X POST ${SERVER}/u -F 'note=n 1' -F file=@a.txt`,
  );
  assert.ok(requests.asHttpx(request, SERVER).includes('"file": open("a.txt", "rb")'));
});
