// Exact decimals for pages: texts of the feed become scaled integers and back. Money never passes through a float.

/** "65000.5" at scale 2 as 6500050n; null if it is not a plain decimal or has more decimals than the scale. */
export function toScaled(text, scale) {
  const match = /^(\d*)(?:\.(\d*))?$/.exec(String(text).trim());
  if (!match || (!match[1] && !match[2])) return null;
  const fraction = (match[2] ?? "").replace(/0+$/, "");
  if (fraction.length > scale) return null;
  return BigInt((match[1] || "0") + fraction.padEnd(scale, "0"));
}

/** 6500050n at scale 2 as "65000.50"; `digits` less than the scale cuts, `trim` drops zeros at the end. */
export function fromScaled(value, scale, { trim = false } = {}) {
  const sign = value < 0n ? "-" : "";
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  let fraction = scale ? digits.slice(-scale) : "";
  if (trim) fraction = fraction.replace(/0+$/, "");
  return sign + digits.slice(0, digits.length - scale) + (fraction ? `.${fraction}` : "");
}

/** Thousands separated, the fraction as it is. */
export function grouped(text) {
  const [whole, fraction] = String(text).split(".");
  const separated = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction === undefined ? separated : `${separated}.${fraction}`;
}

/** A decimal text with exactly `scale` decimals, thousands separated. */
export function fixed(text, scale) {
  const value = toScaled(text, scale);
  if (value !== null) return grouped(fromScaled(value, scale));
  const [whole, fraction = ""] = String(text).split(".");
  return grouped(scale ? `${whole}.${fraction.slice(0, scale).padEnd(scale, "0")}` : whole);
}

const SHORT = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]];

/** A quantity for a glance, such as 1.24M. Only for display. */
export function short(text) {
  const value = Number(text);
  for (const [size, letter] of SHORT) if (value >= size) return (value / size).toFixed(2) + letter;
  return value >= 100 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : String(Number(value.toFixed(4)));
}

/** Change from `open` to `last` as { text, sign }: sign is 1, 0 or -1. */
export function changeOf(open, last) {
  const from = Number(open);
  const to = Number(last);
  if (!from || !Number.isFinite(to)) return { text: "–", sign: 0 };
  const percent = ((to - from) / from) * 100;
  const sign = Math.abs(percent) < 0.005 ? 0 : Math.sign(percent);
  return { text: `${sign > 0 ? "+" : ""}${percent.toFixed(2)}%`, sign };
}

export function clock(milliseconds) {
  const at = new Date(milliseconds);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
