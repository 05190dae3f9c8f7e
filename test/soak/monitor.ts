/**
 * An hour of 1,000 agents at ten times the speed against a daemon that stores: VMs change, agents end and come again. No
 * change of a state is lost or applied twice, and the memory of the daemon and of the agents stays where it is.
 */

import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { SYSTEM } from "../../gateway/cloud/cloud.ts";
import { samplesIn } from "../../gateway/main/history.ts";
import { openSeries, type SqliteSeries } from "../../gateway/store/series/sqlite-series.ts";
import { systemClock } from "../../shared/clock.ts";
import { agentChannel, generateKeyPair, printKey } from "../../shared/monitor/keys.ts";
import { vmStateText } from "../../shared/states/vm.ts";
import { SILENT } from "../support/embedded.ts";
import { fleetWorld } from "../support/fleet.ts";
import { scratchDirectory } from "../support/house.ts";
import { type MemorySample, memorySample } from "../support/memory.ts";
import { type MonitoredCloud, monitoredCloud } from "../support/monitor-daemon.ts";
import type { AgentsRequest, AgentsSample, SimulatedAgent } from "./monitor-agents.ts";

export interface MonitorSoakOptions {
  /** Simulated seconds, a tenth of them real ones, without the settling at the end; default DEFAULT_SECONDS. */
  readonly inputs?: number | undefined;
  readonly seed?: number | undefined;
  readonly log?: ((line: string) => void) | undefined;
  /** Default 1,000. */
  readonly hosts?: number | undefined;
}

export interface MonitorSoakResult {
  readonly simulatedSeconds: number;
  readonly hosts: number;
  readonly changes: number;
  readonly restarts: number;
  readonly vmRecords: number;
  readonly seriesBytes: number;
  readonly daemon: Growth;
  readonly agents: Growth;
}

/** Means of the first third, without the start, and of the last third. */
export interface Growth {
  readonly liveMb: readonly [number, number];
  readonly rssMb: readonly [number, number];
}

const SPEED = 10;
const DEFAULT_SECONDS = 3_600;
const HOSTS = 1_000;
const VMS_PER_HOST = 20;
const SAMPLES = 36;
/** Of all samples, those before everything has been said once. */
const WARM_UP = 1 / 12;
const RAW_SECONDS = { hosts: 3_600, vms: 3_600 };
const MAX_BYTES_PER_RECORD = 100;
const EMPTY_FILE_BYTES = 1_000_000;
const SETTLE_TURNS = 600;
const SETTLE_TURN_MS = 100;
/** What a mean may grow by: a share, and what garbage and the allocator scatter by. */
const ALLOWED_SHARE = 1.1;
const ALLOWED_LIVE_BYTES = 8 * 1024 * 1024;
const ALLOWED_RSS_BYTES = 48 * 1024 * 1024;
/** Agents have disks of their own; on one disk for all, their flushes of boot ids would wait for each other. */
const MEMORY_DISK = "/dev/shm";
const AGENTS = fileURLToPath(new URL("./monitor-agents.ts", import.meta.url));

interface Soaked {
  readonly house: MonitoredCloud;
  readonly series: SqliteSeries;
  readonly child: ChildProcess;
  /** Of each VM: how often the cloud has seen it change. */
  readonly applied: Uint32Array;
}

