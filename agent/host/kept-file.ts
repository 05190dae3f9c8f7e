/** Small files of the state directory, replaced as a whole: a reader sees the old one or the new one. */

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** On disk before it returns, whatever happens to the machine next. @throws Error when the disk refuses. */
export function keepDurably(path: string, text: string): void {
  writeAside(path, text, true);
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Survives the end of this process; the machine's end may take it back. @throws Error when the disk refuses. */
export function keep(path: string, text: string): void {
  writeAside(path, text, false);
}

/** Undefined when there is no such file. @throws Error when there is one that cannot be read. */
export function readKept(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function writeAside(path: string, text: string, sync: boolean): void {
  const aside = `${path}.new`;
  const file = openSync(aside, "w", 0o600);
  try {
    writeSync(file, text);
    if (sync) fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(aside, path);
}
