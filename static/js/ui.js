// Behaviour shared by all pages: appearance, toasts, dialogs, tabs, menus, copying, keys. Everything is delegated
// from the document, so fragments that htmx swaps in need no set-up.

import { ANSWER, expire, toast } from "./toast.js";

document.addEventListener("toast", (event) => {
  for (const { level, text, about } of event.detail.items ?? []) toast(level, text, { about, rank: ANSWER });
});

// A refused request whose body is not a fragment for the page: say so instead of swapping it in.
document.addEventListener("htmx:response:error", (event) => {
  const { status, headers } = event.detail.ctx.response;
  if (status === 422 || headers.has("HX-Trigger")) return;
  const reasons = {
    401: "You are signed out. Sign in and try again.",
    403: "This page was open for too long, or you may not do this. Reload and try again.",
    404: "That is no longer there.",
    429: "Too many requests. Wait a moment and try again.",
  };
  toast("error", reasons[status] ?? "The server could not answer. Nothing was half done; try again.", { retry: retryOf(event.detail.ctx) });
});
document.addEventListener("htmx:error", (event) => {
  if (event.detail.error?.name === "AbortError") return;
  toast("error", "No connection to the server. Check your network and try again.", { about: "connection", retry: retryOf(event.detail.ctx) });
});

/** What repeats a request that failed: only a read, or a form that carries its own identity, may be sent twice. */
function retryOf(ctx) {
  const element = ctx?.sourceElement;
  if (!element?.isConnected || element.matches("[hx-trigger*=every], [hx-trigger*=refresh]")) return undefined;
  const reads = (ctx.request?.method ?? "GET").toUpperCase() === "GET";
  const named = element.matches("form") && element.querySelector("[name=client_id], [name=request_id]");
  if (!reads && !named) return undefined;
  return () => (element.matches("form") ? element.requestSubmit() : element.click());
}

// A bar at the top while htmx waits for what a person asked for; the style shows it only if it takes long.
let waiting = 0;
function wait(event, step) {
  if (event.target.matches?.("[hx-trigger*=every], [hx-trigger*=refresh]")) return;
  waiting = Math.max(0, waiting + step);
  document.querySelector("[data-loading]").hidden = waiting === 0;
}
document.addEventListener("htmx:before:request", (event) => wait(event, 1));
document.addEventListener("htmx:finally:request", (event) => wait(event, -1));

const showConnection = () => { document.querySelector("[data-offline]").hidden = navigator.onLine; };
addEventListener("online", showConnection);
addEventListener("offline", showConnection);
showConnection();

function showAppearance() {
  for (const button of document.querySelectorAll("[data-set]")) {
    const chosen = document.documentElement.dataset[button.name] === button.value;
    button.setAttribute("aria-pressed", String(chosen));
  }
}

function setAppearance(button) {
  const looks = document.documentElement.dataset;
  looks[button.name] = button.value;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `appearance=${looks.theme}.${looks.density}.${looks.palette}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  showAppearance();
  document.dispatchEvent(new CustomEvent("xos:appearance"));
}

async function copyText(button) {
  const source = button.dataset.copy || button.closest(".code")?.querySelector("pre")?.textContent || "";
  try {
    await navigator.clipboard.writeText(source.trim());
    toast("success", "Copied.");
  } catch {
    toast("warning", "The browser did not allow copying. Select the text and copy it by hand.");
  }
}

/** Shows the panel of one tab: tabs carry `aria-controls`, their list may carry `data-tabs-key` to be remembered. */
function selectTab(tab) {
  for (const other of tab.closest("[role=tablist]").querySelectorAll("[role=tab]")) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    const panel = document.getElementById(other.getAttribute("aria-controls"));
    if (panel) panel.hidden = !chosen;
  }
  tab.dispatchEvent(new CustomEvent("xos:tab", { bubbles: true }));
}

document.addEventListener("click", (event) => {
  const on = (selector) => event.target.closest(selector);
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  let hit;
  if ((hit = on("[data-dismiss]"))) hit.closest(".toast, .banner").remove();
  else if ((hit = on("[data-set]"))) { event.preventDefault(); setAppearance(hit); }
  else if ((hit = on("[data-dialog]"))) document.getElementById(hit.dataset.dialog)?.showModal();
  else if ((hit = on("[data-close]"))) hit.closest("dialog")?.close();
  else if ((hit = on("[data-copy]"))) copyText(hit);
  else if ((hit = on("[data-back]"))) { event.preventDefault(); history.back(); }
  else if ((hit = on("[role=tab]"))) selectTab(hit);
  else if (event.target.matches("dialog.dialog")) event.target.close();
  else if ((hit = on("tr[data-href]")) && !on("a, button, input, label")) location.href = hit.dataset.href;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  const tab = event.target.closest?.("[role=tab]");
  if (tab && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
    const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")].filter((other) => other.offsetParent);
    const next = tabs[(tabs.indexOf(tab) + (event.key === "ArrowRight" ? 1 : tabs.length - 1)) % tabs.length];
    selectTab(next);
    next.focus();
  }
  const typing = event.target.matches?.("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.querySelector("[data-find], [data-search]") ?? document.querySelector("[data-nav-find]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  }
});

// Rows that a search box filters at once; the form still works on the server without script.
document.addEventListener("input", (event) => {
  const search = event.target.closest?.("[data-search]");
  if (!search) return;
  const words = search.value.trim().toLowerCase();
  let shown = 0;
  for (const row of document.querySelectorAll(search.dataset.search)) {
    row.hidden = Boolean(words) && !row.dataset.words.toLowerCase().includes(words);
    shown += row.hidden ? 0 : 1;
  }
  const none = document.querySelector("[data-search-none]");
  if (none) none.hidden = shown > 0;
});

for (const item of document.querySelectorAll("[data-toast]")) expire(item, item.className.includes("error") ? "error" : "info");
showAppearance();
