// The markets list: rows that can be seen are kept fresh from their venues' feeds, a few venues at a time.

import "./ticker.js";

const VENUES_AT_MOST = 4;
const venues = new Set();

function follow() {
  for (const row of document.querySelectorAll("[data-live]:not(:has(xos-ticker))")) {
    if (!venues.has(row.dataset.live) && venues.size >= VENUES_AT_MOST) continue;
    venues.add(row.dataset.live);
    const ticker = document.createElement("xos-ticker");
    ticker.setAttribute("base", row.dataset.live);
    ticker.setAttribute("inst", row.dataset.inst);
    ticker.setAttribute("price-scale", row.dataset.priceScale);
    ticker.setAttribute("row", "");
    row.cells[0].append(ticker);
  }
}

document.addEventListener("htmx:after:swap", follow); // rows found by a search
follow();
