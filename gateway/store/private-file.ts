/** Database files that are readable by nobody else. */

import { chmodSync, closeSync, existsSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";

const FILE_MODE = 0o600;

/**
 * Makes the file before SQLite does, so that it, and its -wal and -shm which take its mode, are never readable by
 * others. An existing file is not opened here: closing it again would drop the locks of a SQLite in this process.
 */
export function makePrivate(path: string): void {
  if (existsSync(path)) {
    for (const name of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(name)) chmodSync(name, FILE_MODE);
    return;
  }
  closeSync(openSync(path, "wx", FILE_MODE));
  const directory = openSync(dirname(path), "r");
  fsyncSync(directory);
  closeSync(directory);
}
