// Checks a proof of liabilities in the browser: the same steps as `python -m exchange_kernel proof`.

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const text = (value) => new TextEncoder().encode(value);
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));

function sum(value) {
  const bytes = new Uint8Array(16);
  let rest = BigInt(value);
  if (rest < 0n) throw new Error("a node of the path has a negative sum");
  for (let at = 15; at >= 0; at -= 1) {
    bytes[at] = Number(rest & 255n);
    rest >>= 8n;
  }
  return bytes;
}

/** JSON as the statement's digest covers it: sorted keys, no spaces, ASCII. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") {
    return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
  }
  return `{${Object.keys(value).sort().map((key) => `${canonical(key)}:${canonical(value[key])}`).join(",")}}`;
}

/** The digest a proof leads to, in hex; throws where it does not hold. */
export async function check(proof) {
  let node = await sha256(Uint8Array.of(0), unhex(proof.salt), text(String(proof.user)), Uint8Array.of(0), sum(proof.units));
  let total = BigInt(proof.units);
  for (const step of proof.path) {
    const other = [unhex(step.hash), sum(step.sum)];
    const own = [node, sum(total)];
    const [left, right] = step.side === "left" ? [other, own] : [own, other];
    node = await sha256(Uint8Array.of(1), ...left, ...right);
    total += BigInt(step.sum);
  }
  const trees = proof.statement.trees.filter((tree) => tree.asset === proof.asset);
  if (trees.length !== 1 || trees[0].hash !== hex(node) || BigInt(trees[0].sum) !== total) {
    throw new Error("the path does not lead to the published root");
  }
  return hex(await sha256(unhex(proof.previous), text(canonical(proof.statement))));
}

class Proof extends HTMLElement {
  async connectedCallback() {
    const show = (kind, words) => {
      const badge = document.createElement("span");
      badge.className = `badge ${kind}`;
      badge.textContent = words;
      this.replaceChildren(badge);
    };
    if (!globalThis.crypto?.subtle) {
      show("badge-warn", "This browser checks only over https; use the command below");
      return;
    }
    show("", "Checking …");
    try {
      const digest = await check(JSON.parse(document.getElementById(this.getAttribute("data")).textContent));
      if (digest !== this.getAttribute("digest")) throw new Error("the proof leads to another digest than the published one");
      show("badge-up", "✓ Counted");
    } catch (error) {
      show("badge-down", `✗ Does not hold: ${error.message}`);
    }
  }
}

customElements.define("xos-proof", Proof);
