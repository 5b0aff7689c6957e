// The terminal page: loads its parts, keeps the private tables fresh, shows the state of the connection, and gives
// the keys of the keyboard their meaning.

import "./book.js";
import "./chart.js";
import "./tape.js";
import "./ticker.js";
import "./ticket.js";
import { Feed } from "./feed.js";
import { toast } from "./toast.js";

const LOST_AFTER_MILLISECONDS = 1_500;
const BACKOFF_MILLISECONDS = [500, 1_000, 2_000, 4_000, 8_000];
const RETRY_MILLISECONDS = 3_000;
const UNAUTHENTICATED = 4401;
const UNKNOWN = 4404;
const root = document.querySelector("[data-terminal]");
let retryTimer = null;

// Private tables: each panel fetches itself on "refresh"; hidden ones wait until they are shown.

function refreshPanels() {
  for (const panel of root.querySelectorAll("[data-panel]")) {
    if (panel.hidden) panel.dataset.stale = "";
    else refresh(panel);
  }
}

function refresh(panel) {
  delete panel.dataset.stale;
  panel.dispatchEvent(new CustomEvent("refresh"));
}

function readOwnOrders() {
  const rows = [...root.querySelectorAll(`[data-order][data-inst="${CSS.escape(root.dataset.inst)}"]`)];
  const orders = rows.map((row) => ({ side: row.dataset.side, price: row.dataset.price, size: row.dataset.size }));
  document.dispatchEvent(new CustomEvent("xos:orders", { detail: orders }));
  const count = root.querySelector("[data-orders-count]")?.dataset.ordersCount ?? "0";
  for (const badge of root.querySelectorAll("[data-count]")) {
    badge.textContent = count;
    badge.hidden = count === "0";
  }
  const held = root.querySelector("[data-positions-count]")?.dataset.positionsCount;
  for (const badge of held === undefined ? [] : root.querySelectorAll("[data-count-positions]")) {
    badge.textContent = held;
    badge.hidden = held === "0";
  }
}

/** What could not be shown is asked for again, as long as it takes. */
function retryFailed() {
  if (!root.querySelector("[data-failed]")) return;
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => {
    for (const part of root.querySelectorAll("[data-failed]")) refresh(part.closest("[data-panel]"));
  }, RETRY_MILLISECONDS);
}

root.addEventListener("htmx:after:swap", () => {
  readOwnOrders();
  retryFailed();
  document.dispatchEvent(new CustomEvent("xos:panels"));
});
root.addEventListener("xos:tab", () => {
  for (const panel of root.querySelectorAll("[data-panel][data-stale]")) if (!panel.hidden) refresh(panel);
});
document.addEventListener("xos:dirty", refreshPanels);
readOwnOrders();
retryFailed();

// The private socket says when the account changed; the tables are then asked for again.

class AccountSocket {
  constructor(path) {
    this.url = new URL(path, location.href);
    this.url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.attempts = 0;
    this.connect();
  }

  connect() {
    const socket = new WebSocket(this.url);
    socket.onopen = () => {
      if (this.attempts) refreshPanels();
      this.attempts = 0;
    };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      for (const { level, text, about } of message.toasts ?? []) toast(level, text, { about });
      refreshPanels();
    };
    socket.onclose = ({ code }) => {
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

if (root.dataset.accountSocket) new AccountSocket(root.dataset.accountSocket);

// Connection state: a dot with the round trip, and a banner once the loss lasts.

const link = root.querySelector("[data-link]");
const banner = root.querySelector("[data-lost]");
let lostTimer = null;

document.addEventListener("xos:feed", () => {
  const feeds = Feed.all();
  const lost = feeds.some((feed) => feed.state === "lost");
  const live = feeds.every((feed) => feed.state === "live");
  link.dataset.state = lost ? "lost" : live ? "live" : "connecting";
  const latency = feeds.find((feed) => feed.latency !== null)?.latency;
  link.querySelector("[data-link-text]").textContent = lost ? "Reconnecting" : live ? (latency == null ? "Live" : `${latency} ms`) : "Connecting";
  if (!lost) {
    clearTimeout(lostTimer);
    lostTimer = null;
    banner.hidden = true;
  } else {
    lostTimer ??= setTimeout(() => { banner.hidden = false; }, LOST_AFTER_MILLISECONDS);
  }
});

// Phone: one part at a time.

function show(view) {
  root.dataset.view = view;
  for (const button of document.querySelectorAll("[data-show]")) {
    if (button.dataset.show === view) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  scrollTo({ top: 0 });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-show]");
  if (button) show(button.dataset.show);
});
document.addEventListener("xos:price", () => { if (root.dataset.view === "book") show("ticket"); });

// Keys: b and s choose a side, l and m a type, p the price, a the amount.

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const ticket = document.querySelector("xos-ticket");
  if (!ticket?.form) return;
  const choices = { b: ["side", "buy"], s: ["side", "sell"], l: ["type", "limit"], m: ["type", "market"] };
  if (choices[event.key]) ticket.choose(...choices[event.key]);
  else if (event.key === "p") ticket.field("price").focus();
  else if (event.key === "a") ticket.field("size").focus();
  else return;
  event.preventDefault();
  ticket.scrollIntoView({ block: "nearest" });
});
