// The private socket of the terminal: it says when the account changed; the tables are then asked for again. Every
// message carries a mark, up to which fills are told; after an interruption the page names the last mark it saw and is
// told what it missed, so that no fill is told twice and none is left out.

import { toast } from "./toast.js";

const BACKOFF_MILLISECONDS = [500, 1_000, 2_000, 4_000, 8_000];
const TOLD_AT_MOST = 500;
const UNAUTHENTICATED = 4401;
const UNKNOWN = 4404;

export class AccountSocket {
  constructor(path, changed) {
    this.path = path;
    this.changed = changed;
    this.attempts = 0;
    this.mark = null; // none before the first message
    this.told = new Set(); // what answers of the server have told of a fill already
    document.addEventListener("xos:filled", (event) => this.remember(event.detail.about));
    this.connect();
  }

  remember(about) {
    this.told.add(about);
    if (this.told.size > TOLD_AT_MOST) this.told.delete(this.told.values().next().value);
  }

  connect() {
    const url = new URL(this.path, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (this.mark !== null) url.searchParams.set("after", this.mark);
    const socket = new WebSocket(url);
    let first = true;
    socket.onopen = () => { this.attempts = 0; };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      for (const { level, text, about } of message.toasts ?? []) {
        if (first && this.told.has(about)) continue;
        toast(level, text, { about });
      }
      this.mark = message.mark ?? this.mark;
      first = false;
      this.changed();
    };
    socket.onclose = ({ code }) => {
      if (this.mark === null && this.attempts === 0) this.changed(); // nothing was heard: the tables are read all the same
      if (code === UNKNOWN) return;
      if (code === UNAUTHENTICATED) {
        toast("warning", "You are signed out. Sign in to see your orders again.");
        return;
      }
      const pause = BACKOFF_MILLISECONDS[Math.min(this.attempts, BACKOFF_MILLISECONDS.length - 1)];
      this.attempts += 1;
      setTimeout(() => this.connect(), pause * (0.6 + Math.random() * 0.8));
    };
  }
}
