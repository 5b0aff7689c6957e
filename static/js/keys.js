// Keys of the terminal; `?` shows them. They rest while somebody types or a dialog is open.

const SIZES = { 1: 10, 2: 25, 3: 50, 4: 75, 5: 100 };

function focus(ticket, name) {
  ticket.field(name).focus();
  ticket.field(name).select?.();
}

/** `show(view)` brings a part to the front on a phone. */
export function watchKeys(root, show) {
  const side = (value) => (ticket) => { show("ticket"); ticket.choose("side", value); focus(ticket, "size"); };
  const type = (value) => (ticket) => { show("ticket"); ticket.choose("type", value); };
  const ticketKeys = {
    b: side("buy"), s: side("sell"), l: type("limit"), m: type("market"), k: type("algo"),
    p: (ticket) => { ticket.choose("type", "limit"); focus(ticket, "price"); },
    a: (ticket) => focus(ticket, "size"),
    ...Object.fromEntries(Object.entries(SIZES).map(([key, percent]) => [key, (ticket) => ticket.takeShare(percent)])),
  };
  const pressed = (selector) => document.querySelector(selector)?.click();
  const pageKeys = {
    "?": () => document.getElementById("keys").showModal(),
    e: () => { show("orders"); pressed("#tab-orders"); pressed("[data-edit-row]"); },
    x: () => pressed("[data-act-cancel-all]"),
    X: () => pressed("[data-act-flatten]"),
    f: () => pressed("[data-fullscreen]"),
    d: () => pressed("[aria-controls=depth-panel]"),
    o: () => pressed("[aria-controls=book-panel]"),
    "[": () => turn(-1),
    "]": () => turn(1),
  };
  function turn(step) {
    show("orders");
    const tabs = [...root.querySelectorAll(".area-tables [role=tab]")];
    const here = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
    tabs[(here + step + tabs.length) % tabs.length].click();
  }
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const ticket = document.querySelector("xos-ticket");
    if (pageKeys[event.key]) pageKeys[event.key]();
    else if (ticketKeys[event.key] && ticket?.form) {
      ticketKeys[event.key](ticket);
      ticket.scrollIntoView({ block: "nearest" });
    } else return;
    event.preventDefault();
  });
}
