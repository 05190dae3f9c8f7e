import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockHome } from "../../gateway/store/lock.ts";

const HOLDER = fileURLToPath(new URL("./store-lock-holder.ts", import.meta.url));

let home: string;
let holder: ChildProcess | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "gatehouse-lock-"));
});

afterEach(() => {
  holder?.kill("SIGKILL");
  rmSync(home, { recursive: true });
});

test("another process is refused while the holder lives, and kill -9 frees the home", async () => {
  const child = spawn(process.execPath, [HOLDER, home], { stdio: ["pipe", "pipe", "inherit"] });
  holder = child;
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  expect(() => lockHome(home)).toThrow(`is in use by another gatehouse (pid ${child.pid});`);

  child.kill("SIGKILL");
  await exited;
  lockHome(home).release();
});
