// The public WebSocket feed of a venue. One socket per address is shared by every part of the page; it comes back by
// itself after a loss and subscribes again to all that was asked for.

const PING_MILLISECONDS = 15_000;
const PONG_WITHIN_MILLISECONDS = 8_000;
const BACKOFF_MILLISECONDS = [250, 500, 1_000, 2_000, 4_000, 8_000];
const STEADY_MILLISECONDS = 10_000;

const feeds = new Map();
const keyOf = (arg) => JSON.stringify([arg.channel, arg.instId ?? "", arg.instType ?? ""]);

export class Feed extends EventTarget {
  /** The feed at a path such as /v/acme/ws/v5/public. */
  static at(path) {
    if (!feeds.has(path)) feeds.set(path, new Feed(path));
    return feeds.get(path);
  }

  static all() {
    return [...feeds.values()];
  }

  constructor(path) {
    super();
    this.url = new URL(path, location.href);
    this.url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.channels = new Map(); // key -> { arg, listeners }
    this.state = "idle"; // idle, connecting, live, lost
    this.latency = null;
    this.clockAhead = null; // milliseconds by which the clock here is ahead of the server's, a round trip included
    this.attempts = 0;
    this.heardAt = performance.now();
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.hurry(); });
  }

  /** Calls `listener(message)` for each push of the channel; returns what ends it. */
  subscribe(arg, listener) {
    const key = keyOf(arg);
    let channel = this.channels.get(key);
    if (!channel) {
      channel = { arg, listeners: new Set() };
      this.channels.set(key, channel);
      this.send({ op: "subscribe", args: [arg] });
    }
    channel.listeners.add(listener);
    this.connect();
    return () => {
      channel.listeners.delete(listener);
      if (channel.listeners.size || this.channels.get(key) !== channel) return;
      this.channels.delete(key);
      this.send({ op: "unsubscribe", args: [arg] });
    };
  }

  /** Asks for a fresh snapshot of one channel, after a gap. */
  resubscribe(arg) {
    this.send({ op: "unsubscribe", args: [arg] });
    this.send({ op: "subscribe", args: [arg] });
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  connect() {
    if (this.socket || this.retry) return;
    this.setState(this.attempts ? "lost" : "connecting");
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      this.openedAt = performance.now();
      this.setState("live");
      const args = [...this.channels.values()].map((channel) => channel.arg);
      if (args.length) this.send({ op: "subscribe", args });
      this.pinger = setInterval(() => this.ping(), PING_MILLISECONDS);
      this.ping();
    };
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = () => this.lose(socket);
  }

  ping() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.pingedAt = performance.now();
    this.socket.send("ping");
    clearTimeout(this.deadline);
    const socket = this.socket;
    this.deadline = setTimeout(() => { socket.close(); this.lose(socket); }, PONG_WITHIN_MILLISECONDS);
  }

  receive(text) {
    this.heardAt = performance.now();
    if (text === "pong") {
      clearTimeout(this.deadline);
      this.latency = Math.round(performance.now() - this.pingedAt);
      this.setState("live");
      return;
    }
    const message = JSON.parse(text);
    if (!message.arg || !message.data) return;
    if (message.arg.channel === "tickers") this.clockAhead = Date.now() - Number(message.data[0].ts);
    const channel = this.channels.get(keyOf(message.arg));
    if (channel) for (const listener of channel.listeners) listener(message);
  }

  lose(socket) {
    if (this.socket !== socket) return;
    socket.onclose = socket.onmessage = socket.onopen = null;
    this.socket = null;
    clearInterval(this.pinger);
    clearTimeout(this.deadline);
    if (this.openedAt && performance.now() - this.openedAt > STEADY_MILLISECONDS) this.attempts = 0;
    this.setState("lost");
    const pause = BACKOFF_MILLISECONDS[Math.min(this.attempts, BACKOFF_MILLISECONDS.length - 1)];
    this.attempts += 1;
    this.retry = setTimeout(() => { this.retry = null; this.connect(); }, pause * (0.6 + Math.random() * 0.8));
  }

  hurry() {
    if (!this.retry) return;
    clearTimeout(this.retry);
    this.retry = null;
    this.connect();
  }

  setState(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state"));
    document.dispatchEvent(new CustomEvent("xos:feed", { detail: { feed: this } }));
  }
}

/** GET of the public REST API of a venue; the `data` list, or an error that names the reason. */
export async function rest(base, path, query) {
  const response = await fetch(`${base}/api/v5/${path}?${new URLSearchParams(query)}`, { credentials: "omit" });
  const body = await response.json();
  if (body.code !== "0") throw new Error(body.msg || `The venue answered ${response.status}.`);
  return body.data;
}

/** Runs `draw` once in the next frame, however often it is asked for. */
export function coalesced(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; draw(); });
  };
}
