/**
 * What tells one home from every other, also from one that stood at the same place before: a random name, made once. Guests'
 * files and user ids hang on it, so that a new home never takes an old one's guests for its own.
 */

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writePrivateFile } from "./files.ts";

const FILE = "house_id";

/** The home's name; undefined when there is no such home, or it has none. */
export function readHouseId(home: string): string | undefined {
  try {
    const text = readFileSync(join(home, FILE), "utf8").trim();
    return /^[0-9a-f]{16}$/.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The home's name, made at its first start. */
export function houseId(home: string): string {
  const known = readHouseId(home);
  if (known !== undefined) return known;
  const made = randomBytes(8).toString("hex");
  writePrivateFile(join(home, FILE), `${made}\n`);
  return made;
}
