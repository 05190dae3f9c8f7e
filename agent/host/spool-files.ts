/** The files of a spool, as a port: segments that grow at their end and are removed whole. */

import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";

export interface SpoolFiles {
  /** Names, in any order. */
  list(): readonly string[];
  read(name: string): Buffer;
  /** @throws Error when the disk refuses; part of the bytes may then stand there. */
  append(name: string, bytes: Uint8Array): void;
  /** Cuts it to so many bytes; nothing when there is no such file. */
  truncate(name: string, bytes: number): void;
  remove(name: string): void;
}

/** Makes the directory, which then belongs to this user alone. */
export function spoolFiles(directory: string): SpoolFiles {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const at = (name: string): string => join(directory, name);
  return {
    list: () => readdirSync(directory),
    read: (name) => readFileSync(at(name)),
    append: (name, bytes) => appendFileSync(at(name), bytes, { mode: 0o600 }),
    truncate(name, bytes) {
      if (statSync(at(name), { throwIfNoEntry: false }) !== undefined) truncateSync(at(name), bytes);
    },
    remove: (name) => rmSync(at(name), { force: true }),
  };
}
