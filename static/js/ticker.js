// <xos-ticker>: figures of one market that move. Attributes: base (/v/<slug>), inst, price-scale. Inside it,
// [data-tick=last|change|high|low|volume|quote-volume] hold the texts the server wrote first; with the attribute `row`
// they are looked for in the table row it stands in.

import { Feed, coalesced } from "./feed.js";
import { changeOf, fixed, grouped, short } from "./numbers.js";

const FIGURES = [
  ["funding-rate", "funding", (row) => `${(Number(row.fundingRate) * 100).toFixed(4)}%`],
  ["open-interest", "interest", (row) => grouped(short(row.oi))],
];

class Ticker extends HTMLElement {
  connectedCallback() {
    this.priceScale = Number(this.getAttribute("price-scale"));
    this.scope = this.hasAttribute("row") ? this.closest("tr") : this;
    this.draw = coalesced(() => this.render());
    const arg = { channel: "tickers", instId: this.getAttribute("inst") };
    const feed = Feed.at(`${this.getAttribute("base")}/ws/v5/public`);
    const stops = [feed.subscribe(arg, ({ data }) => {
      this.ticker = data[0];
      this.draw();
    })];
    for (const [channel, name, text] of FIGURES) {
      if (!this.scope.querySelector(`[data-tick="${name}"]`)) continue;
      stops.push(feed.subscribe({ channel, instId: this.getAttribute("inst") }, ({ data }) => this.put(name, text(data[0]))));
    }
    this.stop = () => stops.forEach((stop) => stop());
  }

  disconnectedCallback() {
    this.stop();
  }

  put(name, text) {
    for (const part of this.scope.querySelectorAll(`[data-tick="${name}"]`)) if (part.textContent !== text) part.textContent = text;
  }

  render() {
    const { last, open24h, high24h, low24h, vol24h, volCcy24h } = this.ticker;
    if (!last) return;
    const price = fixed(last, this.priceScale);
    for (const part of this.scope.querySelectorAll('[data-tick="last"]')) {
      if (this.scope === this && this.last && Number(this.last) !== Number(last)) {
        const rose = Number(last) > Number(this.last);
        part.classList.toggle("up", rose);
        part.classList.toggle("down", !rose);
      }
      if (part.textContent !== price) part.textContent = price;
    }
    this.last = last;
    const change = changeOf(open24h, last);
    for (const part of this.scope.querySelectorAll('[data-tick="change"]')) {
      part.textContent = `${change.sign > 0 ? "▲ " : change.sign < 0 ? "▼ " : ""}${change.text}`;
      part.classList.toggle("up", change.sign > 0);
      part.classList.toggle("down", change.sign < 0);
      part.classList.toggle("faint", change.sign === 0);
    }
    this.put("high", high24h ? fixed(high24h, this.priceScale) : "–");
    this.put("low", low24h ? fixed(low24h, this.priceScale) : "–");
    this.put("volume", grouped(short(vol24h || "0")));
    // Of a perpetual the API tells the volume in the underlying: at the last price it is what was turned over.
    const inBase = this.getAttribute("inst").endsWith("-SWAP");
    this.put("quote-volume", grouped(short(inBase ? String(Number(volCcy24h || 0) * Number(last)) : volCcy24h || "0")));
    if (this.hasAttribute("titled")) document.title = `${price} · ${this.getAttribute("inst")} · ${this.getAttribute("titled")}`;
  }
}

customElements.define("xos-ticker", Ticker);
