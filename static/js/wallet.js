// <xos-wallet>: a wallet of the browser (EIP-1193, announced by EIP-6963 or in window.ethereum) signs the message that the
// server writes; message and signature go with the form. Attributes: purpose, challenge (the address that writes it).

const ANNOUNCED_WITHIN_MILLISECONDS = 400;
const REJECTED_BY_USER = 4001;
const ALREADY_ASKING = -32002;

const hexOf = (text) => `0x${[...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;

class Wallet extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.list = this.querySelector("[data-wallets]");
    this.model = this.list.querySelector("button").cloneNode(true);
    this.wallets = new Map(); // name -> provider
    this.announced = ({ detail }) => this.add(detail.info.name, detail.provider);
    addEventListener("eip6963:announceProvider", this.announced);
    dispatchEvent(new Event("eip6963:requestProvider"));
    this.wait = setTimeout(() => {
      if (!this.wallets.size && window.ethereum) this.add("", window.ethereum);
      if (!this.wallets.size) this.say("No wallet was found. Install one as an extension of your browser, or open this page in the browser of your wallet's app.");
    }, ANNOUNCED_WITHIN_MILLISECONDS);
  }

  disconnectedCallback() {
    removeEventListener("eip6963:announceProvider", this.announced);
    clearTimeout(this.wait);
  }

  add(name, provider) {
    if (this.wallets.has(name)) return;
    if (!this.wallets.size) this.list.replaceChildren();
    this.wallets.set(name, provider);
    const button = this.model.cloneNode(true);
    button.disabled = false;
    if (name) button.append(` (${name})`);
    button.addEventListener("click", () => this.sign(provider));
    this.list.append(button);
    this.say("");
  }

  say(text) {
    this.querySelector("[data-wallet-says]").textContent = text;
  }

  refuse(text) {
    const banner = this.querySelector("[data-wallet-refused]");
    banner.hidden = !text;
    banner.querySelector("p").textContent = text;
    this.querySelector(".banner-error:not([data-wallet-refused])")?.remove();
  }

  async sign(provider) {
    this.refuse("");
    this.busy(true);
    try {
      this.say("Your wallet asks which account to use.");
      const [address] = await provider.request({ method: "eth_requestAccounts" });
      const chain = await provider.request({ method: "eth_chainId" });
      const message = await this.challenge(address, Number(chain));
      this.say("Your wallet shows the message. Read it and sign.");
      const signature = await provider.request({ method: "personal_sign", params: [hexOf(message), address] });
      this.form.elements.message.value = message;
      this.form.elements.signature.value = signature;
      this.say("Checking the signature…");
      this.form.submit();
    } catch (error) {
      this.say("");
      this.refuse(this.reason(error));
      this.busy(false);
    }
  }

  async challenge(address, chain) {
    const body = new URLSearchParams({ purpose: this.getAttribute("purpose"), address: address ?? "", chain_id: chain });
    body.set("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
    const response = await fetch(this.getAttribute("challenge"), { method: "POST", body });
    if (response.status === 429) throw new Error("Too many tries. Wait a minute and start again.");
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer.message;
  }

  reason(error) {
    if (error?.code === REJECTED_BY_USER) return "You did not sign in your wallet. Nothing happened.";
    if (error?.code === ALREADY_ASKING) return "Your wallet is asking already. Open it and answer there.";
    return error?.message || "Your wallet did not answer. Open it and start again.";
  }

  busy(on) {
    for (const button of this.list.querySelectorAll("button")) button.disabled = on;
  }
}

customElements.define("xos-wallet", Wallet);
