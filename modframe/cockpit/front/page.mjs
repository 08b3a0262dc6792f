// The transport of the page: a streamed answer brings messages, each POST takes one. Out goes a
// transport as protocol.mjs wants it. Addresses are relative, so that a proxy's prefix works.

const DELAYS = [1, 2, 4, 8, 15]; // seconds before the next try
const TOKEN_KEY = "modframe.token"; // where this tab of the browser keeps the token

/** Return a transport for `base`, the page's own folder; "" is where the page lies. */
export function pageTransport(base = "") {
  const link = { base, session: null, closed: false, posts: Promise.resolve(), wake: () => {} };
  takeToken();
  const end = () =>
    link.session && postMessageTo(link, { op: "bye" }, { keepalive: true }).catch(() => {});
  addEventListener("pagehide", end);
  return {
    start: (hooks) => followNews(link, hooks),
    send(message) {
      link.posts = link.posts.catch(() => {}).then(() => postMessageTo(link, message)); // in this order
      return link.posts;
    },
    signIn(token) {
      sessionStorage.setItem(TOKEN_KEY, token);
      link.wake();
    },
    close() {
      link.closed = true;
      link.reader?.cancel();
      removeEventListener("pagehide", end);
    },
  };
}

/** Move `?token=` from the address to this tab's storage. */
function takeToken() {
  const address = new URL(location.href);
  const token = address.searchParams.get("token");
  if (token === null) return;
  sessionStorage.setItem(TOKEN_KEY, token);
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}

async function followNews(link, hooks) {
  for (let tries = 0; !link.closed; tries++) {
    try {
      await openSession(link);
      const news = await callPage(link, "news");
      hooks.opened();
      tries = -1;
      await readLines(link, news.body, hooks.message);
    } catch (problem) {
      if (problem.denied) {
        hooks.denied();
        await new Promise((resolve) => {
          link.wake = resolve;
        });
        tries = -1;
        continue;
      }
      console.warn("modframe:", problem.message);
    }
    link.session = null;
    if (link.closed) return;
    hooks.lost();
    await pauseFor(DELAYS[Math.min(tries + 1, DELAYS.length - 1)]);
  }
}

async function openSession(link) {
  const answer = await callPage(link, "open", {});
  link.session = (await answer.json()).session;
}

function postMessageTo(link, message, options) {
  if (!link.session) return Promise.reject(new Error("the server can't be reached"));
  return callPage(link, "send", message, options);
}

/** Fetch a path below the page; a body makes it a POST. */
async function callPage(link, path, body, options = {}) {
  const token = sessionStorage.getItem(TOKEN_KEY);
  const headers = { ...(token && { Authorization: `Bearer ${token}` }) };
  if (body) headers["Content-Type"] = "application/json";
  const query =
    link.session && path !== "open" ? `?session=${encodeURIComponent(link.session)}` : "";
  const answer = await fetch(`${link.base}${path}${query}`, {
    method: body ? "POST" : "GET",
    body: body && JSON.stringify(body),
    headers,
    credentials: "same-origin",
    cache: "no-store",
    ...options,
  });
  if (answer.ok) return answer;
  const problem = new Error(`the server answered ${answer.status}`);
  throw Object.assign(problem, { denied: answer.status === 401 || answer.status === 403 });
}

async function readLines(link, body, message) {
  link.reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await link.reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) message(JSON.parse(line));
  }
}

function pauseFor(seconds) {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
