/** What Linux's /proc tells of processes: who runs, since when, in which session (proc(5)). */

import { readdirSync, readFileSync } from "node:fs";

/** A process told apart from later ones with the same pid by its start, in clock ticks since the machine's boot. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
}

export interface ProcessStat extends ProcessIdentity {
  /** One letter: R, S, D run or wait, T is stopped, Z and X are dead. */
  readonly state: string;
  readonly parentPid: number;
  readonly groupId: number;
  readonly sessionId: number;
}

const CONTEXT_DIR = "CONTEXT_DIR=";

const PROC = "/proc";

/** Reads a line of /proc/PID/stat; the command in parentheses may itself hold blanks and parentheses. */
export function parseStat(text: string): ProcessStat | undefined {
  const commandEnd = text.lastIndexOf(")");
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(commandEnd + 2).split(" ");
  const state = fields[0];
  const numbers = [pid, ...[1, 2, 3, 19].map((index) => Number(fields[index]))];
  if (commandEnd < 0 || !state || !numbers.every(Number.isSafeInteger)) return undefined;
  const [, parentPid = 0, groupId = 0, sessionId = 0, startTicks = 0] = numbers;
  return { pid, state, parentPid, groupId, sessionId, startTicks };
}

/** The process with this pid, dead but unreaped ones included; undefined when there is none. */
export function readStat(pid: number, procRoot = PROC): ProcessStat | undefined {
  const text = readProc(procRoot, pid, "stat");
  return text === undefined ? undefined : parseStat(text);
}

/**
 * The same for those who must not take what they cannot read for an end.
 * @throws Error when there is such a process, but its state cannot be read.
 */
export function seekStat(pid: number, procRoot: string): ProcessStat | undefined {
  const path = `${procRoot}/${pid}/stat`;
  try {
    const stat = parseStat(readFileSync(path, "utf8"));
    if (stat === undefined) throw new Error(`${path} does not read as the state of a process.`);
    return stat;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // ESRCH: it ended between open and read.
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}

/** A zombie is gone: whoever is pid 1 in a container may never reap it. */
export function isDead(stat: ProcessStat): boolean {
  return stat.state === "Z" || stat.state === "X";
}

/** What this very process does now; undefined when it is gone, even if another one has its pid. */
export function livingStat({ pid, startTicks }: ProcessIdentity, procRoot = PROC): ProcessStat | undefined {
  const stat = readStat(pid, procRoot);
  return stat === undefined || stat.startTicks !== startTicks || isDead(stat) ? undefined : stat;
}

/** All pids of this moment. */
export function listPids(procRoot = PROC): readonly number[] {
  return readdirSync(procRoot)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** What a process can be known by wherever it goes, as far as we may read it. */
export interface ProcessMarks {
  /** The users it runs as: real, effective and saved. */
  readonly uids: readonly number[];
  /** The CONTEXT_DIR it was started with. */
  readonly contextDir: string | undefined;
}

export function marksOf(pid: number, procRoot = PROC): ProcessMarks {
  const uids = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(readProc(procRoot, pid, "status") ?? "");
  const entries = (readProc(procRoot, pid, "environ") ?? "").split("\0");
  const contextDir = entries.find((entry) => entry.startsWith(CONTEXT_DIR));
  return { uids: uids?.slice(1).map(Number) ?? [], contextDir: contextDir?.slice(CONTEXT_DIR.length) };
}

/** A name for this run of the machine: start ticks count anew after each. */
export function bootId(procRoot = PROC): string {
  return readFileSync(`${procRoot}/sys/kernel/random/boot_id`, "latin1").trim();
}

function readProc(procRoot: string, pid: number, file: "stat" | "status" | "environ"): string | undefined {
  try {
    return readFileSync(`${procRoot}/${pid}/${file}`, "utf8");
  } catch {
    // Gone in the meantime, or not ours to read.
    return undefined;
  }
}
