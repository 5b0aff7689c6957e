// <xos-chart>: candles with volume. Attributes: base (/v/<slug>), inst, price-scale, tick. The drawing library is
// Lightweight Charts by TradingView (static/vendor); the page shows its attribution beside the chart.

import { CandlestickSeries, CrosshairMode, HistogramSeries, LineSeries, LineStyle, createChart, createSeriesMarkers } from "../vendor/lightweight-charts.mjs";
import { Feed, rest } from "./feed.js";
import { fixed, grouped, short } from "./numbers.js";

const PAGE = 300;
const TABLE_ROWS = 60;
const FEW_BARS = 60; // a young market is drawn with wider bars
const BAR = 7;
const WIDE_BAR = 14;

/** A colour token as rgba text, which the canvas of the library understands. */
function token(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
  context.fillStyle = resolved;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${(alpha / 255).toFixed(3)})`;
}

const fade = (colour, alpha) => colour.replace(/[\d.]+\)$/, `${alpha})`);

class Chart extends HTMLElement {
  connectedCallback() {
    this.base = this.getAttribute("base");
    this.inst = this.getAttribute("inst");
    this.priceScale = Number(this.getAttribute("price-scale"));
    this.bars = new Map(); // seconds -> { time, open, high, low, close, volume }
    this.lines = [];
    this.legend = this.querySelector("[data-legend]");
    this.draw();
    this.paint();
    this.onAppearance = () => this.paint();
    document.addEventListener("xos:appearance", this.onAppearance);
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", this.onAppearance);
    this.onOwn = (event) => { this.own = event.detail; this.markOwn(); };
    document.addEventListener("xos:own", this.onOwn);
    this.onFullscreen = () => { for (const button of this.querySelectorAll("[data-fullscreen]")) button.setAttribute("aria-pressed", String(document.fullscreenElement === this)); };
    document.addEventListener("fullscreenchange", this.onFullscreen);
    this.addEventListener("click", (event) => {
      const button = event.target.closest("[data-bar]");
      if (button) this.choose(button.dataset.bar);
      else if (event.target.closest("[data-as-table]")) this.showTable();
      else if (event.target.closest("[data-fullscreen]")) this.toggleFullscreen();
      else if (event.target.closest("[data-mark-line]")) this.toggleMark(event.target.closest("[data-mark-line]"));
    });
    let bar = "1m";
    try { bar = localStorage.getItem("xos-bar") ?? bar; } catch { /* storage may be switched off */ }
    this.choose(this.querySelector(`[data-bar="${CSS.escape(bar)}"]`) ? bar : "1m");
  }

  disconnectedCallback() {
    this.stop?.();
    this.chart.remove();
    document.removeEventListener("xos:appearance", this.onAppearance);
    document.removeEventListener("xos:own", this.onOwn);
    document.removeEventListener("fullscreenchange", this.onFullscreen);
  }

  draw() {
    this.chart = createChart(this.querySelector("[data-canvas]"), {
      autoSize: true,
      layout: { attributionLogo: false, fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11, background: { color: "transparent" } },
      crosshair: { mode: CrosshairMode.Normal },
      timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 4, borderVisible: false, minBarSpacing: 1.5, barSpacing: BAR },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.08, bottom: 0.24 } },
      localization: { timeFormatter: (seconds) => new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) },
    });
    const minMove = Number(this.getAttribute("tick"));
    this.candles = this.chart.addSeries(CandlestickSeries, { priceFormat: { type: "price", precision: this.priceScale, minMove } });
    this.volumes = this.chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.markers = createSeriesMarkers(this.candles, []);
    this.marks = this.chart.addSeries(LineSeries, { lineWidth: 1, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false, visible: false, priceFormat: { type: "price", precision: this.priceScale, minMove } });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.chart.subscribeCrosshairMove((move) => this.showLegend(move.time ? this.bars.get(move.time) : null));
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => { if (range && range.from < 20) this.older(); });
  }

  paint() {
    const line = token("line");
    const [up, down] = [token("up"), token("down")];
    this.colours = { up: fade(up, 0.34), down: fade(down, 0.34), own: token("accent"), rise: up, fall: down, warn: token("warn"), ink: token("ink-2") };
    this.marks.applyOptions({ color: this.colours.warn });
    this.chart.applyOptions({
      layout: { textColor: token("ink-3") },
      grid: { vertLines: { color: fade(line, 0.55) }, horzLines: { color: fade(line, 0.55) } },
      crosshair: { vertLine: { color: token("ink-3"), labelBackgroundColor: token("bg-3") }, horzLine: { color: token("ink-3"), labelBackgroundColor: token("bg-3") } },
    });
    this.candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false });
    this.setData();
  }

  async choose(bar) {
    this.bar = bar;
    try { localStorage.setItem("xos-bar", bar); } catch { /* the choice lasts for this page */ }
    for (const button of this.querySelectorAll("[data-bar]")) button.setAttribute("aria-pressed", String(button.dataset.bar === bar));
    this.stop?.();
    this.bars.clear();
    this.complete = this.loading = false;
    const feed = Feed.at(`${this.base}/ws/v5/business`);
    this.stop = feed.subscribe({ channel: `candle${bar}`, instId: this.inst }, ({ data }) => { if (this.bar === bar) this.add(data, true); });
    await this.load(bar, {});
    this.chart.timeScale().applyOptions({ barSpacing: this.bars.size < FEW_BARS ? WIDE_BAR : BAR });
    this.chart.timeScale().scrollToRealTime();
    if (this.stopMark) {
      this.stopMark();
      this.followMark();
    }
    this.markFills();
  }

  async load(bar, query) {
    this.loading = true;
    try {
      const rows = await rest(this.base, "market/candles", { instId: this.inst, bar, limit: PAGE, ...query });
      if (bar !== this.bar) return;
      this.complete = rows.length < PAGE;
      this.add(rows, false);
      this.state(this.bars.size ? "" : "none");
    } catch {
      if (bar === this.bar && !this.bars.size) this.state("failed");
    } finally {
      if (bar === this.bar) this.loading = false;
    }
  }

  older() {
    if (this.loading || this.complete || !this.bars.size) return;
    const oldest = Math.min(...this.bars.keys()) * 1000;
    this.load(this.bar, { after: String(oldest) });
  }

  /** Shows "none" or "failed" over the chart, or nothing. */
  state(name) {
    for (const part of this.querySelectorAll("[data-when]")) part.hidden = part.dataset.when !== name;
  }

  add(rows, live) {
    for (const [ts, open, high, low, close, volume] of rows) {
      const time = Math.floor(Number(ts) / 1000);
      this.bars.set(time, { time, open: Number(open), high: Number(high), low: Number(low), close: Number(close), volume: Number(volume), texts: [open, high, low, close, volume] });
      if (live) this.update(time);
    }
    if (live) this.state("");
    else this.setData();
    this.showLegend(null);
  }

  volume(bar) {
    return { time: bar.time, value: bar.volume, color: bar.close >= bar.open ? this.colours.up : this.colours.down };
  }

  update(time) {
    const bar = this.bars.get(time);
    if (this.newest && time < this.newest) { this.setData(); return; }
    this.newest = time;
    this.candles.update(bar);
    this.volumes.update(this.volume(bar));
  }

  setData() {
    const sorted = [...this.bars.values()].sort((a, b) => a.time - b.time);
    this.newest = sorted.at(-1)?.time;
    this.candles.setData(sorted);
    this.volumes.setData(sorted.map((bar) => this.volume(bar)));
  }

  showLegend(bar) {
    const shown = bar ?? this.bars.get(this.newest);
    if (!shown) { this.legend.textContent = ""; return; }
    const [open, high, low, close, volume] = shown.texts;
    const price = (text) => fixed(text, this.priceScale);
    const figures = { O: price(open), H: price(high), L: price(low), C: price(close), V: short(volume) };
    if (!this.legend.firstChild) {
      for (const name of Object.keys(figures)) {
        const part = this.legend.appendChild(document.createElement("span"));
        part.append(`${name} `, document.createElement("b"));
      }
    }
    Object.values(figures).forEach((text, at) => { this.legend.children[at].lastChild.textContent = text; });
    this.legend.className = `legend num ${shown.close >= shown.open ? "rises" : "falls"}`;
  }

  /** The newest candles as a table, for those who read rather than look. */
  showTable() {
    const dialog = document.getElementById("candles");
    const body = dialog.querySelector("tbody");
    body.replaceChildren();
    for (const bar of [...this.bars.values()].sort((a, b) => b.time - a.time).slice(0, TABLE_ROWS)) {
      const row = body.insertRow();
      row.insertCell().textContent = new Date(bar.time * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
      for (const price of bar.texts.slice(0, 4)) row.insertCell().textContent = fixed(price, this.priceScale);
      row.insertCell().textContent = grouped(bar.texts[4]);
      for (const cell of [...row.cells].slice(1)) cell.className = "num";
    }
    dialog.showModal();
  }

  /** What is the reader's own: lines at open orders, triggers, entry and liquidation price, marks at fills. */
  markOwn() {
    for (const line of this.lines) this.candles.removePriceLine(line);
    const { orders, waiting, positions } = this.own ?? { orders: [], waiting: [], positions: [] };
    const line = (price, color, title, lineStyle) => ({ price: Number(price), color, title, lineStyle, lineWidth: 1, axisLabelVisible: true });
    const wanted = [
      ...orders.filter(({ price }) => price).map(({ side, price, size }) => line(price, this.colours.own, `${side} ${size}`, LineStyle.Dashed)),
      ...waiting.map(({ price, kind }) => line(price, this.colours.ink, kind, LineStyle.Dotted)),
      ...positions.filter(({ entry }) => entry).map(({ entry, long, size }) => line(entry, long ? this.colours.rise : this.colours.fall, `${long ? "long" : "short"} ${size}`, LineStyle.Solid)),
      ...positions.filter(({ liquidation }) => liquidation).map(({ liquidation }) => line(liquidation, this.colours.warn, "liquidation", LineStyle.LargeDashed)),
    ];
    this.lines = wanted.map((options) => this.candles.createPriceLine(options));
    this.markFills();
  }

  /** Own fills as arrows at the bar they fell in. */
  markFills() {
    const times = [...this.bars.keys()].sort((a, b) => a - b);
    const marks = [];
    for (const { id, side, price, size, time } of this.own?.fills ?? []) {
      const bar = times.findLast((start) => start <= time);
      if (bar === undefined) continue;
      const buy = side === "buy";
      marks.push({ id, time: bar, position: buy ? "belowBar" : "aboveBar", shape: buy ? "arrowUp" : "arrowDown", color: buy ? this.colours.rise : this.colours.fall, text: `${size} @ ${price}` });
    }
    this.markers.setMarkers(marks.sort((a, b) => a.time - b.time));
  }

  toggleFullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.requestFullscreen?.();
  }

  /** The mark price as a line over the candles; read when it is switched on and with each new bar length. */
  toggleMark(button) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    this.marks.applyOptions({ visible: on });
    this.stopMark?.();
    this.stopMark = null;
    if (on) this.followMark();
  }

  async followMark() {
    const bar = this.bar;
    const point = ([ts, , , , close]) => ({ time: Math.floor(Number(ts) / 1000), value: Number(close) });
    this.stopMark = Feed.at(`${this.base}/ws/v5/business`).subscribe({ channel: `mark-price-candle${bar}`, instId: this.inst }, ({ data }) => {
      for (const row of data) { try { this.marks.update(point(row)); } catch { /* older than what is shown */ } }
    });
    try {
      const rows = await rest(this.base, "market/mark-price-candles", { instId: this.inst, bar, limit: 100 });
      if (bar === this.bar) this.marks.setData(rows.map(point).sort((a, b) => a.time - b.time));
    } catch { /* the feed draws it from now on */ }
  }
}

customElements.define("xos-chart", Chart);
