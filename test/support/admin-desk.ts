/** Admin commands beside a scripted core, with alice's credentials in a folder that is new for each test. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { ADMIN_ANSWERS } from "./admin-answers.ts";
import { type CommandResult, type Credentials, runLine } from "./admin-command.ts";
import { type ScriptedCore, startScriptedCore } from "./scripted-core.ts";

export interface AdminDesk {
  readonly core: ScriptedCore;
  readonly credentials: Credentials;
  /** Runs a command line; gives what came of it, and the calls that it made. */
  callsOf(
    line: readonly string[],
    input?: string,
  ): Promise<CommandResult & { readonly calls: ScriptedCore["calls"] }>;
}

/** Registers its own hooks. */
export function useAdminDesk(): AdminDesk {
  let started: ScriptedCore | undefined;
  let credentials: Credentials = { directory: "", file: "" };
  const core = (): ScriptedCore => {
    if (started === undefined) throw new Error("no test is running");
    return started;
  };
  beforeAll(async () => {
    started = await startScriptedCore(ADMIN_ANSWERS);
  });
  afterAll(() => core().close());
  beforeEach(() => {
    const directory = mkdtempSync(join(tmpdir(), "one-commands-"));
    credentials = { directory, file: join(directory, "one_auth") };
    writeFileSync(credentials.file, "alice:alicepw\n");
  });
  afterEach(() => rmSync(credentials.directory, { recursive: true, force: true }));
  return {
    get core() {
      return core();
    },
    get credentials() {
      return credentials;
    },
    async callsOf(line, input) {
      const before = core().calls.length;
      const result = await runLine(core(), credentials, line, input === undefined ? {} : { input });
      return { ...result, calls: core().calls.slice(before) };
    },
  };
}
