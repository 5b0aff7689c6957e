// <xos-depth>: the book as two hills around the middle: how much waits up to each price. It draws what <xos-book> tells
// (`xos:book`), at most a few times a second, and only while it is seen.

import { fromScaled, grouped } from "./numbers.js";

const DRAW_MILLISECONDS = 150;
const SPAN = 0.985; // of the levels of the thinner side, so that both are seen

class Depth extends HTMLElement {
  connectedCallback() {
    this.canvas = this.querySelector("canvas");
    this.legend = this.querySelector("[data-depth-legend]");
    this.priceScale = Number(this.getAttribute("price-scale"));
    this.sizeScale = Number(this.getAttribute("size-scale"));
    this.onBook = (event) => { this.book = event.detail; this.ask(); };
    this.onPaint = () => { this.colours = null; this.ask(); };
    document.addEventListener("xos:book", this.onBook);
    document.addEventListener("xos:appearance", this.onPaint);
    this.watcher = new ResizeObserver(() => this.ask());
    this.watcher.observe(this);
    this.canvas.addEventListener("pointermove", (event) => { this.pointer = event.offsetX; this.ask(); });
    this.canvas.addEventListener("pointerleave", () => { this.pointer = null; this.ask(); });
  }

  disconnectedCallback() {
    document.removeEventListener("xos:book", this.onBook);
    document.removeEventListener("xos:appearance", this.onPaint);
    this.watcher.disconnect();
  }

  ask() {
    if (this.waiting || !this.book || !this.offsetParent) return;
    this.waiting = setTimeout(() => requestAnimationFrame(() => { this.waiting = null; this.draw(); }), DRAW_MILLISECONDS);
  }

  palette() {
    const style = getComputedStyle(this);
    this.colours ??= Object.fromEntries(["up", "down", "up-soft", "down-soft", "ink-3", "line"].map((name) => {
      this.style.color = `var(--${name})`;
      return [name, style.color];
    }));
    this.style.removeProperty("color");
    return this.colours;
  }

  /** Cumulative points [price, total] of a side, from the middle outwards. */
  hill(side) {
    const sorted = [...this.book[side]].sort((a, b) => (a[0] < b[0] ? -1 : 1));
    if (side === "bids") sorted.reverse();
    let total = 0n;
    return sorted.map(([price, size]) => [Number(price), Number(total += size)]);
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const [bids, asks] = [this.hill("bids"), this.hill("asks")];
    if (!width || !bids.length || !asks.length) return;
    const ratio = devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio)) this.canvas.width = Math.round(width * ratio);
    if (this.canvas.height !== Math.round(height * ratio)) this.canvas.height = Math.round(height * ratio);
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const middle = (bids[0][0] + asks[0][0]) / 2;
    const reach = Math.max(1, Math.min(middle - bids.at(-1)[0], asks.at(-1)[0] - middle) * SPAN);
    const inside = (points) => points.filter(([price]) => Math.abs(price - middle) <= reach);
    const shown = { bids: inside(bids), asks: inside(asks) };
    const most = Math.max(1, shown.bids.at(-1)?.[1] ?? 0, shown.asks.at(-1)?.[1] ?? 0);
    const floor = height - 18;
    const x = (price) => ((price - middle + reach) / (2 * reach)) * width;
    const y = (total) => floor - (total / most) * (floor - 8);
    const colours = this.palette();
    for (const [side, tone] of [["bids", "up"], ["asks", "down"]]) {
      const edge = side === "bids" ? 0 : width;
      context.beginPath();
      let last = floor;
      context.moveTo(x(middle), floor);
      for (const [price, total] of shown[side]) {
        context.lineTo(x(price), last);
        last = y(total);
        context.lineTo(x(price), last);
      }
      context.lineTo(edge, last);
      context.strokeStyle = colours[tone];
      context.lineWidth = 1.5;
      context.stroke();
      context.lineTo(edge, floor);
      context.fillStyle = colours[`${tone}-soft`];
      context.fill();
    }
    this.label(context, colours, { middle, reach, width, height });
    this.point(context, colours, shown, { x, floor, middle });
  }

  text(value) { return grouped(fromScaled(BigInt(Math.round(value)), this.priceScale)); }

  label(context, colours, { middle, reach, width, height }) {
    context.fillStyle = colours["ink-3"];
    context.font = `11px ${getComputedStyle(this).fontFamily}`;
    for (const [align, at, value] of [["left", 8, middle - reach], ["center", width / 2, middle], ["right", width - 8, middle + reach]]) {
      context.textAlign = align;
      context.fillText(this.text(value), at, height - 5);
    }
  }

  point(context, colours, shown, { x, floor, middle }) {
    this.legend.textContent = "";
    if (this.pointer == null) return;
    const side = this.pointer < x(middle) ? "bids" : "asks";
    const beyond = shown[side].filter(([price]) => (side === "bids" ? x(price) >= this.pointer : x(price) <= this.pointer)).at(-1);
    if (!beyond) return;
    context.strokeStyle = colours["ink-3"];
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(x(beyond[0]), 0);
    context.lineTo(x(beyond[0]), floor);
    context.stroke();
    context.setLineDash([]);
    this.legend.textContent = `${side === "bids" ? "Bids down to" : "Asks up to"} ${this.text(beyond[0])}: ${grouped(fromScaled(BigInt(beyond[1]), this.sizeScale))}`;
  }
}

customElements.define("xos-depth", Depth);
