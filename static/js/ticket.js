// <xos-ticket>: the order ticket. The form is sent by htmx and works by keyboard; this element fills prices from the
// book, turns a share of the balance or a worth into a size, asks the server what the order would do, and asks once
// before it is sent. One ticket has one client order id until its order was placed: sent twice, it acts once.

import { ask } from "./confirm.js";
import { fromScaled, grouped, toScaled } from "./numbers.js";

const PPM = 1_000_000n;
const CONTRACT_SCALE = 12;
const CONTRACT_ONE = 10n ** 12n;
const PREVIEW_AGAIN_MILLISECONDS = 3_000;
const ASK_KEY = "xos-ask";

class Ticket extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form.ticket");
    if (!this.form) return; // a reader who is not signed in sees no form
    this.scales = { price: Number(this.dataset.priceScale), size: Number(this.dataset.sizeScale), quote: Number(this.dataset.quoteScale) };
    this.tick = toScaled(this.dataset.tick, this.scales.price);
    this.lot = toScaled(this.dataset.lot, this.scales.size);
    this.takerPpm = BigInt(this.dataset.takerPpm);
    this.contract = this.dataset.contract ? toScaled(this.dataset.contract, CONTRACT_SCALE) || CONTRACT_ONE : null;
    this.field = (name) => this.form.elements[name];
    this.slider = this.form.querySelector("[data-share]");
    this.total = this.form.querySelector("[data-total]");
    this.best = { bid: null, ask: null };
    this.setUpAsking();
    this.form.addEventListener("input", (event) => this.changed(event.target));
    this.form.addEventListener("keydown", (event) => this.stepPrice(event));
    this.form.addEventListener("click", (event) => {
      const share = event.target.closest("[data-set-share]");
      if (share) this.takeShare(Number(share.dataset.setShare));
    });
    this.form.addEventListener("htmx:confirm", (event) => this.confirm(event));
    this.form.addEventListener("htmx:before:request", (event) => { if (event.target === this.form) this.pending(true); });
    this.form.addEventListener("htmx:finally:request", (event) => { if (event.target === this.form) this.pending(false); });
    this.addEventListener("input", (event) => this.steerLeverage(event.target));
    this.listeners = {
      "xos:price": (event) => this.takePrice(event.detail),
      "xos:best": (event) => { this.best = event.detail; this.suggest(); },
      "xos:placed": () => this.placed(),
      "xos:ended": () => this.renew(),
      "xos:panels": () => this.showFunds(),
    };
    for (const [name, listener] of Object.entries(this.listeners)) document.addEventListener(name, listener);
    this.timer = setInterval(() => { if (this.type() === "market" && this.field("size").value && !document.hidden) this.preview(); }, PREVIEW_AGAIN_MILLISECONDS);
    this.renew();
    this.shape();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    for (const [name, listener] of Object.entries(this.listeners ?? {})) document.removeEventListener(name, listener);
  }

  side() { return this.field("side").value; }
  type() { return this.field("type").value; }

  /** A new client order id, for the next order. */
  renew() {
    const bytes = crypto.getRandomValues(new Uint8Array(10));
    this.field("client_id").value = `web${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }

  // Asking before sending, and the switch for it.

  setUpAsking() {
    this.asks = this.form.querySelector("[data-confirm-orders]");
    try { this.asks.checked = localStorage.getItem(ASK_KEY) !== "no"; } catch { /* storage may be switched off */ }
    const set = () => {
      if (this.asks.checked) this.form.setAttribute("hx-confirm", "Send this order?");
      else this.form.removeAttribute("hx-confirm");
      try { localStorage.setItem(ASK_KEY, this.asks.checked ? "yes" : "no"); } catch { /* it lasts for this page */ }
    };
    this.asks.addEventListener("change", set);
    set();
  }

  async confirm(event) {
    if (event.target !== this.form) return;
    event.preventDefault();
    const facts = [...this.form.querySelectorAll("[data-preview] dt")].map((term) => [term.textContent, term.nextElementSibling.textContent]);
    const buying = this.side() === "buy";
    const size = `${this.field("size").value || "0"} ${this.dataset.base}`;
    const price = this.type() === "limit" ? ` at ${this.field("price").value}` : this.type() === "market" ? " at the best available price" : "";
    const sure = await ask(`${buying ? "Buy" : "Sell"} ${size}${price}?`, {
      lines: facts, act: buying ? "Send buy order" : "Send sell order", level: buying ? "btn-buy" : "btn-sell",
    });
    if (sure && document.querySelector("#confirm [data-never]").checked) {
      this.asks.checked = false;
      this.asks.dispatchEvent(new Event("change"));
    }
    if (sure) event.detail.issueRequest();
    else event.detail.dropRequest();
  }

  pending(on) {
    const button = this.form.querySelector("[type=submit]");
    button.toggleAttribute("data-pending", on);
    button.setAttribute("aria-busy", String(on));
    button.disabled = on || button.hasAttribute("data-closed");
    if (on) this.form.querySelector("[data-submit-text]").textContent = "Sending…";
    else this.shape();
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
    this.form.querySelector("[data-expires]").hidden = this.field("tif").value !== "gtd";
    const buying = this.side() === "buy";
    const verb = this.dataset.kind === "swap" ? (buying ? "Buy / long" : "Sell / short") : buying ? "Buy" : "Sell";
    const button = this.form.querySelector("[type=submit]");
    this.form.querySelector("[data-submit-text]").textContent = `${verb} ${this.dataset.heading}`;
    button.classList.toggle("btn-buy", buying);
    button.classList.toggle("btn-sell", !buying);
    this.showFunds();
  }

  funds() {
    const held = document.querySelector("[data-free-base]");
    const read = (text, scale) => (held ? toScaled(text, scale) ?? 0n : 0n);
    return { base: read(held?.dataset.freeBase, Number(this.dataset.baseScale)), quote: read(held?.dataset.freeQuote, this.scales.quote) };
  }

  leverage() {
    const chosen = this.querySelector(".lever-form [name=leverage]");
    return BigInt(/^\d+$/.test(chosen?.defaultValue ?? "") ? chosen.defaultValue : 1);
  }

  showFunds() {
    const { base, quote } = this.funds();
    const inQuote = this.side() === "buy" || this.contract;
    const text = inQuote ? fromScaled(quote, this.scales.quote, { trim: true }) : fromScaled(base, Number(this.dataset.baseScale), { trim: true });
    const shown = this.form.querySelector("[data-available]");
    if (shown) shown.textContent = `${grouped(text)} ${inQuote ? this.dataset.quote : this.dataset.base}`;
  }

  /** The price an order would trade at, as a scaled integer: what was typed, or the best of the other side. */
  price() {
    const typed = { limit: ["price"], algo: ["order_price", "trigger", "profit", "stop"] }[this.type()] ?? [];
    const text = typed.map((name) => this.field(name)).find((field) => field.value && !field.closest("[hidden]"))?.value;
    const shown = text ?? (this.type() === "limit" ? "" : this.side() === "buy" ? this.best.ask : this.best.bid);
    return shown ? toScaled(String(shown).replaceAll(",", ""), this.scales.price) : null;
  }

  /** Size, worth and price hang together: worth = size * price * what one counts. All as scaled integers. */
  worth(size, unit) {
    const one = this.contract ?? CONTRACT_ONE;
    if (unit === "base") return fromScaled((size * one) / 10n ** BigInt(this.scales.size), CONTRACT_SCALE, { trim: true });
    const price = this.price();
    if (!price) return "";
    const units = (size * price * one * 10n ** BigInt(this.scales.quote)) / (CONTRACT_ONE * 10n ** BigInt(this.scales.price + this.scales.size));
    return fromScaled(units, this.scales.quote, { trim: true });
  }

  sizeOf(text, unit) {
    const one = this.contract ?? CONTRACT_ONE;
    if (unit === "base") {
      const value = toScaled(text, CONTRACT_SCALE);
      return value === null ? null : (value * 10n ** BigInt(this.scales.size)) / one;
    }
    const [value, price] = [toScaled(text, this.scales.quote), this.price()];
    if (value === null || !price) return null;
    return (value * CONTRACT_ONE * 10n ** BigInt(this.scales.price + this.scales.size)) / (price * one * 10n ** BigInt(this.scales.quote));
  }

  unit() { return this.form.querySelector("[data-total-unit]")?.value ?? "quote"; }

  showWorth() {
    const size = toScaled(this.field("size").value.replaceAll(",", ""), this.scales.size);
    this.total.value = size ? this.worth(size, this.unit()) : "";
  }

  takeWorth() {
    const size = this.sizeOf(this.total.value.replaceAll(",", ""), this.unit());
    if (size === null) return;
    const lots = (size / this.lot) * this.lot;
    this.field("size").value = lots ? fromScaled(lots, this.scales.size, { trim: true }) : "";
  }

  /** The whole of the free balance as a size in lots of the scale, fee included; of perpetuals with the leverage chosen. */
  most() {
    const { base, quote } = this.funds();
    if (this.side() === "sell" && !this.contract) {
      const units = (base * 10n ** BigInt(this.scales.size)) / 10n ** BigInt(this.dataset.baseScale);
      return (units / this.lot) * this.lot;
    }
    const price = this.price();
    if (!price) return 0n;
    const scale = 10n ** BigInt(this.scales.price + this.scales.size);
    const worst = this.type() === "market" ? (price * 102n) / 100n : price;
    const leverage = this.leverage();
    const units = (quote * leverage * scale * PPM * CONTRACT_ONE) / (worst * (this.contract ?? CONTRACT_ONE) * (PPM + this.takerPpm * leverage) * 10n ** BigInt(this.scales.quote));
    return (units / this.lot) * this.lot;
  }

  takeShare(percent) {
    const size = (((this.most() * BigInt(percent)) / 100n) / this.lot) * this.lot;
    this.slider.value = String(percent);
    this.showShare(percent);
    this.field("size").value = size > 0n ? fromScaled(size, this.scales.size, { trim: true }) : "";
    this.showWorth();
    this.preview();
  }

  showShare(percent) {
    this.slider.style.setProperty("--share", `${percent}%`);
    this.form.querySelector("[data-share-text]").textContent = `${percent}%`;
  }

  shareOfSize() {
    const size = toScaled(this.field("size").value.replaceAll(",", ""), this.scales.size);
    const most = this.most();
    const percent = !size ? 0 : most ? Math.min(100, Number((size * 100n) / most)) : 100;
    this.slider.value = String(percent);
    this.showShare(percent);
  }

  changed(part) {
    if (part === this.slider) { this.takeShare(Number(part.value)); return; }
    if (part === this.total) this.takeWorth();
    else if (part !== this.asks) this.showWorth();
    if (["size", "price"].includes(part.name) || part === this.total) this.shareOfSize();
    if (["side", "type", "plan", "tif"].includes(part.name)) this.shape();
    this.preview();
  }

  steerLeverage(part) {
    const form = part.closest?.(".lever-form");
    if (!form) return;
    const [range, typed] = [form.querySelector("[data-lever-range]"), form.elements.leverage];
    if (part === range) typed.value = range.value;
    else if (part === typed) range.value = typed.value;
  }

  takePrice({ price }) {
    if (this.type() !== "limit") {
      this.form.querySelector("[name=type][value=limit]").checked = true;
      this.shape();
    }
    this.field("price").value = price;
    this.touched = true;
    this.changed(this.field("price"));
  }

  /** Fills an empty price once with the best of the book, so that the ticket is ready to use. */
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
    this.changed(event.target);
  }

  preview() {
    this.form.querySelector("[data-preview]").dispatchEvent(new CustomEvent("preview"));
  }

  placed() {
    this.renew();
    this.field("size").value = "";
    this.total.value = "";
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
