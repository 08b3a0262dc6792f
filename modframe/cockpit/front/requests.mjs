// A request as text: its address, and the same as curl, as httpx and as code of a cell. In comes
// { method, path, inside, query, headers, cookies, kind, body }; what `hidden` names becomes stars.

import { pyLiteral } from "./forms.mjs";

const STARS = "***";

/** Return the path with its parameters and its query. */
export function addressOf({ path, inside = {}, query = {} }) {
  const fill = (_, name, converter) => {
    const value = encodeURIComponent(inside[name] ?? `{${name}}`);
    return converter === "path" ? value.replaceAll("%2F", "/") : value;
  };
  const filled = path.replace(/\{(\w+)(?::(\w+))?\}/g, fill);
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((one) => [name, String(one)]),
  );
  const tail = new URLSearchParams(pairs).toString();
  return tail ? `${filled}?${tail}` : filled;
}

/** Return a request without its secrets: those of `hidden`, which has "header.x-token" and such. */
export function withoutHidden(request, hidden) {
  const places = { inside: "path", query: "query", headers: "header", cookies: "cookie" };
  const clean = (key, place) =>
    Object.fromEntries(
      Object.entries(request[key] ?? {}).map(([name, value]) => [
        name,
        hidden.has(`${place}.${name}`) ? STARS : value,
      ]),
    );
  const cleaned = Object.entries(places).map(([key, place]) => [key, clean(key, place)]);
  return { ...request, ...Object.fromEntries(cleaned) };
}

function headersOf({ headers = {}, cookies = {}, kind }) {
  const pairs = Object.entries(cookies).map(([name, value]) => `${name}=${value}`);
  return {
    ...headers,
    ...(pairs.length && { Cookie: pairs.join("; ") }),
    ...(kind === "json" && { "Content-Type": "application/json" }),
  };
}

function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Return a request as a shell command. */
export function asCurl(request, server) {
  const { method, kind, body } = request;
  const words = ["curl"];
  if (method !== "GET") words.push("-X", method);
  words.push(server + addressOf(request));
  for (const [name, value] of Object.entries(headersOf(request))) {
    words.push("-H", `${name}: ${value}`);
  }
  if (kind === "json" || kind === "text") words.push("-d", body);
  if (kind === "form" || kind === "multipart") {
    const flag = kind === "form" ? "--data-urlencode" : "-F";
    for (const [name, value] of Object.entries(body)) {
      words.push(flag, `${name}=${value?.$bytes === undefined ? value : `@${value.name}`}`);
    }
  }
  return words.map(quoted).join(" ");
}

function pyArguments(request) {
  const { kind, body } = request;
  const headers = headersOf(request);
  const json = kind === "json" && parsed(body);
  if (json) delete headers["Content-Type"];
  const given = [pyLiteral(addressOf(request))];
  if (Object.keys(headers).length) given.push(`headers=${pyLiteral(headers)}`);
  if (json) given.push(`json=${pyLiteral(json.value)}`);
  else if (kind === "json" || kind === "text") given.push(`content=${pyLiteral(body)}`);
  if (kind === "form") given.push(`data=${pyLiteral(body)}`);
  if (kind === "multipart") given.push(`files={${Object.entries(body).map(pyPart).join(", ")}}`);
  return given.join(", ");
}

function pyPart([name, value]) {
  const content =
    value?.$bytes === undefined
      ? `(None, ${pyLiteral(String(value))})`
      : `open(${pyLiteral(value.name)}, "rb")`;
  return `${pyLiteral(name)}: ${content}`;
}

function parsed(text) {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

/** Return a request as a script that uses httpx. */
export function asHttpx(request, server) {
  const call = `client.request(${pyLiteral(request.method)}, ${pyArguments(request)})`;
  return `import httpx\n\nwith httpx.Client(base_url=${pyLiteral(server)}) as client:\n    print(${call})`;
}

/** Return a request as code of a cell; it needs no server. */
export function asCode(request) {
  const call = `client.request(${pyLiteral(request.method)}, ${pyArguments(request)})`;
  return `async with app.test_client() as client:\n    answer = await ${call}\nanswer.text`;
}
