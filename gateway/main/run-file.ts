/** `run.json`: while the house runs, where it is to be found. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import { writePrivateFile } from "./files.ts";

/** URLs of what is enabled, and where the monitoring daemon listens for UDP and TCP. */
export interface RunFile {
  readonly pid: number;
  readonly onegate?: string | undefined;
  readonly oneflow?: string | undefined;
  /** Without the path /RPC2. */
  readonly rpc?: string | undefined;
  readonly admin: string;
  readonly monitor?: { readonly host: string; readonly port: number } | undefined;
}

const RUN_FILE = "run.json";

export function writeRunFile(home: string, content: RunFile): void {
  writePrivateFile(join(home, RUN_FILE), `${JSON.stringify(content)}\n`);
}

export function removeRunFile(home: string): void {
  rmSync(join(home, RUN_FILE), { force: true });
}
