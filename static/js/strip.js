// <xos-strip>: what moves in the header of a market beside its ticker: mark, index, funding with its countdown, open
// interest and the phase of the market. Attributes: base, inst, inst-type, family, price-scale. [data-live=…] hold the texts.

import { Feed, coalesced } from "./feed.js";
import { fixed, grouped, short } from "./numbers.js";

const CONTRACTS = [["mark-price", "instId"], ["open-interest", "instId"], ["funding-rate", "instId"]];

class Strip extends HTMLElement {
  connectedCallback() {
    const [base, inst, kind] = ["base", "inst", "inst-type"].map((name) => this.getAttribute(name));
    this.scale = Number(this.getAttribute("price-scale"));
    this.texts = {};
    this.draw = coalesced(() => this.render());
    const feed = Feed.at(`${base}/ws/v5/public`);
    const take = ({ arg, data: [row] }) => { this.take(arg.channel, row); this.draw(); };
    this.stops = [feed.subscribe({ channel: "instruments", instType: kind }, ({ data }) => {
      for (const row of data) if (row.instId === inst) document.dispatchEvent(new CustomEvent("xos:phase", { detail: row.state }));
    })];
    if (kind === "SWAP") {
      for (const [channel] of CONTRACTS) this.stops.push(feed.subscribe({ channel, instId: inst }, take));
      this.stops.push(feed.subscribe({ channel: "index-tickers", instId: this.getAttribute("family") }, take));
      this.timer = setInterval(() => this.draw(), 1_000);
    }
  }

  disconnectedCallback() {
    for (const stop of this.stops) stop();
    clearInterval(this.timer);
  }

  take(channel, row) {
    if (channel === "mark-price") {
      this.texts.mark = fixed(row.markPx, this.scale);
      document.dispatchEvent(new CustomEvent("xos:mark", { detail: row.markPx }));
    } else if (channel === "index-tickers") this.texts.index = fixed(row.idxPx, this.scale);
    else if (channel === "open-interest") this.texts.interest = grouped(short(row.oi));
    else if (channel === "funding-rate") {
      this.due = Number(row.fundingTime);
      this.texts.funding = `${(Number(row.fundingRate) * 100).toFixed(4)}%`;
    }
  }

  render() {
    if (this.due) {
      const left = Math.max(0, Math.round((this.due - Date.now()) / 1000));
      this.texts["funding-in"] = [left / 3600, (left % 3600) / 60, left % 60].map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
    }
    for (const part of this.querySelectorAll("[data-live]")) {
      const text = this.texts[part.dataset.live];
      if (text !== undefined && part.textContent !== text) part.textContent = text;
    }
  }
}

customElements.define("xos-strip", Strip);
