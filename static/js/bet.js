// <xos-bet>: the ticket of an event. htmx sends the form and fetches the words; this element fills in amounts, gives each
// bet a client order id of its own, and asks for the words again when the market moves.

import { toScaled } from "./numbers.js";

const AGAIN_MILLISECONDS = 2_500;

class Bet extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.words = this.querySelector("[data-words-of-bet]");
    this.field = (name) => this.form.elements[name];
    this.form.addEventListener("click", (event) => this.fill(event.target.closest("button[type=button]")));
    this.form.addEventListener("input", (event) => this.changed(event.target));
    this.form.addEventListener("change", () => this.shape());
    this.words.addEventListener("htmx:before:swap", (event) => this.dropLate(event));
    this.listeners = {
      "xos:placed": () => { this.renew(); this.placed(); },
      "xos:ended": () => this.renew(),
      "xos:traded": () => this.askSoon(),
      "xos:ladder": (event) => this.takePrice(event.detail.price),
    };
    for (const [name, listener] of Object.entries(this.listeners)) document.addEventListener(name, listener);
    this.shape();
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    for (const [name, listener] of Object.entries(this.listeners ?? {})) document.removeEventListener(name, listener);
  }

  selling() { return this.field("direction").value === "sell"; }

  /** A new client order id for the next bet: one sent again because no answer came is placed, and funded, once. */
  renew() {
    const bytes = crypto.getRandomValues(new Uint8Array(10));
    this.field("client_id").value = `bet${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }

  shape() {
    const selling = this.selling();
    for (const marks of this.querySelectorAll("[data-marks]")) marks.hidden = (marks.dataset.marks === "sell") !== selling;
    const unit = this.field("unit");
    if (selling) unit.value = "contracts";
    unit.disabled = selling;
    const verb = this.querySelector("[data-verb]");
    if (verb) verb.textContent = selling ? "Sell" : "Buy";
  }

  changed(part) {
    for (const slot of this.querySelectorAll(".field-error")) slot.textContent = "";
    part.removeAttribute("aria-invalid");
  }

  fill(button) {
    if (!button) return;
    const { add, addAll, share } = button.dataset;
    const amount = this.field("amount");
    if (share) {
      amount.value = String((BigInt(this.dataset.lots) * BigInt(share)) / 100n);
    } else if (addAll !== undefined) {
      this.field("unit").value = "money";
      amount.value = addAll;
    } else if (add) {
      const scale = 8;
      const now = toScaled(amount.value.replaceAll(",", "") || "0", scale) ?? 0n;
      const sum = String(now + BigInt(add) * 10n ** BigInt(scale)).padStart(scale + 1, "0");
      amount.value = `${sum.slice(0, -scale)}.${sum.slice(-scale)}`.replace(/\.?0+$/, "");
    }
    amount.dispatchEvent(new Event("input", { bubbles: true }));
  }

  takePrice(price) {
    this.form.querySelector("[name=kind][value=limit]").checked = true;
    this.field("price").value = price;
    this.field("price").dispatchEvent(new Event("input", { bubbles: true }));
  }

  ask() {
    if (this.field("amount").value.trim()) this.words.dispatchEvent(new CustomEvent("quote"));
  }

  /** Words that were asked for before the bet was placed, and come after, are about nothing any more. */
  dropLate(event) {
    if (event.detail.ctx.sourceElement === this.words && !this.field("amount").value.trim()) event.preventDefault();
  }

  /** The market moved: ask again, but not for every trade. */
  askSoon() {
    if (this.timer || document.hidden) return;
    this.timer = setTimeout(() => { this.timer = null; this.ask(); }, AGAIN_MILLISECONDS);
  }

  placed() {
    this.field("amount").value = "";
    this.field("price").value = "";
  }
}

customElements.define("xos-bet", Bet);
