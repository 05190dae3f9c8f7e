/** A house of its own process over a home of its own, for benchmarks and fault tests. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const LAUNCHER = fileURLToPath(new URL("../../gateway/cli/gatehouse.ts", import.meta.url));

export interface HouseProcess {
  readonly pid: number;
  readonly onegate: string;
  readonly oneflow: string;
  readonly rpc: string;
  readonly admin: string;
  readonly monitor: { readonly host: string; readonly port: number };
  readonly child: ChildProcess;
  /** From the start of the process until everything listened. */
  readonly startMs: number;
}

/** A new directory, and its removal. */
export function scratchDirectory(prefix: string, parent = tmpdir()): { path: string; remove: () => void } {
  const directory = mkdtempSync(path.join(parent, `gatehouse-${prefix}-`));
  return { path: directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

export const FREE_PORTS = {
  GATEHOUSE_ONEGATE_PORT: "0",
  GATEHOUSE_ONEFLOW_PORT: "0",
  GATEHOUSE_RPC_PORT: "0",
  GATEHOUSE_ADMIN_PORT: "0",
  GATEHOUSE_MONITOR_PORT: "0",
  GATEHOUSE_MONITOR_AGENTS: "none",
  GATEHOUSE_LOG_LEVEL: "error",
};

/** For load: limits that are counted like any others, and that nobody reaches. */
export const RAISED_LIMITS: Readonly<Record<string, string>> = Object.fromEntries(
  ["VM", "VM_WRITE", "ADDRESS", "STRANGER"].flatMap((policy) => [
    [`GATEHOUSE_ONEGATE_LIMITS_${policy}_PER_SECOND`, "1000000"],
    [`GATEHOUSE_ONEGATE_LIMITS_${policy}_BURST`, "10000000"],
  ]),
);

/** Starts `gatehouse up` on free ports; resolves when run.json says that everything listens. */
export async function startHouse(
  home: string,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
  stderr: "inherit" | "pipe" = "inherit",
): Promise<HouseProcess> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const started = performance.now();
  rmSync(path.join(home, "run.json"), { force: true });
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", LAUNCHER, "up", "--home", home, ...args],
    {
      stdio: ["ignore", "ignore", stderr],
      env: { ...process.env, ...FREE_PORTS, ...environment },
    },
  );
  const run = await Promise.race([runFile(home), failure(child)]);
  return {
    pid: run.pid,
    onegate: run.onegate,
    oneflow: run.oneflow,
    rpc: run.rpc,
    admin: run.admin,
    monitor: run.monitor,
    child,
    startMs: performance.now() - started,
  };
}

interface RunFile {
  readonly pid: number;
  readonly onegate: string;
  readonly oneflow: string;
  readonly rpc: string;
  readonly admin: string;
  readonly monitor: { readonly host: string; readonly port: number };
}

/** The house renames run.json into place, so a look at it never sees half of it. */
async function runFile(home: string): Promise<RunFile> {
  const file = path.join(home, "run.json");
  const watcher = watch(home);
  try {
    while (!existsSync(file)) await new Promise((resolve) => watcher.once("change", resolve));
    return JSON.parse(readFileSync(file, "utf8"));
  } finally {
    watcher.close();
  }
}

async function failure(child: ChildProcess): Promise<never> {
  return await new Promise((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) =>
      reject(new Error(`the house ended while starting: ${code ?? signal}`)),
    );
  });
}

/** Ends a house and waits for it. */
export async function stopHouse(house: HouseProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (house.child.exitCode !== null || house.child.signalCode !== null) return;
  const ended = new Promise((resolve) => house.child.once("exit", resolve));
  house.child.kill(signal);
  await ended;
}

/** Runs a `gatehouse` command to its end; its standard output. @throws Error when it fails. */
export async function gatehouse(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", LAUNCHER, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...FREE_PORTS },
  });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`gatehouse ${args.join(" ")}: ${Buffer.concat(errors).toString("utf8")}`);
  return Buffer.concat(output).toString("utf8");
}

/** Resident memory of a process in KiB, now and at its peak. */
export function memoryOf(pid: number): { nowKiB: number; peakKiB: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
  return { nowKiB: read("VmRSS"), peakKiB: read("VmHWM") };
}
