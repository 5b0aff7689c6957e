// <xos-tape>: the last trades, newest first. Attributes: base (/v/<slug>), inst, price-scale, size-scale.

import { Feed, coalesced, rest } from "./feed.js";
import { clock, fixed } from "./numbers.js";

const KEPT = 60;
const BIG = 4; // times the middle size of those shown

class Tape extends HTMLElement {
  connectedCallback() {
    this.base = this.getAttribute("base");
    this.inst = this.getAttribute("inst");
    this.priceScale = Number(this.getAttribute("price-scale"));
    this.sizeScale = Number(this.getAttribute("size-scale"));
    this.body = this.querySelector("tbody");
    this.trades = [];
    this.known = new Set();
    this.draw = coalesced(() => this.render());
    this.feed = Feed.at(`${this.base}/ws/v5/public`);
    this.stop = this.feed.subscribe({ channel: "trades", instId: this.inst }, ({ data }) => this.add(data));
    this.wasLost = false;
    this.onState = () => {
      if (this.feed.state === "live" && this.wasLost) this.load();
      this.wasLost = this.feed.state === "lost";
    };
    this.feed.addEventListener("state", this.onState);
    this.load();
  }

  disconnectedCallback() {
    this.stop();
    this.feed.removeEventListener("state", this.onState);
  }

  async load() {
    try {
      this.add(await rest(this.base, "market/trades", { instId: this.inst, limit: KEPT }));
    } catch {
      this.draw(); // the feed goes on by itself; the empty state shows meanwhile
    }
  }

  add(trades) {
    for (const trade of trades) {
      if (this.known.has(trade.tradeId)) continue;
      this.known.add(trade.tradeId);
      this.trades.push(trade);
    }
    this.trades.sort((a, b) => Number(b.ts) - Number(a.ts) || Number(b.tradeId) - Number(a.tradeId));
    for (const gone of this.trades.splice(KEPT)) this.known.delete(gone.tradeId);
    this.draw();
  }

  render() {
    while (this.body.rows.length < this.trades.length) {
      const row = this.body.insertRow();
      for (let cell = 0; cell < 3; cell += 1) row.insertCell();
    }
    while (this.body.rows.length > this.trades.length) this.body.deleteRow(-1);
    const sizes = this.trades.map((trade) => Number(trade.sz)).sort((a, b) => a - b);
    const big = this.trades.length > 8 ? sizes[sizes.length >> 1] * BIG : Infinity;
    this.trades.forEach((trade, rank) => {
      const row = this.body.rows[rank];
      const isBig = Number(trade.sz) >= big;
      if (row.hasAttribute("data-big") !== isBig) {
        row.toggleAttribute("data-big", isBig);
        row.title = isBig ? "A large trade" : "";
      }
      if (row.dataset.id === trade.tradeId) return;
      row.dataset.id = trade.tradeId;
      row.dataset.taker = trade.side;
      const arrow = trade.side === "buy" ? "▲" : "▼";
      row.cells[0].textContent = `${fixed(trade.px, this.priceScale)} ${arrow}`;
      row.cells[1].textContent = fixed(trade.sz, this.sizeScale);
      row.cells[2].textContent = clock(Number(trade.ts));
    });
    const none = this.querySelector("[data-none]");
    none.hidden = this.trades.length > 0;
  }
}

customElements.define("xos-tape", Tape);