/** @throws Error when a law is broken. */
export async function monitorSoak(options: MonitorSoakOptions = {}): Promise<MonitorSoakResult> {
  const { inputs = DEFAULT_SECONDS, seed = 1, log = () => {}, hosts = HOSTS } = options;
  const scratch = scratchDirectory("soak-monitor");
  const disks = scratchDirectory("soak-agents", existsSync(MEMORY_DISK) ? MEMORY_DISK : undefined);
  const series = await openSeries(path.join(scratch.path, "series.db"), {
    clock: systemClock,
    log: SILENT,
    rawSeconds: RAW_SECONDS,
  });
  const house = await monitoredCloud({ samples: samplesIn(series) });
  const child = fork(AGENTS, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  try {
    await house.cloud.importWorld(fleetWorld({ hosts, vmsPerHost: VMS_PER_HOST }));
    const applied = countChanges(house, hosts * VMS_PER_HOST);
    const agents = await enrolAll(house, hosts);
    log(`monitor: ${hosts} agents, ${inputs} s at ${SPEED} times the speed`);
    const { port } = house.daemon.address;
    const start = {
      agents,
      vmsPerHost: VMS_PER_HOST,
      port,
      directory: disks.path,
      speed: SPEED,
      seed,
    };
    tell(child, { kind: "start", start });
    const soaked = { house, series, child, applied };
    const memory = await watch(soaked, inputs, log);
    const last = await settled(soaked);
    requireAllApplied(soaked, last);
    const seriesBytes = requireBounded(series);
    return {
      simulatedSeconds: inputs,
      hosts,
      changes: last.changes,
      restarts: last.restarts,
      vmRecords: series.stats.records,
      seriesBytes,
      daemon: requireFlat("daemon", memory.daemon),
      agents: requireFlat("agents", memory.agents),
    };
  } finally {
    await ended(child);
    await house.close();
    await series.close();
    disks.remove();
    scratch.remove();
  }
}

async function enrolAll({ daemon }: MonitoredCloud, hosts: number): Promise<readonly SimulatedAgent[]> {
  const agents: SimulatedAgent[] = [];
  for (let hostId = 0; hostId < hosts; hostId += 1) {
    const keys = generateKeyPair(randomBytes);
    await daemon.agents.enrol(keys.publicKey, hostId);
    const { keyId, sharedKey } = agentChannel(keys, daemon.agents.daemonKey);
    agents.push({ hostId, keyId, sharedKey: printKey(sharedKey) });
  }
  return agents;
}

function countChanges({ cloud }: MonitoredCloud, vms: number): Uint32Array {
  const applied = new Uint32Array(vms);
  cloud.subscribe((event) => {
    if (event.kind === "vm_state") applied[event.vm.id] = (applied[event.vm.id] ?? 0) + 1;
  });
  return applied;
}

async function watch(
  { house, series, child }: Soaked,
  seconds: number,
  log: (line: string) => void,
): Promise<{ readonly daemon: readonly MemorySample[]; readonly agents: readonly MemorySample[] }> {
  const [daemon, agents]: [MemorySample[], MemorySample[]] = [[], []];
  const began = systemClock.elapsed();
  for (let taken = 1; taken <= SAMPLES; taken += 1) {
    const at = began + (seconds * 1_000 * taken) / SAMPLES / SPEED;
    await sleep(Math.max(0, at - systemClock.elapsed()));
    const [own, theirs] = [memorySample(), await sample(child)];
    daemon.push(own);
    agents.push(theirs.memory);
    log(
      `monitor: sample ${taken} of ${SAMPLES}: daemon ${megabytes(own.liveBytes)} MB live, ${megabytes(own.rssBytes)} MB; ` +
        `agents ${megabytes(theirs.memory.liveBytes)} and ${megabytes(theirs.memory.rssBytes)}; ` +
        `${theirs.changes} changes told, ${house.daemon.counts.statesChanged} applied, ${series.stats.records} records`,
    );
  }
  return { daemon, agents };
}

/** When all agents have delivered everything and the cloud stands where they do, or in vain. */
async function settled(soaked: Soaked): Promise<AgentsSample> {
  tell(soaked.child, { kind: "settle" });
  for (let turn = 0; ; turn += 1) {
    await sleep(SETTLE_TURN_MS);
    const last = await sample(soaked.child);
    const isDone = last.waiting === 0 && wrongVms(soaked, last).length === 0;
    if (isDone || turn >= SETTLE_TURNS) return last;
  }
}

/** VMs that changed another number of times in the cloud than on their hosts, or came to another end. */
function wrongVms({ house, applied }: Soaked, { vms }: AgentsSample): readonly string[] {
  return vms.flatMap(([changes, state], id) => {
    const vm = house.cloud.vms.peek(SYSTEM, id);
    const phase = vm && vmStateText(vm.state, vm.lcmState);
    if (applied[id] === changes && phase === state) return [];
    return [`VM ${id} changed ${changes} times to ${state}, in the cloud ${applied[id]} times to ${phase}`];
  });
}

function requireAllApplied(soaked: Soaked, last: AgentsSample): void {
  const wrong = wrongVms(soaked, last);
  if (wrong.length > 0) throw new Error(`${wrong.length} VMs are not what their hosts said: ${wrong[0]}`);
  if (last.waiting > 0) throw new Error(`${last.waiting} agents have not delivered what must arrive`);
  if (last.dropped > 0) throw new Error(`${last.dropped} messages were dropped from spools`);
}

/** The bytes of the file. */
function requireBounded({ stats }: SqliteSeries): number {
  const { records, fileBytes, dropped } = stats;
  const lost = Object.entries(dropped).filter(([, count]) => count > 0);
  if (lost.length > 0)
    throw new Error(`reports were not stored: ${JSON.stringify(Object.fromEntries(lost))}`);
  if (fileBytes > EMPTY_FILE_BYTES + records * MAX_BYTES_PER_RECORD)
    throw new Error(`the series have ${fileBytes} bytes for ${records} records`);
  return fileBytes;
}

function requireFlat(who: string, samples: readonly MemorySample[]): Growth {
  const first = samples.slice(Math.floor(samples.length * WARM_UP), samples.length / 3);
  const last = samples.slice(-samples.length / 3);
  const means = (of: (one: MemorySample) => number) => [mean(first.map(of)), mean(last.map(of))] as const;
  const [live, rss] = [means(({ liveBytes }) => liveBytes), means(({ rssBytes }) => rssBytes)];
  for (const [what, [before, after], allowed] of [
    ["live memory", live, ALLOWED_LIVE_BYTES],
    ["resident memory", rss, ALLOWED_RSS_BYTES],
  ] as const) {
    if (after > before * ALLOWED_SHARE + allowed)
      throw new Error(`${what} of ${who} grew from ${megabytes(before)} to ${megabytes(after)} MB`);
  }
  return {
    liveMb: [megabytes(live[0]), megabytes(live[1])],
    rssMb: [megabytes(rss[0]), megabytes(rss[1])],
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e5) / 10;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill();
  await exit;
}

function tell(child: ChildProcess, request: AgentsRequest): void {
  child.send(request);
}

async function sample(child: ChildProcess): Promise<AgentsSample> {
  const answered = once(child, "message");
  tell(child, { kind: "sample" });
  const [answer]: AgentsSample[] = await answered;
  if (answer === undefined) throw new Error("the agents do not answer");
  return answer;
}
