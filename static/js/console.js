// The console. <live-pulse>: its content is pushed over the socket it names; while there is none, and in pages without one, it
// asks for it every few seconds. Only while the page is looked at, and at once when it is again.
const BACKOFF_MILLISECONDS = [1_000, 2_000, 4_000, 8_000, 15_000];
const UNAUTHENTICATED = 4401;

class LivePulse extends HTMLElement {
  connectedCallback() {
    this.attempts = 0;
    this.look = () => (document.visibilityState === "visible" ? this.begin() : this.rest());
    document.addEventListener("visibilitychange", this.look);
    this.look();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.look);
    this.rest();
  }

  begin() {
    this.rest();
    if (this.dataset.socket) this.open();
    else this.ask();
    if (this.shown) this.beat();
    this.shown = true;
  }

  rest() {
    clearInterval(this.timer);
    clearTimeout(this.again);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  beat() {
    this.dispatchEvent(new CustomEvent("pulse"));
  }

  ask() {
    clearInterval(this.timer);
    this.timer = setInterval(() => this.beat(), Number(this.dataset.seconds) * 1000);
  }

  open() {
    const url = new URL(this.dataset.socket, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      this.attempts = 0;
      clearInterval(this.timer);
      this.innerHTML = data;
      htmx.process(this);
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      if (code === UNAUTHENTICATED) {
        this.beat(); // the answer says where to sign in
        return;
      }
      this.ask();
      const pause = BACKOFF_MILLISECONDS[Math.min(this.attempts, BACKOFF_MILLISECONDS.length - 1)];
      this.attempts += 1;
      this.again = setTimeout(() => this.open(), pause * (0.6 + Math.random() * 0.8));
    };
  }
}

customElements.define("live-pulse", LivePulse);

// On a phone the tabs scroll: the one that is open is brought into view.
const tab = document.querySelector(".console-tabs [aria-current]");
tab?.parentElement.scrollTo({ left: tab.offsetLeft - tab.parentElement.offsetLeft - 16, behavior: "instant" });
