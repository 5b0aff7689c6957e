// The console. <live-pulse>: asks for its figures every few seconds while the page is looked at, and at once when it is again.
class LivePulse extends HTMLElement {
  connectedCallback() {
    this.beat = () => document.visibilityState === "visible" && this.dispatchEvent(new CustomEvent("pulse"));
    this.timer = setInterval(this.beat, Number(this.dataset.seconds) * 1000);
    document.addEventListener("visibilitychange", this.beat);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.beat);
  }
}

customElements.define("live-pulse", LivePulse);

// On a phone the tabs scroll: the one that is open is brought into view.
const tab = document.querySelector(".console-tabs [aria-current]");
tab?.parentElement.scrollTo({ left: tab.offsetLeft - tab.parentElement.offsetLeft - 16, behavior: "instant" });
