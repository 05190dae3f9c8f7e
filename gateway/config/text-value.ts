/** Reads a setting that came as text into the type that its schema wants. */

import type { LeafKind } from "./leaves.ts";

/** `value` undefined: the empty text, which leaves a setting as it is. */
export type TextValue = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

const YES = new Set(["true", "yes", "on"]);
const NO = new Set(["false", "no", "off"]);

export function fromText(kind: LeafKind, text: string): TextValue {
  const trimmed = text.trim();
  if (kind === "list") return { ok: true, value: items(trimmed) };
  if (trimmed === "") return { ok: true, value: undefined };
  if (kind === "text") return { ok: true, value: trimmed };
  if (kind === "number")
    return /^-?\d{1,15}$/.test(trimmed) ? { ok: true, value: Number(trimmed) } : { ok: false };
  const word = trimmed.toLowerCase();
  if (YES.has(word)) return { ok: true, value: true };
  return NO.has(word) ? { ok: true, value: false } : { ok: false };
}

function items(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
