/** A folder of a test file's own where commands look for credentials and endpoints, empty before each test. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { OneContext } from "../../gateway/cli/one/context.ts";
import { systemClock } from "../../shared/clock.ts";

export interface AccessScratch {
  /** Of this test. */
  readonly path: string;
  /** Writes a file below the folder, and gives its path. */
  plant(name: string, text: string): string;
  /** Of a command that runs in the folder, by a user whose home is `me` in it. */
  context(env?: Readonly<Record<string, string>>): OneContext;
}

/** Registers its own beforeEach and afterEach. */
export function useAccessScratch(): AccessScratch {
  let path = "";
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), "gatehouse-access-"));
  });
  afterEach(() => rmSync(path, { recursive: true, force: true }));
  return {
    get path() {
      return path;
    },
    plant(name, text) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    context: (env = {}) => ({
      env: { HOME: join(path, "me"), ...env },
      cwd: path,
      clock: systemClock,
      columns: undefined,
      readInput: async () => undefined,
      out: () => {},
      err: () => {},
    }),
  };
}
