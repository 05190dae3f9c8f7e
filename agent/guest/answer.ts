/** Reading OneGate's JSON: what is missing or of another type is as good as absent, so no answer breaks the command. */

import { GatehouseError } from "../../shared/errors.ts";

/** @throws GatehouseError `unavailable` when the text is not JSON: whatever answered is not OneGate. */
export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GatehouseError("unavailable", "The server's answer is not JSON: is ONEGATE_ENDPOINT right?", {
      cause,
    });
  }
}

/** The value at a path of names. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, name)) return undefined;
    here = Object.getOwnPropertyDescriptor(here, name)?.value;
  }
  return here;
}

/** A string or a number as text, for one line: control characters of a peer's name must not reach the terminal. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  if (typeof found !== "string" && typeof found !== "number") return undefined;
  return visible(String(found));
}

/** With control characters written out. */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

/** All values there: the elements of an array, or the one value that stands alone. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  if (found === undefined || found === null) return [];
  return Array.isArray(found) ? found : [found];
}
