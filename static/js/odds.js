// <xos-odds>: the pointer of the chart of chances. The server draws the lines; a pointer over them shows when and what.
// Attributes: start and step, in milliseconds.

class Odds extends HTMLElement {
  connectedCallback() {
    this.plot = this.querySelector(".odds-plot");
    this.cursor = this.querySelector("[data-cursor]");
    this.lines = [...this.querySelectorAll("polyline")].map((line) => line.dataset.values.split(","));
    this.legend = [...this.closest(".event-chart").querySelectorAll("[data-now]")];
    this.times = this.querySelector(".odds-times");
    this.labels = [...this.times.children].map((label) => label.textContent);
    this.plot.addEventListener("pointermove", (event) => this.point(event));
    this.plot.addEventListener("pointerleave", () => this.leave());
  }

  point(event) {
    const count = this.lines[0]?.length ?? 0;
    if (count < 2) return;
    const box = this.plot.getBoundingClientRect();
    const at = Math.max(0, Math.min(count - 1, Math.round(((event.clientX - box.left) / box.width) * (count - 1))));
    this.cursor.hidden = false;
    this.cursor.style.left = `${(at / (count - 1)) * 100}%`;
    this.legend.forEach((shown, line) => {
      const tenths = this.lines[line][at];
      shown.textContent = tenths === "-" ? "–" : `${(Number(tenths) / 10).toFixed(1)}%`;
    });
    const moment = new Date(Number(this.getAttribute("start")) + at * Number(this.getAttribute("step")));
    const middle = this.times.children[2];
    middle.textContent = moment.toLocaleString("en-GB", { timeZone: "UTC", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  }

  leave() {
    this.cursor.hidden = true;
    for (const shown of this.legend) shown.textContent = shown.dataset.now;
    this.times.children[2].textContent = this.labels[2];
  }
}

customElements.define("xos-odds", Odds);
