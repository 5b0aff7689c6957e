// <xos-book>: the live order book. Attributes: base (/v/<slug>), inst, tick, price-scale, size-scale, quote-scale, contract.
// It keeps every level of the feed as scaled integers, groups them for display and redraws keyed rows once a frame.

import { Feed, coalesced } from "./feed.js";
import { fromScaled, grouped, toScaled } from "./numbers.js";

const GROUPS = [1n, 5n, 10n, 50n, 100n, 500n, 1000n];
const ONE = 10n ** 12n;
const ROWS_AT_LEAST = 5;
const ROWS_AT_MOST = 40;

class Book extends HTMLElement {
  connectedCallback() {
    this.inst = this.getAttribute("inst");
    this.priceScale = Number(this.getAttribute("price-scale"));
    this.sizeScale = Number(this.getAttribute("size-scale"));
    this.tick = toScaled(this.getAttribute("tick"), this.priceScale);
    this.group = this.tick;
    this.contract = toScaled(this.getAttribute("contract") ?? "1", 12) ?? ONE;
    this.inQuote = false;
    this.orders = [];
    this.sides = { bids: new Map(), asks: new Map() };
    this.sequence = null;
    this.own = { buy: new Map(), sell: new Map() };
    this.arg = { channel: "books", instId: this.inst };
    this.draw = coalesced(() => this.render());
    this.prepare();
    this.feed = Feed.at(`${this.getAttribute("base")}/ws/v5/public`);
    this.stop = this.feed.subscribe(this.arg, (message) => this.receive(message));
    this.onState = () => { if (this.feed.state === "lost") this.sequence = null; };
    this.feed.addEventListener("state", this.onState);
    this.onOrders = (event) => this.markOwn(event.detail);
    document.addEventListener("xos:orders", this.onOrders);
    this.watcher = new ResizeObserver(() => this.fit());
    this.watcher.observe(this);
    this.fit();
  }

  disconnectedCallback() {
    this.stop();
    this.feed.removeEventListener("state", this.onState);
    document.removeEventListener("xos:orders", this.onOrders);
    this.watcher.disconnect();
  }

  prepare() {
    this.toggleAttribute("data-live", true);
    this.table = this.querySelector("table");
    this.bodies = { asks: this.querySelector("[data-side=asks]"), bids: this.querySelector("[data-side=bids]") };
    this.spread = this.querySelector("[data-spread]");
    this.spreadPercent = this.querySelector("[data-spread-percent]");
    const select = this.querySelector("[data-group]");
    for (const factor of GROUPS) {
      const step = this.tick * factor;
      select.add(new Option(grouped(fromScaled(step, this.priceScale, { trim: true })), String(step)));
    }
    select.addEventListener("change", () => { this.group = BigInt(select.value); this.markOwn(this.orders); });
    const unit = this.querySelector("[data-size-unit]");
    unit.addEventListener("click", () => {
      this.inQuote = !this.inQuote;
      unit.textContent = this.inQuote ? unit.dataset.quote : unit.dataset.base;
      this.draw();
    });
    this.table.addEventListener("click", (event) => this.pick(event.target.closest("tr[data-price]")));
    this.table.addEventListener("keydown", (event) => this.steer(event));
  }

