// Forms whose refusals come back at the field they are about: the answer names the field, the sentence moves to it.

function clear(form) {
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
}

function place(target) {
  const form = target.closest("form");
  clear(form);
  const name = target.querySelector("[data-refusal-field]")?.dataset.refusalField;
  const input = name && form.elements[name];
  if (!input?.closest || input.closest("[hidden]")) {
    form.querySelector(".dialog-acts, [type=submit]").before(target);
    return;
  }
  const hidden = input.closest("details");
  if (hidden) hidden.open = true;
  input.closest(".field")?.after(target);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", target.id);
  input.focus();
}

export function watchForms(root) {
  root.addEventListener("htmx:after:swap", () => {
    for (const target of root.querySelectorAll("form .refusal")) {
      if (target.querySelector(".banner") && !target.dataset.placed) {
        target.dataset.placed = "";
        place(target);
      }
    }
  });
  root.addEventListener("input", (event) => {
    const form = event.target.closest("form");
    const refusal = form?.querySelector(".refusal:has(.banner)");
    if (!refusal || form.querySelector("[data-closed]")) return;
    refusal.replaceChildren();
    delete refusal.dataset.placed;
    clear(form);
  });
  root.addEventListener("htmx:before:request", (event) => {
    const refusal = event.target.querySelector?.(".refusal");
    if (refusal) delete refusal.dataset.placed;
  });
}
