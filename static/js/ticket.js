// <xos-ticket>: the order ticket. The form is sent by htmx and works by keyboard; this element fills prices from the
// book, turns a share of the balance into a size, and asks the server what the order would cost.

import { fromScaled, grouped, toScaled } from "./numbers.js";

const PPM = 1_000_000n;
const CONTRACT_SCALE = 12;
const CONTRACT_ONE = 10n ** 12n;
const PREVIEW_AGAIN_MILLISECONDS = 3_000;

class Ticket extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    if (!this.form) return; // a reader who is not signed in sees no form
    this.scales = { price: Number(this.dataset.priceScale), size: Number(this.dataset.sizeScale), quote: Number(this.dataset.quoteScale) };
    this.tick = toScaled(this.dataset.tick, this.scales.price);
    this.lot = toScaled(this.dataset.lot, this.scales.size);
    this.takerPpm = BigInt(this.dataset.takerPpm);
    this.field = (name) => this.form.elements[name];
    this.slider = this.form.querySelector("[data-share]");
    this.best = { bid: null, ask: null };
    this.form.addEventListener("input", (event) => this.changed(event.target));
    this.form.addEventListener("keydown", (event) => this.stepPrice(event));
    this.form.addEventListener("click", (event) => {
      const share = event.target.closest("[data-set-share]");
      if (share) this.takeShare(Number(share.dataset.setShare));
    });
    this.form.addEventListener("htmx:config:request", () => this.renew());
    this.listeners = {
      "xos:price": (event) => this.takePrice(event.detail),
      "xos:best": (event) => { this.best = event.detail; this.suggest(); },
      "xos:placed": () => this.placed(),
      "xos:panels": () => this.showFunds(),
    };
    for (const [name, listener] of Object.entries(this.listeners)) document.addEventListener(name, listener);
    this.timer = setInterval(() => { if (this.type() === "market" && !document.hidden) this.preview(); }, PREVIEW_AGAIN_MILLISECONDS);
    this.renew();
    this.shape();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    for (const [name, listener] of Object.entries(this.listeners ?? {})) document.removeEventListener(name, listener);
  }

  side() { return this.field("side").value; }
  type() { return this.field("type").value; }

  /** A new client order id for each order: an order sent twice by accident is placed once. */
  renew() {
    const bytes = crypto.getRandomValues(new Uint8Array(10));
    this.field("client_id").value = `web${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }

  /** The parts that a side and a type show. */
  shape() {
    this.dataset.side = this.side();
    this.dataset.type = this.type();
    const plan = this.field("plan").value;
    for (const part of this.form.querySelectorAll("[data-for]")) {
      const planned = !part.dataset.plan || part.dataset.plan.split(" ").includes(plan);
      part.hidden = !planned || !part.dataset.for.split(" ").includes(this.type());
    }
    const verb = this.side() === "buy" ? "Buy" : "Sell";
    const button = this.form.querySelector("[type=submit]");
    button.textContent = `${verb} ${this.dataset.base}`;
    button.classList.toggle("btn-buy", this.side() === "buy");
    button.classList.toggle("btn-sell", this.side() === "sell");
    this.showFunds();
  }

  funds() {
    const held = document.querySelector("[data-free-base]");
    const read = (text, scale) => (held ? toScaled(text, scale) ?? 0n : 0n);
    return { base: read(held?.dataset.freeBase, Number(this.dataset.baseScale)), quote: read(held?.dataset.freeQuote, this.scales.quote) };
  }

  showFunds() {
    const { base, quote } = this.funds();
    const buying = this.side() === "buy" || Boolean(this.dataset.contract);
    const text = buying ? fromScaled(quote, this.scales.quote, { trim: true }) : fromScaled(base, Number(this.dataset.baseScale), { trim: true });
    const shown = this.form.querySelector("[data-available]");
    if (shown) shown.textContent = `${grouped(text)} ${buying ? this.dataset.quote : this.dataset.base}`;
  }

  /** The price an order would trade at, as a scaled integer: the limit, or the best of the other side. */
  price() {
    const text = this.type() === "limit" ? this.field("price").value : this.side() === "buy" ? this.best.ask : this.best.bid;
    return text ? toScaled(String(text).replaceAll(",", ""), this.scales.price) : null;
  }

  /** The whole of the free balance as a size in lots of the scale, fee included when buying; of contracts as their full value. */
  most() {
    const { base, quote } = this.funds();
    const contract = this.dataset.contract ? toScaled(this.dataset.contract, CONTRACT_SCALE) || CONTRACT_ONE : CONTRACT_ONE;
    if (this.side() === "sell" && !this.dataset.contract) {
      const units = (base * 10n ** BigInt(this.scales.size)) / 10n ** BigInt(this.dataset.baseScale);
      return (units / this.lot) * this.lot;
    }
    const price = this.price();
    if (!price) return 0n;
    const scale = 10n ** BigInt(this.scales.price + this.scales.size);
    const worst = this.type() === "market" ? (price * 102n) / 100n : price;
    const units = (quote * scale * PPM * CONTRACT_ONE) / (worst * contract * (PPM + this.takerPpm) * 10n ** BigInt(this.scales.quote));
    return (units / this.lot) * this.lot;
  }

  takeShare(percent) {
    this.querySelector("#ticket-refusal").replaceChildren();
    const size = (((this.most() * BigInt(percent)) / 100n) / this.lot) * this.lot;
    this.slider.value = String(percent);
    this.showShare(percent);
    this.field("size").value = size > 0n ? fromScaled(size, this.scales.size, { trim: true }) : "";
    this.preview();
  }

  showShare(percent) {
    this.slider.style.setProperty("--share", `${percent}%`);
    this.form.querySelector("[data-share-text]").textContent = `${percent}%`;
  }

  changed(part) {
    this.querySelector("#ticket-refusal").replaceChildren();
    if (part === this.slider) { this.takeShare(Number(part.value)); return; }
    if (part.name === "size") {
      const size = toScaled(part.value, this.scales.size);
      const most = this.most();
      const percent = !size ? 0 : most ? Math.min(100, Number((size * 100n) / most)) : 100;
      this.slider.value = String(percent);
      this.showShare(percent);
    }
    if (["side", "type", "plan"].includes(part.name)) this.shape();
    this.preview();
  }

  takePrice({ price }) {
    if (this.type() !== "limit") {
      this.form.querySelector("[name=type][value=limit]").checked = true;
      this.shape();
    }
    this.field("price").value = price;
    this.touched = true;
    this.preview();
  }

  /** Fills an empty price once with the best of the same side, so that the ticket is ready to use. */
  suggest() {
    const field = this.field("price");
    if (this.touched || field.value) return;
    const best = this.best.ask ?? this.best.bid;
    if (best) { field.value = best; this.touched = true; }
  }

  stepPrice(event) {
    if (event.target.name !== "price" || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    const price = this.price();
    if (price === null) return;
    event.preventDefault();
    const next = price + (event.key === "ArrowUp" ? this.tick : -this.tick) * (event.shiftKey ? 10n : 1n);
    if (next > 0n) event.target.value = fromScaled(next, this.scales.price);
    this.preview();
  }

  preview() {
    this.form.querySelector("[data-preview]").dispatchEvent(new CustomEvent("preview"));
  }

  placed() {
    this.field("size").value = "";
    this.slider.value = "0";
    this.showShare(0);
    this.preview();
  }

  choose(name, value) {
    const radio = this.form.querySelector(`[name="${name}"][value="${value}"]`);
    radio.checked = true;
    this.changed(radio);
  }
}

customElements.define("xos-ticket", Ticket);
