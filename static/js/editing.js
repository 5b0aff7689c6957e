// Open orders are changed in their row: Edit, a double click on the price or the amount, or the key `e` for the newest.
// Enter sends, Escape gives up, the arrows move by a step and by ten with shift.

const number = (text) => Number(text.replaceAll(",", ""));

function step(input, times) {
  const by = Number(input.dataset.step);
  const decimals = (input.dataset.step.split(".")[1] ?? "").length;
  const next = number(input.value || "0") + by * times;
  if (next > 0) input.value = next.toFixed(decimals);
}

/** `end()` gives the row up. */
export function watchEditing(root, end) {
  root.addEventListener("dblclick", (event) => {
    const cell = event.target.closest("[data-edits]");
    if (!cell) return;
    root.dataset.edits = cell.dataset.edits;
    cell.closest("tr").querySelector("[data-edit-row]")?.click();
  });
  root.addEventListener("keydown", (event) => {
    const input = event.target.closest("[data-editing] input");
    if (!input) return;
    if (event.key === "Escape") end();
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") step(input, (event.shiftKey ? 10 : 1) * (event.key === "ArrowUp" ? 1 : -1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  root.addEventListener("click", (event) => { if (event.target.closest("[data-end-editing]")) end(); });
  // On the document: the button that asked for the row is gone with what it replaced.
  document.addEventListener("htmx:after:swap", () => {
    const row = root.querySelector("[data-editing]:not([data-ready])");
    if (!row) return;
    row.dataset.ready = "";
    for (const other of root.querySelectorAll("[data-editing]")) if (other !== row) { end(); return; }
    const input = row.querySelector(`[name=${root.dataset.edits || "price"}]`);
    delete root.dataset.edits;
    input?.focus();
    input?.select();
  });
}
