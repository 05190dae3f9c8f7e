/**
 * What the host agent costs at default periods with 20 guests: processor time and memory of the real process, against
 * the same probes as forked scripts beside it, and against `gatehouse-agent probe` forked for each round.
 */

import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { buildAgent } from "../../agent/host/build.ts";
import { DEFAULT_PERIODS, MESSAGE_OF_GROUP } from "../../agent/host/settings.ts";
import { PROBE_GROUPS } from "../../probes/probe.ts";
import { startAgent } from "../support/agent-process.ts";
import { scratchDirectory } from "../support/house.ts";
import { sleepingGuest } from "../support/process-guests.ts";
import { scriptedDaemon } from "../support/scripted-daemon.ts";
import type { Bench } from "./figures.ts";

const GUESTS = 20;
const FORKS = 5;
const TICKS_A_SECOND = 100;
const SCRIPTS = fileURLToPath(new URL("./agent-scripts.sh", import.meta.url));

export const agentBench: Bench = async function* agent({ seconds, progress }) {
  const scratch = scratchDirectory("bench-agent");
  const bundle = path.join(scratch.path, "gatehouse-agent.cjs");
  const runDir = path.join(scratch.path, "vms");
  const bundleBytes = await buildAgent(bundle);
  const guests = Array.from({ length: GUESTS }, (_, id) => sleepingGuest(runDir, id));
  const daemon = await scriptedDaemon();
  const stateDir = path.join(scratch.path, "state");
  const ours = startAgent(daemon, stateDir, { settings: { processRunDir: runDir } }, bundle);
  const scripts = spawn("sh", [SCRIPTS, runDir], { stdio: "ignore" });
  try {
    progress(`${GUESTS} guests, ${seconds} s at default periods`);
    await daemon.next(({ message }) => message.type === "MONITOR_VM");
    await sleep(seconds * 1000);
    const share = (pid: number | undefined) => percent(ticksOf(pid) / TICKS_A_SECOND / seconds);
    yield { figure: "agent, with its start", value: share(ours.child.pid), unit: "% of a core" };
    yield { figure: "forked scripts", value: share(scripts.pid), unit: "% of a core" };
    yield { figure: "agent, peak of RSS", value: peakMegabytes(ours.child.pid), unit: "MB" };
    yield { figure: "messages heard", value: daemon.heard.length, unit: "messages" };
    yield { figure: "bundle", value: Math.round(bundleBytes / 1024), unit: "KiB" };
    const forked = percent(forkedShare(bundle, runDir));
    yield { figure: "gatehouse-agent probe, forked each round", value: forked, unit: "% of a core" };
  } finally {
    scripts.kill();
    await ours.end("SIGTERM");
    await daemon.close();
    for (const guest of guests) guest.end();
    scratch.remove();
  }
};

/** User and system time, with that of the children it waited for (proc(5), fields 14 to 17). */
function ticksOf(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}

function peakMegabytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round((Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / 1e5) / 10;
}

/** Processor time of a process for each round, as a share of the group's period; all groups together. */
function forkedShare(bundle: string, runDir: string): number {
  let share = 0;
  for (const group of PROBE_GROUPS) {
    const before = childTicks();
    for (let run = 0; run < FORKS; run += 1)
      spawnSync(process.execPath, [bundle, "probe", "process", group, "--run-dir", runDir]);
    share += (childTicks() - before) / TICKS_A_SECOND / FORKS / DEFAULT_PERIODS[MESSAGE_OF_GROUP[group]];
  }
  return share;
}

function childTicks(): number {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[13]) + Number(fields[14]);
}

function percent(share: number): number {
  return Math.round(share * 100_000) / 1000;
}
