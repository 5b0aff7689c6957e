// The page of an event: prices and trades as they come, the countdown, and which outcome the ticket is about. What is
// one's own is asked for again when the account says that something changed.

import "./bet.js";
import "./countdown.js";
import "./ladder.js";
import "./odds.js";

const BACKOFF_MILLISECONDS = [500, 1_000, 2_000, 4_000, 8_000];
const PING_MILLISECONDS = 20_000;
const UNKNOWN = 4404;
const TAPE_ROWS = 12;

class EventPage extends HTMLElement {
  connectedCallback() {
    this.url = new URL(this.getAttribute("socket"), location.href);
    this.url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    this.attempts = 0;
    this.connect();
    document.body.addEventListener("htmx:after:swap", () => this.markChosen());
    this.addEventListener("click", (event) => this.picked(event.target.closest("[data-pick]")));
    this.markChosen();
  }

  disconnectedCallback() {
    this.gone = true;
    this.socket?.close();
  }

  connect() {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      if (this.attempts) this.refresh();
      this.pinger = setInterval(() => socket.send("ping"), PING_MILLISECONDS);
    };
    socket.onmessage = (event) => {
      if (event.data === "pong") return;
      this.attempts = 0;
      this.show(JSON.parse(event.data));
    };
    socket.onclose = ({ code }) => {
      clearInterval(this.pinger);
      if (this.gone || code === UNKNOWN) return;
      const pause = BACKOFF_MILLISECONDS[Math.min(this.attempts, BACKOFF_MILLISECONDS.length - 1)];
      this.attempts += 1;
      setTimeout(() => this.connect(), pause * (0.6 + Math.random() * 0.8));
    };
  }

  /** Whatever may have been missed is asked for again. */
  refresh() {
    for (const part of this.querySelectorAll("#outcomes, #own, #way")) part.dispatchEvent(new CustomEvent("xos:refresh"));
  }

  show({ prices, trades, moved }) {
    for (const [symbol, texts] of Object.entries(prices)) this.showPrice(symbol, texts);
    for (const trade of trades) this.addTrade(trade);
    if (trades.length) document.dispatchEvent(new CustomEvent("xos:traded"));
    if (moved) this.refresh();
  }

  showPrice(symbol, [chance, percent, yes, no]) {
    const row = this.querySelector(`tr[data-symbol="${CSS.escape(symbol)}"]`);
    if (row) {
      set(row.querySelector("[data-chance]"), chance, true);
      row.querySelector("[data-meter]").value = Number(percent);
      set(row.querySelector("[data-yes]"), yes || "–");
      set(row.querySelector("[data-no]"), no || "–");
    }
    const ticket = this.querySelector(`xos-bet[data-outcome="${CSS.escape(symbol)}"]`);
    if (ticket) {
      set(ticket.querySelector("[data-ticket-yes]"), yes || "–");
      set(ticket.querySelector("[data-ticket-no]"), no || "–");
    }
  }

  addTrade({ id, name, bought, price, lots, ms }) {
    const list = this.querySelector("[data-tape]");
    if (list.querySelector(`[data-trade="${id}"]`)) return;
    const item = document.createElement("li");
    item.dataset.trade = id;
    const cell = (tag, css, text) => { const made = document.createElement(tag); made.className = css; made.textContent = text; item.append(made); return made; };
    cell("span", "clip", name);
    cell("span", `num ${bought ? "up" : "down"}`, `${price} ${bought ? "▲" : "▼"}`);
    cell("span", "num dim", Number(lots).toLocaleString("en"));
    cell("time", "num faint", new Date(ms).toISOString().slice(11, 19)).dateTime = new Date(ms).toISOString();
    list.prepend(item);
    while (list.children.length > TAPE_ROWS) list.lastElementChild.remove();
    this.querySelector("[data-tape-none]")?.remove();
  }

  /** The row of the outcome that the ticket is about. */
  markChosen() {
    const symbol = this.querySelector("xos-bet")?.dataset.outcome;
    for (const row of this.querySelectorAll("tr[data-symbol]")) row.toggleAttribute("data-chosen", row.dataset.symbol === symbol);
  }

  /** On a narrow screen the ticket stands below: bring it into view. */
  picked(link) {
    if (!link) return;
    const side = this.querySelector("#trade");
    if (getComputedStyle(side).position !== "sticky") side.scrollIntoView({ block: "start", behavior: "smooth" });
  }
}

function set(element, text, flashes = false) {
  if (!element || element.textContent === text) return;
  element.textContent = text;
  if (!flashes) return;
  element.removeAttribute("data-flash");
  requestAnimationFrame(() => element.setAttribute("data-flash", ""));
}

// A search shows rows that are folded away, too.
document.addEventListener("input", (event) => {
  const search = event.target.closest?.("[data-search]");
  const list = document.querySelector("[data-outcome-list]");
  if (!search || !list) return;
  for (const row of list.querySelectorAll("[data-more]")) row.toggleAttribute("data-found", Boolean(search.value.trim()));
});

customElements.define("xos-event", EventPage);
