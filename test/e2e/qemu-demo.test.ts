/** `gatehouse demo qemu` as a newcomer runs it: until its service of real guests runs, what it prints to try, and Ctrl-C. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { BOOT_TIMEOUT_MS, guestImage } from "../support/guest-image.ts";
import { FREE_PORTS, scratchDirectory } from "../support/house.ts";
import { qemusIn } from "../support/qemu-driver.ts";

const image = await guestImage();
const REPOSITORY = path.join(import.meta.dirname, "../..");
const scratch = scratchDirectory("qemu-demo");
// Where nothing is tried, nothing is cleaned up afterwards either.
if (image === undefined) scratch.remove();
// Guests of a house started by root are nobody's, and must get to their files.
else chmodSync(scratch.path, 0o711);
const home = path.join(scratch.path, "home");
const runDir = path.join(scratch.path, "guests");
const ENVIRONMENT = {
  ...process.env,
  ...FREE_PORTS,
  GATEHOUSE_MONITOR_AGENTS: "local",
  GATEHOUSE_CLOUD_QEMU_RUN_DIR: runDir,
  GATEHOUSE_CLOUD_QEMU_ACCELERATOR: "tcg",
};
/** So that npx asks no registry, and keeps nothing of this. */
const NPM = { npm_config_offline: "true", npm_config_cache: path.join(scratch.path, "npm") };
const LAUNCHER = path.join(REPOSITORY, "gateway/cli/launch.js");
const PAUSE_MS = 250;

let demo: Demo | undefined;

interface Demo {
  readonly child: ChildProcess;
  printed(): string;
}

function startDemo(): Demo {
  const child = spawn(process.execPath, [LAUNCHER, "demo", "qemu", "--home", home], {
    cwd: REPOSITORY,
    env: ENVIRONMENT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (more: string) => {
    text += more;
  });
  return { child, printed: () => text };
}

async function untilPrinted(of: Demo, pattern: RegExp): Promise<string> {
  while (!pattern.test(of.printed())) {
    if (of.child.exitCode !== null) throw new Error(`The demo ended: ${of.printed()}`);
    await pause(PAUSE_MS);
  }
  return of.printed();
}

/** As Ctrl-C does; its exit code. */
async function interrupt({ child }: Demo): Promise<number | null> {
  const ended = once(child, "exit");
  child.kill("SIGINT");
  await ended;
  return child.exitCode;
}

/** A line as it was printed, in a shell, from the folder it was printed in. */
async function shell(line: string): Promise<string> {
  const child = spawn("sh", ["-c", line], {
    cwd: REPOSITORY,
    env: { ...process.env, ...NPM },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  let complaints = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${line}: ${code}: ${said}${complaints}`);
  return said;
}

/** Its own policies may be scaling it just then. */
async function onceItRests(scale: () => Promise<string>): Promise<string> {
  for (;;) {
    try {
      return await scale();
    } catch (error) {
      if (!String(error).includes("cannot be scaled in state")) throw error;
      await pause(PAUSE_MS);
    }
  }
}

afterAll(async () => {
  if (demo?.child.exitCode === null) await interrupt(demo);
  const left = qemusIn(runDir);
  for (const { pid } of left) process.kill(pid, "SIGKILL");
  scratch.remove();
  expect(left).toEqual([]);
});

describe.skipIf(image === undefined)("the demo of real guests", () => {
  it("runs a service of three, gives commands that work, and ends all with Ctrl-C", {
    timeout: 4 * BOOT_TIMEOUT_MS,
  }, async () => {
    demo = startDemo();
    const printed = await untilPrinted(demo, /Ctrl-C ends it all\./);
    expect(printed).toMatch(/^Service 1, demo, is RUNNING\. Its guests are virtual machines/m);
    expect(printed.match(/^ {2}VM \d+ {2}\S+ {2}RUNNING {2}READY=YES/gm)).toHaveLength(3);
    expect(qemusIn(runDir).length).toBeGreaterThanOrEqual(3);

    const commands = printed.split("\n").filter((line) => /^ {2}(GATEHOUSE_HOME=|npx |curl )/.test(line));
    const run = (pattern: RegExp) => shell(commands.find((line) => pattern.test(line)) ?? `no ${pattern}`);
    expect(commands).toHaveLength(9);
    expect(await run(/ show 1$/)).toMatch(/STATE\s*: RUNNING/);
    expect(JSON.parse(await run(/\/service$/))).toMatchObject({ SERVICE: { name: "demo" } });
    expect(await run(/COLOUR/)).toBe("");
    expect(await run(/ monitoring /)).toMatch(/CPU/);
    expect(JSON.parse(await run(/ export$| export /))).toHaveProperty("vms");
    expect(await run(/ explain /)).toContain("MONITORING.CPU");
    // It watches until the workers are four.
    const scaled = await onceItRests(() => run(/ scale 1 worker 4 && /));
    expect(scaled).toMatch(/worker/);
    expect(qemusIn(runDir).length).toBeGreaterThanOrEqual(5);
    expect(await run(/LOAD/)).toBe("");

    expect(await interrupt(demo)).toBe(0);
    expect(qemusIn(runDir)).toEqual([]);
  });
});
