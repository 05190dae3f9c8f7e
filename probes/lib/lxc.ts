/**
 * The containers of this host and their states, by LXC's own commands; what they use is read from cgroups
 * (lxc-cgroup.ts), without a process for each.
 *
 *     NAME   STATE   PID
 *     one-5  RUNNING 1234
 *     one-6  STOPPED -
 */

import type { ProbeHost } from "../probe.ts";
import { atOnce } from "./at-once.ts";

export interface Container {
  readonly name: string;
  /** LXC's word for it; undefined when it could not be told. */
  readonly state: string | undefined;
  /** Of its first process; undefined when it has none. */
  readonly pid: number | undefined;
}

/** Seconds for one call: both commands ask the monitor process of each container, and one may hang. */
const TIMEOUT_S = 4;

/** How timeout(1) ends when it had to end the command. */
const TIMED_OUT = 124;

/** Containers asked at once when each is asked alone. */
const ASKED_AT_ONCE = 16;

const HEADER = /^NAME\s+STATE\s+PID\s*$/;
const ROW = /^(\S+)\s+([A-Z]{1,20})\s+(-|\d{1,10})\s*$/;

/**
 * All containers, each name once. While one container's monitor hangs, each is asked alone, and it alone has no state.
 * @throws Error when LXC does not list them, or not all.
 */
export async function listContainers(host: ProbeHost): Promise<readonly Container[]> {
  const { code, stdout, stderr } = await call(host, "lxc-ls", [
    "--fancy",
    "--fancy-format",
    "NAME,STATE,PID",
  ]);
  if (code === TIMED_OUT) return askEach(host);
  if (code !== 0) throw new Error(`lxc-ls failed with code ${code}: ${firstLine(stderr)}`);
  return parseContainers(stdout);
}

/** @throws Error when the text is not a whole table. */
export function parseContainers(text: string): readonly Container[] {
  if (text.trim() === "") return [];
  const rows = text.split("\n");
  if (rows.pop() !== "") throw new Error("The output of lxc-ls is not whole.");
  if (!HEADER.test(rows.shift() ?? ""))
    throw new Error("The output of lxc-ls has not the columns asked for.");
  const containers = new Map<string, Container>();
  for (const row of rows) {
    const [, name = row.trim().split(/\s/, 1)[0] ?? "", state, pid] = ROW.exec(row) ?? [];
    const known = state === undefined || containers.has(name) ? undefined : state;
    containers.set(name, { name, state: known, pid: known === undefined ? undefined : pidOf(pid) });
  }
  return [...containers.values()];
}

async function askEach(host: ProbeHost): Promise<readonly Container[]> {
  // Without the fancy table it only reads the folder of containers.
  const { code, stdout, stderr } = await call(host, "lxc-ls", ["-1", "--defined"]);
  if (code !== 0) throw new Error(`lxc-ls failed with code ${code}: ${firstLine(stderr)}`);
  const names = [...new Set(stdout.split("\n").filter((name) => /^[A-Za-z0-9]\S*$/.test(name)))];
  return atOnce(names, ASKED_AT_ONCE, (name) => askOne(host, name));
}

async function askOne(host: ProbeHost, name: string): Promise<Container> {
  const { code, stdout } = await call(host, "lxc-info", ["--name", name, "--state", "--pid"]);
  const state = code === 0 ? /^State:\s+([A-Z]{1,20})$/m.exec(stdout)?.[1] : undefined;
  return { name, state, pid: pidOf(/^PID:\s+(\d{1,10})$/m.exec(stdout)?.[1]) };
}

async function call(host: ProbeHost, command: string, args: readonly string[]): ReturnType<ProbeHost["run"]> {
  return host.run("timeout", [String(TIMEOUT_S), command, ...args]);
}

function pidOf(text: string | undefined): number | undefined {
  const pid = Number(text);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

/** LXC's reason, fit for a message. */
function firstLine(stderr: string): string {
  const text = stderr.slice(0, 2000).trim().split("\n", 1)[0] ?? "";
  return text.replace(/\p{Cc}+/gu, " ").slice(0, 200) || "it gave no reason.";
}