  /** As many rows a side as fit, so that the panel never grows or shrinks. */
  fit() {
    const style = getComputedStyle(this);
    const row = parseFloat(style.getPropertyValue("--book-row")) || 20;
    const room = this.clientHeight - this.table.tHead.offsetHeight - this.spread.closest("tr").offsetHeight - this.table.offsetTop;
    const count = Math.max(ROWS_AT_LEAST, Math.min(ROWS_AT_MOST, Math.floor(room / row / 2)));
    if (count === this.count) return;
    this.count = count;
    for (const [side, body] of Object.entries(this.bodies)) {
      while (body.rows.length > count) body.deleteRow(side === "asks" ? 0 : -1);
      while (body.rows.length < count) {
        const created = body.insertRow(side === "asks" ? 0 : -1);
        for (let cell = 0; cell < 3; cell += 1) created.insertCell();
        created.dataset.empty = "";
      }
    }
    this.draw();
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
      for (const [price, size] of change[side]) {
        const at = toScaled(price, this.priceScale);
        const lots = toScaled(size, this.sizeScale);
        if (lots) this.sides[side].set(at, lots);
        else this.sides[side].delete(at);
      }
    }
    this.draw();
  }

  /** Levels of a side, best first, gathered into steps of the chosen group: [price, size] pairs. */
  levels(side) {
    const steps = new Map();
    for (const [price, size] of this.sides[side]) {
      const step = this.step(side, price);
      steps.set(step, (steps.get(step) ?? 0n) + size);
    }
    const sorted = [...steps].sort((a, b) => (a[0] < b[0] ? -1 : 1));
    return side === "bids" ? sorted.reverse().slice(0, this.count) : sorted.slice(0, this.count);
  }

  /** Bids round down and asks up, so that a group is never shown better than its orders. */
  step(side, price) {
    const floor = (price / this.group) * this.group;
    return side === "bids" || floor === price ? floor : floor + this.group;
  }

  render() {
    const levels = { bids: this.levels("bids"), asks: this.levels("asks") };
    const deepest = ["bids", "asks"].map((side) => levels[side].reduce((sum, [, size]) => sum + size, 0n));
    const most = deepest[0] > deepest[1] ? deepest[0] : deepest[1];
    for (const side of ["bids", "asks"]) {
      let total = 0n;
      for (let rank = 0; rank < this.count; rank += 1) {
        const row = this.bodies[side].rows[side === "asks" ? this.count - 1 - rank : rank];
        const level = levels[side][rank];
        if (level) total += level[1];
        this.fill(row, side, level, total, most);
      }
    }
    this.showSpread();
    document.dispatchEvent(new CustomEvent("xos:book", { detail: this.sides }));
    this.toggleAttribute("ready", true);
  }

  fill(row, side, level, total, most) {
    if (!level) {
      if (row.dataset.price) {
        delete row.dataset.price;
        row.dataset.empty = "";
        row.style.removeProperty("--fill");
        for (const cell of row.cells) cell.textContent = "";
      }
      return;
    }
    const [price, size] = level;
    delete row.dataset.empty;
    const texts = [fromScaled(price, this.priceScale), this.sizeText(size, price), this.sizeText(total, price)];
    for (let cell = 0; cell < 3; cell += 1) {
      const text = grouped(texts[cell]);
      if (row.cells[cell].textContent !== text) row.cells[cell].textContent = text;
    }
    if (row.dataset.price !== texts[0]) row.dataset.price = texts[0];
    row.style.setProperty("--fill", `${Number((total * 1000n) / (most || 1n)) / 10}%`);
    const own = this.own[side === "bids" ? "buy" : "sell"].get(this.step(side, price));
    row.toggleAttribute("data-own", Boolean(own));
    row.title = own ? `Your orders here: ${own}` : "";
  }

  /** A size as shown: as it is, or what it is worth at the price in whole units of the quote asset. */
  sizeText(size, price) {
    if (!this.inQuote) return fromScaled(size, this.sizeScale);
    const scale = 10n ** BigInt(this.priceScale + this.sizeScale);
    return fromScaled((size * price * this.contract * 100n) / (scale * ONE), 2);
  }

  best(side) {
    let best = null;
    for (const price of this.sides[side].keys()) {
      if (best === null || (side === "bids" ? price > best : price < best)) best = price;
    }
    return best;
  }

  showSpread() {
    const bid = this.best("bids");
    const ask = this.best("asks");
    const shown = bid !== null && ask !== null;
    this.spread.textContent = shown ? grouped(fromScaled(ask - bid, this.priceScale)) : "–";
    this.spreadPercent.textContent = shown ? `${(Number(((ask - bid) * 1_000_000n) / ask) / 10_000).toFixed(3)}%` : "";
    document.dispatchEvent(new CustomEvent("xos:best", {
      detail: { bid: bid === null ? null : fromScaled(bid, this.priceScale), ask: ask === null ? null : fromScaled(ask, this.priceScale) },
    }));
  }

  /** Marks the steps that hold the reader's own orders: a list of { side, price, size }. */
  markOwn(orders) {
    this.orders = orders;
    this.own = { buy: new Map(), sell: new Map() };
    for (const { side, price } of orders) {
      const at = toScaled(price, this.priceScale);
      if (at === null) continue;
      const step = this.step(side === "buy" ? "bids" : "asks", at);
      this.own[side].set(step, (this.own[side].get(step) ?? 0) + 1);
    }
    this.draw();
  }

  pick(row) {
    if (!row) return;
    document.dispatchEvent(new CustomEvent("xos:price", {
      detail: { price: row.dataset.price, side: row.parentElement.dataset.side },
    }));
  }

  /** Arrows walk the rows, Enter takes the price. */
  steer(event) {
    const rows = [...this.table.querySelectorAll("tr[data-price]")];
    const here = rows.indexOf(this.table.querySelector("tr[data-cursor]"));
    if (event.key === "Enter" && here >= 0) {
      this.pick(rows[here]);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      rows[here]?.removeAttribute("data-cursor");
      const start = this.bodies.asks.querySelectorAll("tr[data-price]").length;
      const next = here < 0 ? start - 1 : here + (event.key === "ArrowDown" ? 1 : -1);
      rows[Math.max(0, Math.min(rows.length - 1, next))]?.setAttribute("data-cursor", "");
    }
  }
}

customElements.define("xos-book", Book);
