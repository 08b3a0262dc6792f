// A small front end: logs in, lists notes, adds one with its file. `?api=` says where the API is;
// without it, it is where the page came from. A path such as /notes/2 marks a note.

const api = new URLSearchParams(location.search).get("api") ?? "";
const [login, write, list, problem, who] = ["login", "write", "notes", "problem", "who"].map(
  (id) => document.getElementById(id),
);

async function ask(method, path, { json, form } = {}) {
  const headers = {};
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Token ${token}`;
  if (json) headers["Content-Type"] = "application/json";
  const body = json ? JSON.stringify(json) : form;
  const answer = await fetch(api + path, { method, headers, body });
  const facts = await answer.json();
  if (!answer.ok) throw new Error(facts.detail ?? answer.statusText);
  return facts;
}

function show(notes) {
  const marked = location.pathname.match(/^\/notes\/(\d+)$/)?.[1];
  list.replaceChildren(
    ...notes.map(({ number, title, author, size, edition }) => {
      const item = document.createElement("li");
      item.dataset.edition = edition;
      item.classList.toggle("marked", String(number) === marked);
      const name = document.createElement("strong");
      name.textContent = title;
      const facts = size === null ? `by ${author}` : `by ${author}, ${size} bytes`;
      item.append(name, ` ${facts}`);
      return item;
    }),
  );
}

async function refresh() {
  show(await ask("GET", "/api/notes"));
}

async function enter() {
  who.textContent = sessionStorage.getItem("name");
  login.hidden = true;
  write.hidden = false;
  await refresh();
  setInterval(() => attempt(refresh), 100);
}

async function attempt(step) {
  try {
    await step();
    problem.hidden = true;
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
}

login.addEventListener("submit", (event) => {
  event.preventDefault();
  const json = Object.fromEntries(new FormData(login));
  attempt(async () => {
    const { token, name } = await ask("POST", "/api/login", { json });
    sessionStorage.setItem("token", token);
    sessionStorage.setItem("name", name);
    await enter();
  });
});

write.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(write);
  const file = fields.get("file");
  write.reset();
  attempt(async () => {
    const { number } = await ask("POST", "/api/notes", { json: { title: fields.get("title") } });
    if (file.size) {
      const form = new FormData();
      form.append("file", file);
      await ask("PUT", `/api/notes/${number}/file`, { form });
    }
    await refresh();
  });
});

if (sessionStorage.getItem("token")) attempt(enter);
