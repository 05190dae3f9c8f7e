/** Small files of /proc and /sys. They are memory, not disk, so a synchronous read costs less than a promise. */

import { readdirSync, readFileSync } from "node:fs";

/** A file's text without the blanks around it; undefined when this machine has none, or keeps it from us. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** A file that every Linux has. @throws Error when it cannot be read. */
export function needText(path: string): string {
  return readFileSync(path, "utf8").trim();
}

/** A file that holds one whole number; undefined when it is missing or holds something else. */
export function readNumber(path: string): number | undefined {
  const text = readText(path);
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** The names in a directory, in order; none when there is no such directory. */
export function readNames(path: string): readonly string[] {
  try {
    return readdirSync(path).sort();
  } catch {
    return [];
  }
}

/** The numbers that `prefix` has behind it in a directory, rising: node0, node1 → 0, 1. */
export function readNumbered(path: string, prefix: string): readonly number[] {
  return readNames(path)
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((one, other) => one - other);
}

/** The kernel's lists of CPUs and nodes: `0-3,8` → 0, 1, 2, 3, 8 (cpuset(7), "List format"). */
export function parseList(text: string): readonly number[] {
  return text.split(",").flatMap((range) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range.trim()) ?? [];
    if (first === undefined) return [];
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
  });
}
