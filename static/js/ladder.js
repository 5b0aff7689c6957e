// <xos-ladder>: the front of an outcome's book for the side one bets on. Attributes: base (/v/<slug>), inst, one (ticks of
// a contract), mirrored (No: prices are one less those of Yes, and bids are offers). The server draws it first.

import { Feed, coalesced } from "./feed.js";
import { grouped, toScaled } from "./numbers.js";

const SCALE = 6;

class Ladder extends HTMLElement {
  connectedCallback() {
    this.mirrored = this.hasAttribute("mirrored");
    this.sides = { bids: new Map(), asks: new Map() };
    this.sequence = null;
    this.arg = { channel: "books", instId: this.getAttribute("inst") };
    this.draw = coalesced(() => this.render());
    this.feed = Feed.at(`${this.getAttribute("base")}/ws/v5/public`);
    this.stop = this.feed.subscribe(this.arg, (message) => this.receive(message));
    this.onState = () => { if (this.feed.state === "lost") this.sequence = null; };
    this.feed.addEventListener("state", this.onState);
    this.addEventListener("click", (event) => this.pick(event.target.closest("tr[data-price]")));
  }

  disconnectedCallback() {
    this.stop();
    this.feed.removeEventListener("state", this.onState);
  }

  receive({ action, data: [change] }) {
    if (action === "snapshot") {
      this.sides.bids.clear();
      this.sides.asks.clear();
    } else if (this.sequence === null) {
      return;
    } else if (change.prevSeqId !== this.sequence) {
      this.sequence = null;
      this.feed.resubscribe(this.arg);
      return;
    }
    this.sequence = change.seqId;
    for (const side of ["bids", "asks"]) {
      const shown = this.mirrored ? { bids: "asks", asks: "bids" }[side] : side;
      for (const [text, size] of change[side]) {
        const price = toScaled(text, SCALE);
        const own = this.mirrored ? 10n ** BigInt(SCALE) - price : price;
        if (size === "0") this.sides[shown].delete(own);
        else this.sides[shown].set(own, size);
      }
    }
    this.draw();
  }

  levels(side) {
    const sorted = [...this.sides[side]].sort((a, b) => (a[0] < b[0] ? -1 : 1));
    return side === "bids" ? sorted.reverse() : sorted;
  }

  render() {
    const levels = { bids: this.levels("bids"), asks: this.levels("asks") };
    const bodies = { bids: this.querySelector("[data-side=bids]"), asks: this.querySelector("[data-side=asks]") };
    const count = bodies.bids.rows.length;
    const front = [...levels.bids.slice(0, count), ...levels.asks.slice(0, count)];
    const deepest = front.reduce((most, [, size]) => Math.max(most, Number(size)), 1);
    for (const side of ["bids", "asks"]) {
      for (let rank = 0; rank < count; rank += 1) {
        fill(bodies[side].rows[side === "asks" ? count - 1 - rank : rank], levels[side][rank], deepest);
      }
    }
    const [bid, ask] = [levels.bids[0]?.[0], levels.asks[0]?.[0]];
    this.querySelector("[data-spread]").textContent = bid !== undefined && ask !== undefined ? cents(ask - bid) : "–";
  }

  /** A click takes the price into the ticket as a limit. */
  pick(row) {
    if (row) document.dispatchEvent(new CustomEvent("xos:ladder", { detail: { price: row.dataset.price } }));
  }
}

function cents(price) {
  const text = String(price).padStart(SCALE - 1, "0");
  const fraction = text.slice(-(SCALE - 2)).replace(/0+$/, "");
  return `${text.slice(0, -(SCALE - 2)) || "0"}${fraction ? `.${fraction}` : ""}¢`;
}

function fill(row, level, deepest) {
  const [price, size] = level ?? [null, ""];
  const [first, second] = row.cells;
  const meter = second.querySelector("meter");
  row.toggleAttribute("data-empty", !level);
  if (level) row.dataset.price = cents(price).slice(0, -1);
  else delete row.dataset.price;
  const text = level ? cents(price) : "";
  if (first.textContent !== text) first.textContent = text;
  const lots = size ? grouped(size) : "";
  if (second.firstChild.nodeType !== Node.TEXT_NODE) second.prepend("");
  if (second.firstChild.textContent !== lots) second.firstChild.textContent = lots;
  meter.max = deepest;
  meter.value = Number(size || 0);
}

customElements.define("xos-ladder", Ladder);
