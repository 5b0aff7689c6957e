// <xos-bell>: the count of unread notifications, pushed over a socket, with a toast for each new one. While there is no
// socket it asks every fifteen seconds. Attributes: socket, poll (the address of the count).

import { NOTIFICATION, toast } from "./toast.js";

const BACKOFF_MILLISECONDS = [1_000, 2_000, 4_000, 8_000, 15_000];
const PING_MILLISECONDS = 20_000;
const PONG_WITHIN_MILLISECONDS = 8_000;
const POLL_MILLISECONDS = 15_000;
const UNAUTHENTICATED = 4401;
const SHOWN_AT_MOST = 99;

class Bell extends HTMLElement {
  connectedCallback() {
    this.attempts = 0;
    this.mark = null; // the newest notification this page knows of
    this.connect();
  }

  disconnectedCallback() {
    this.gone = true;
    this.socket?.close();
    this.rest();
  }

  rest() {
    clearInterval(this.pinger);
    clearInterval(this.poller);
    clearTimeout(this.deadline);
  }

  connect() {
    const url = new URL(this.getAttribute("socket"), location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (this.mark !== null) url.searchParams.set("after", this.mark);
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onopen = () => {
      this.rest();
      this.pinger = setInterval(() => {
        socket.send("ping");
        this.deadline = setTimeout(() => socket.close(), PONG_WITHIN_MILLISECONDS);
      }, PING_MILLISECONDS);
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(this.deadline);
      this.attempts = 0;
      if (data !== "pong") this.hear(JSON.parse(data));
    };
    socket.onclose = ({ code }) => {
      this.rest();
      if (this.gone || code === UNAUTHENTICATED) return;
      this.poller = setInterval(() => this.ask(), POLL_MILLISECONDS);
      const pause = BACKOFF_MILLISECONDS[Math.min(this.attempts, BACKOFF_MILLISECONDS.length - 1)];
      this.attempts += 1;
      setTimeout(() => this.connect(), pause * (0.6 + Math.random() * 0.8));
    };
  }

  hear({ unread, mark, notes }) {
    this.mark = mark;
    this.show(unread);
    for (const note of notes) if (!toldElsewhere(note)) toast(note.level, note.text, { about: note.about, link: note.link, rank: NOTIFICATION });
    if (notes.length) document.dispatchEvent(new CustomEvent("xos:notified"));
  }

  async ask() {
    try {
      const response = await fetch(this.getAttribute("poll"), { headers: { Accept: "application/json" } });
      if (response.ok) this.show((await response.json()).unread);
    } catch {
      // The connection is away; the next turn asks again.
    }
  }

  show(unread) {
    const badge = this.querySelector("[data-unread]");
    badge.hidden = unread === 0;
    badge.firstChild.textContent = unread > SHOWN_AT_MOST ? `${SHOWN_AT_MOST}+` : String(unread);
  }
}

/** The terminal's own socket tells what becomes of orders and positions at its venue. */
function toldElsewhere({ kind, link }) {
  const own = document.querySelector("[data-account-socket]")?.dataset.accountSocket?.match(/\/v\/[^/]+\//)?.[0];
  return Boolean(own) && ["fill", "liquidation", "adl", "settlement"].includes(kind) && link.startsWith(own);
}

customElements.define("xos-bell", Bell);
