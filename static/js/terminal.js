// The terminal page: loads its parts, keeps the private tables fresh, shows the state of the connection.

import "./book.js";
import "./depth.js";
import "./strip.js";
import "./tape.js";
import "./ticker.js";
import "./ticket.js";
import { AccountSocket } from "./account.js";
import { watchConfirmations } from "./confirm.js";
import { watchEditing } from "./editing.js";
import { Feed } from "./feed.js";
import { watchForms } from "./forms.js";
import { watchKeys } from "./keys.js";

// The chart brings a large library of its own: book, tape and ticket do not wait for it.
import("./chart.js").then(tellOwn);

const LOST_AFTER_MILLISECONDS = 1_500;
const STALE_AFTER_MILLISECONDS = 20_000;
const RETRY_MILLISECONDS = 3_000;
const SKEW_SECONDS = 10; // signed requests are refused from 30 on
const root = document.querySelector("[data-terminal]");
const act = document.getElementById("act");
let retryTimer = null;

// Private tables: each panel fetches itself on "refresh"; hidden ones wait until they are shown.

function refreshPanels() {
  for (const panel of root.querySelectorAll("[data-panel]")) {
    const waits = (panel.hidden && !panel.hasAttribute("data-always")) || panel.querySelector("[data-editing]");
    if (waits) panel.dataset.stale = "";
    else refresh(panel);
  }
}

/** A row that is being edited gives way to the table as it is now. */
function endEditing() {
  for (const row of root.querySelectorAll("[data-editing]")) {
    const panel = row.closest("[data-panel]");
    row.removeAttribute("data-editing");
    refresh(panel);
    panel.tabIndex = -1;
    panel.focus({ preventScroll: true });
  }
}

function refresh(panel) {
  delete panel.dataset.stale;
  panel.dispatchEvent(new CustomEvent("refresh"));
}

function here(selector) {
  return [...root.querySelectorAll(`${selector}[data-inst="${CSS.escape(root.dataset.inst)}"]`)];
}

/** What is the reader's own in this market, told to the book and the chart. */
function tellOwn() {
  const orders = here("[data-order]").map(({ dataset }) => ({ side: dataset.side, price: dataset.price, size: dataset.size }));
  const waiting = here("[data-algo]").filter(({ dataset }) => dataset.trigger).map(({ dataset }) => ({ kind: dataset.kind, price: dataset.trigger }));
  const positions = here("[data-position]").map(({ dataset }) => ({ entry: dataset.entry, liquidation: dataset.liquidation, long: dataset.long === "1", size: dataset.size }));
  const fills = here("[data-fill]").map(({ dataset }) => ({ id: dataset.fill, side: dataset.side, price: dataset.price, size: dataset.size, time: Number(dataset.time) }));
  document.dispatchEvent(new CustomEvent("xos:orders", { detail: orders }));
  document.dispatchEvent(new CustomEvent("xos:own", { detail: { orders, waiting, positions, fills } }));
  for (const name of ["orders", "positions", "conditional"]) {
    const count = root.querySelector(`[data-${name}-count]`)?.getAttribute(`data-${name}-count`) ?? "0";
    for (const badge of document.querySelectorAll(`[data-count="${name}"]`)) {
      badge.textContent = count;
      badge.toggleAttribute("data-none", count === "0");
    }
  }
}

/** What could not be shown is asked for again, as long as it takes. */
function retryFailed() {
  if (!root.querySelector("[data-failed]")) return;
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => {
    for (const part of root.querySelectorAll("[data-failed]")) refresh(part.closest("[data-panel]"));
  }, RETRY_MILLISECONDS);
}

root.addEventListener("htmx:after:swap", (event) => {
  if (!event.target.closest?.("[data-panel]") && event.target !== root) return;
  tellOwn();
  retryFailed();
  document.dispatchEvent(new CustomEvent("xos:panels"));
});
root.addEventListener("xos:tab", () => {
  for (const panel of root.querySelectorAll("[data-panel][data-stale]")) if (!panel.hidden) refresh(panel);
});
root.querySelector("[name=only]")?.addEventListener("change", refreshPanels);
document.addEventListener("xos:dirty", refreshPanels);
document.addEventListener("xos:done", () => { act.close(); endEditing(); });
watchEditing(root, endEditing);
document.addEventListener("htmx:after:swap", ({ detail }) => { if (detail.ctx?.target?.id === "act-body" && !act.open) act.showModal(); });
tellOwn();
retryFailed();
watchForms(document);
watchConfirmations();

