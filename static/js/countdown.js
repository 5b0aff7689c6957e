// <xos-countdown seconds="90">: what is left of a time, as it runs down; before the script, the text that it holds.

class Countdown extends HTMLElement {
  connectedCallback() {
    this.end = performance.now() + Number(this.getAttribute("seconds")) * 1000;
    this.timer = setInterval(() => this.draw(), 1000);
    this.draw();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  draw() {
    const left = Math.max(0, Math.round((this.end - performance.now()) / 1000));
    const [days, hours, minutes, seconds] = [Math.floor(left / 86400), Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60, left % 60];
    const two = (number) => String(number).padStart(2, "0");
    this.textContent = days ? `${days}d ${two(hours)}h ${two(minutes)}m` : `${two(hours)}:${two(minutes)}:${two(seconds)}`;
  }
}

customElements.define("xos-countdown", Countdown);
