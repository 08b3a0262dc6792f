// One view's side of the protocol. In comes a transport, out go answers, news and a status.
//
// A transport is { start({ opened, message, lost, denied }), send(object), close() }:
// `opened()` whenever a connection stands, `message(object)` for each one that arrives, `lost()` when
// the connection broke, `denied()` when the server wants a token. `send` may return a promise.
// What arrives: news { seq, ... }, { id, part }, { id, ok, value | error, ms } and { over: why }.

const SILENCE = 4000; // ms without any message after which the view says "no news"

export class Client {
  constructor(transport, { silence = SILENCE } = {}) {
    this.transport = transport;
    this.silence = silence;
    this.status = "connecting"; // connecting | live | quiet | denied | over | closed
    this.over = null; // why nothing comes any more
    this.denials = 0; // how often the server has refused since it was last heard
    this.place = { module: null, tab: "overview" };
    this.hidden = false;
    this.asked = new Map(); // id → { answer, resolve, reject, onPart }
    // Two views of one widget hear each other's answers, so each counts from a place of its own.
    this.nextId = 1 + Math.floor(Math.random() * 2 ** 40);
    this.greeted = false; // whether the kernel was told what is on the screen
    this.seq = null; // of the last news; null until a full one came
    this.heard = Date.now();
    this.onNews = () => {};
    this.onStatus = () => {};
  }

  start() {
    this.timer = setInterval(() => this.checkSilence(), this.silence / 4);
    this.transport.start({
      opened: () => this.hello(),
      message: (message) => this.receive(message),
      lost: () => this.lose(),
      denied: () => this.deny(),
    });
  }

  /** Ask for an operation and return a promise of its value, with `cancel()` and, at the end, `ms`.
   * `onPart` gets what comes before the answer. */
  ask(op, args = {}, { onPart } = {}) {
    const id = this.nextId++;
    const waiting = { onPart };
    const answer = new Promise((resolve, reject) => {
      Object.assign(waiting, { resolve, reject });
    });
    waiting.answer = answer;
    answer.cancel = () => this.cancel(id);
    this.asked.set(id, waiting);
    this.send({ id, op, args }, (problem) => this.settle(id, "reject", notSent(problem)));
    return answer;
  }

  /** Say what is on the screen now. */
  look(module, tab) {
    if (module === this.place.module && tab === this.place.tab) return;
    this.place = { module, tab };
    this.sendLook();
  }

  /** Say whether the view is in sight; there is no news while it isn't. */
  hide(hidden) {
    if (hidden === this.hidden) return;
    this.hidden = hidden;
    this.heard = Date.now();
    this.sendLook();
  }

  sendLook() {
    if (this.greeted) this.say("look");
  }

  say(op) {
    this.send({ op, ...this.place, ...(this.hidden && { hidden: true }) });
  }

  close() {
    clearInterval(this.timer);
    this.send({ op: "bye" });
    this.setStatus("closed");
    this.transport.close();
  }

  deny() {
    this.denials += 1;
    this.setStatus("denied");
  }

  hello() {
    this.denials = 0;
    this.seq = null;
    this.greeted = true;
    this.say("hello");
  }

  cancel(id) {
    this.send({ op: "cancel", target: id });
    if (this.status !== "live") this.settle(id, "reject", notSent("it was cancelled"));
  }

  send(message, onFault = () => {}) {
    try {
      Promise.resolve(this.transport.send(message)).catch((problem) => onFault(problem.message));
    } catch (problem) {
      onFault(problem.message);
    }
  }

  receive(message) {
    this.heard = Date.now();
    const { id, ok, value, error, ms } = message;
    if ("seq" in message) this.takeNews(message);
    else if ("over" in message) this.end(message.over);
    else if ("part" in message) this.asked.get(id)?.onPart?.(message.part);
    else if (ok) this.settle(id, "resolve", value, ms);
    else this.settle(id, "reject", new AskError(error), ms);
  }

  takeNews(news) {
    if (this.seq === null && !news.full) return; // the hello is still on its way
    const gap = !news.full && news.seq !== this.seq + 1;
    if (gap) return this.hello();
    this.seq = news.seq;
    this.setStatus("live");
    this.onNews(news);
  }

  end(why) {
    this.over = why;
    this.setStatus("over");
  }

  checkSilence() {
    if (this.hidden || this.status !== "live" || Date.now() - this.heard < this.silence) return;
    this.setStatus("quiet");
    this.hello(); // once: a kernel that has restarted knows nothing of this view
  }

  lose() {
    if (this.status === "closed") return;
    this.greeted = false;
    this.setStatus("quiet");
    for (const id of [...this.asked.keys()]) {
      this.settle(id, "reject", notSent("the connection was lost, so nobody knows how it ended"));
    }
  }

  settle(id, how, value, ms) {
    const waiting = this.asked.get(id);
    if (!waiting) return;
    this.asked.delete(id);
    waiting.answer.ms = ms;
    waiting[how](value);
  }

  setStatus(status) {
    if (status === this.status) return;
    this.status = status;
    this.onStatus(status);
  }
}

/** An operation's error: `type`, `message`, and `trace`, `code`, `place`, `cure` where it has them. */
export class AskError extends Error {
  constructor(error) {
    super(error.message);
    Object.assign(this, error);
  }
}

function notSent(problem) {
  return new AskError({ type: "NoAnswer", message: `There is no answer: ${problem}.` });
}