// The first message of the socket brings the tables; without one they are asked for at once.
if (root.dataset.accountSocket) new AccountSocket(root.dataset.accountSocket, refreshPanels);
else for (const panel of root.querySelectorAll("[data-always][data-stale]")) refresh(panel);

// Connection state: a dot with the round trip, and a banner once the loss lasts.

const link = root.querySelector("[data-link]");
const banner = root.querySelector("[data-lost]");
let lostTimer = null;

function showLink() {
  const feeds = Feed.all();
  const lost = feeds.some((feed) => feed.state === "lost");
  const live = feeds.every((feed) => feed.state === "live");
  const stale = live && feeds.some((feed) => performance.now() - feed.heardAt > STALE_AFTER_MILLISECONDS);
  const latency = feeds.find((feed) => feed.latency !== null)?.latency;
  const state = lost ? "lost" : stale ? "stale" : live ? "live" : "connecting";
  const skew = Math.trunc((feeds.find((feed) => feed.clockAhead !== null)?.clockAhead ?? 0) / 1_000);
  const clock = Math.abs(skew) >= SKEW_SECONDS ? ` · your clock is ${Math.abs(skew)} s ${skew > 0 ? "ahead" : "behind"}` : "";
  const text = { lost: "Reconnecting", stale: "Stale", connecting: "Connecting", live: (latency == null ? "Live" : `${latency} ms`) + clock }[state];
  if (link.dataset.state !== state) link.dataset.state = state;
  const shown = link.querySelector("[data-link-text]");
  if (shown.textContent !== text) shown.textContent = text;
  if (!lost && navigator.onLine) {
    clearTimeout(lostTimer);
    lostTimer = null;
    banner.hidden = true;
  } else {
    lostTimer ??= setTimeout(() => { banner.hidden = false; }, LOST_AFTER_MILLISECONDS);
  }
}
document.addEventListener("xos:feed", showLink);
addEventListener("offline", showLink);
addEventListener("online", showLink);
setInterval(showLink, 5_000);

// The phase of the market: a banner says what the venue takes, and the ticket rests while it takes nothing.

// The feed says live, preopen (an auction) or suspend, which is halted, closing, settling or settled: the venue is asked
// which, and again as long as it lasts, because the feed does not tell one of them from another.

const LIVE = "2";
const PHASE_OF = { preopen: "1", live: LIVE };
const PHASE_MILLISECONDS = 5_000;
let phaseTimer = null;

function showPhase(phase, takesOrders) {
  for (const sentence of root.querySelectorAll("[data-phase]")) sentence.hidden = sentence.dataset.phase !== phase;
  const button = root.querySelector("xos-ticket [type=submit]");
  button?.toggleAttribute("data-closed", !takesOrders);
  if (button && !button.hasAttribute("data-pending")) button.disabled = !takesOrders;
}

async function askPhase() {
  clearTimeout(phaseTimer);
  phaseTimer = setTimeout(askPhase, PHASE_MILLISECONDS);
  try {
    const response = await fetch(root.dataset.phaseAt);
    if (!response.ok || phaseTimer === null) return;
    const { phase, takes_orders: takesOrders } = await response.json();
    showPhase(String(phase), takesOrders);
    if (String(phase) === LIVE) clearTimeout(phaseTimer);
  } catch {
    // The server is away; the next turn asks again.
  }
}

document.addEventListener("xos:phase", ({ detail: state }) => {
  clearTimeout(phaseTimer);
  phaseTimer = null;
  if (state in PHASE_OF) showPhase(PHASE_OF[state], true);
  else if (state === "suspend") askPhase();
});
if (root.dataset.suspended === "1") askPhase();

// Phone: one part at a time.

function show(view) {
  if (root.dataset.view === view) return;
  root.dataset.view = view;
  for (const button of document.querySelectorAll("[data-show]")) {
    if (button.dataset.show === view) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  scrollTo({ top: 0 });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-show]");
  if (button) show(button.dataset.show);
});
document.addEventListener("xos:price", () => { if (root.dataset.view === "book") show("ticket"); });
watchKeys(root, show);
