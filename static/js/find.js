// <xos-find>: the search of the navigation. htmx fetches what is found as one types; this shows it and lets the arrow keys
// choose. Without script the form leads to the markets page.

class Find extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.list = this.querySelector("[role=listbox]");
    this.input.addEventListener("input", () => this.open());
    this.input.addEventListener("focus", () => { if (this.input.value) this.open(); });
    this.addEventListener("focusout", ({ relatedTarget }) => { if (!this.contains(relatedTarget)) this.close(); });
    this.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("htmx:after:swap", () => this.choose(null));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the input keeps the focus until the click
  }

  open() {
    this.list.hidden = !this.input.value.trim();
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.choose(null);
  }

  choose(option) {
    for (const other of this.list.querySelectorAll("[role=option]")) other.setAttribute("aria-selected", String(other === option));
    this.chosen = option;
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    if (event.key === "Escape") {
      this.close();
      this.input.blur();
    } else if (event.key === "Enter" && this.chosen && !this.list.hidden) {
      event.preventDefault();
      this.chosen.click();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const options = [...this.list.querySelectorAll("[role=option]")];
      if (this.list.hidden || !options.length) return;
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      const here = options.indexOf(this.chosen);
      this.choose(options[here < 0 ? (step > 0 ? 0 : options.length - 1) : (here + step + options.length) % options.length]);
    }
  }
}

customElements.define("xos-find", Find);
