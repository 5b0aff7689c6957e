// Toasts: short notes about what came of an action. A module without effects of its own, so that any other may load it.

const TOAST_MILLISECONDS = 5200;
const TOASTS_AT_MOST = 4;

function icon(name, css = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon ${css}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${document.getElementById("toasts").dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

/** Who tells: a notification of the account, the answer to an action, the feed of orders. */
export const NOTIFICATION = 0, ANSWER = 1, FEED = 2;

/** Shows a toast. `level` is success, info, warning or error. Of two about the same thing one is shown: that of the
 * higher `rank`, whichever comes first. With `retry` it has a button that calls it; with `link` its words lead there. */
export function toast(level, text, { about = "", rank = FEED, retry, link } = {}) {
  const region = document.getElementById("toasts");
  const told = about ? [...region.children].find((other) => other.dataset.about === about) : undefined;
  if (told && Number(told.dataset.rank) > rank) return;
  told?.remove();
  const item = document.createElement("div");
  item.className = `toast toast-${level}`;
  item.dataset.about = about;
  item.dataset.rank = rank;
  const close = document.createElement("button");
  close.type = "button";
  close.dataset.dismiss = "";
  close.setAttribute("aria-label", "Dismiss");
  close.append(icon("x", "icon-sm"));
  const words = document.createElement("p");
  const way = link?.startsWith("/") ? document.createElement("a") : words;
  way.textContent = text;
  if (way !== words) {
    way.href = link;
    words.append(way);
  }
  item.append(icon({ success: "circle-check", warning: "circle-alert", error: "circle-alert" }[level] ?? "info"), words, close);
  if (retry) {
    const again = document.createElement("button");
    again.type = "button";
    again.className = "toast-action";
    again.textContent = "Try again";
    again.addEventListener("click", () => { item.remove(); retry(); });
    words.after(again);
  }
  region.append(item);
  while (region.children.length > TOASTS_AT_MOST) region.firstElementChild.remove();
  expire(item, level);
}

/** Takes a toast away after a while; errors stay longer. */
export function expire(item, level) {
  setTimeout(() => item.remove(), level === "error" ? TOAST_MILLISECONDS * 2 : TOAST_MILLISECONDS);
}
