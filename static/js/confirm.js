// Questions before an action: `hx-confirm` asks in the page's own dialog (<dialog id="confirm">) instead of the browser's.

let waiting = null;

function answer(sure) {
  const resolve = waiting;
  waiting = null;
  document.getElementById("confirm").close();
  resolve?.(sure);
}

/** Asks once; resolves to true or false. `lines` are [label, text] pairs under the question. */
export function ask(question, { lines = [], act = "Yes, do it", level = "" } = {}) {
  const dialog = document.getElementById("confirm");
  if (waiting || dialog.open) return Promise.resolve(false);
  dialog.querySelector("[data-question]").textContent = question;
  dialog.querySelector("[data-lines]").replaceChildren(...lines.flatMap(([label, text]) => {
    const [term, detail] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = label;
    detail.textContent = text;
    return [term, detail];
  }));
  const button = dialog.querySelector("[data-sure]");
  button.textContent = act;
  button.className = `btn ${level || "btn-primary"}`;
  dialog.querySelector("[data-opt-out]").hidden = !lines.length;
  dialog.showModal();
  button.focus();
  return new Promise((resolve) => { waiting = resolve; });
}

export function watchConfirmations() {
  const dialog = document.getElementById("confirm");
  dialog.addEventListener("click", (event) => {
    if (event.target.closest("[data-sure]")) answer(true);
    else if (event.target.closest("[data-unsure]") || event.target === dialog) answer(false);
  });
  dialog.addEventListener("close", () => { if (waiting) answer(false); });
  document.addEventListener("htmx:confirm", (event) => {
    if (event.target.closest("xos-ticket .ticket")) return; // the ticket asks for itself
    event.preventDefault();
    const { ctx, issueRequest, dropRequest } = event.detail;
    ask(ctx.confirm).then((sure) => (sure ? issueRequest() : dropRequest()));
  });
}
