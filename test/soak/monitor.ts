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
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { samplesIn } from "../../gateway/main/history.ts";
import { openSeries, type SqliteSeries } from "../../gateway/store/series/sqlite-series.ts";
import { systemClock } from "../../shared/clock.ts";
import { agentChannel, generateKeyPair, printKey } from "../../shared/monitor/keys.ts";
import { vmStateText } from "../../shared/states/vm.ts";
import { SILENT } from "../support/embedded.ts";
import { fleetWorld } from "../support/fleet.ts";
import { fittedGrowth } from "../support/growth.ts";
import { scratchDirectory } from "../support/house.ts";
import { calmMemorySample, cpuSeconds, type MemorySample } from "../support/memory.ts";
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
  /** Readings of VMs that the agents told, and that the daemon stored. */
  readonly recordsTold: number;
  readonly recordsStored: number;
  readonly seriesBytes: number;
  readonly daemon: ProcessFigures;
  readonly agents: ProcessFigures;
}

/** Memory: of a line through the last two thirds of the samples, where it begins and where it ends. */
export interface ProcessFigures {
  readonly liveMb: readonly [number, number];
  readonly rssMb: readonly [number, number];
  /** Of processor time, while all agents spoke. */
  readonly cores: number;
}

const SPEED = 10;
const DEFAULT_SECONDS = 3_600;
const HOSTS = 1_000;
const VMS_PER_HOST = 20;
const SAMPLES = 36;
const RAW_SECONDS = { hosts: 3_600, vms: 3_600 };
const MAX_BYTES_PER_RECORD = 100;
const EMPTY_FILE_BYTES = 1_000_000;
const SETTLE_TURNS = 600;
const SETTLE_TURN_MS = 100;
/** What the line through the last two thirds of the samples may rise by: what garbage and the allocator scatter by. */
const ALLOWED_LIVE_BYTES = 8_000_000;
const ALLOWED_RSS_BYTES = 64_000_000;
/** Measurements go by datagram, and may be lost; when many are, the daemon was not under the load it is said to bear. */
const MIN_STORED_SHARE = 0.9;
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
    const watched = await watch(soaked, inputs, log);
    const last = await settled(soaked);
    requireAllApplied(soaked, last);
    requireLoad(series, last);
    const seriesBytes = requireBounded(series);
    return {
      simulatedSeconds: inputs,
      hosts,
      changes: last.changes,
      restarts: last.restarts,
      recordsTold: last.records,
      recordsStored: series.stats.records,
      seriesBytes,
      daemon: requireFlat("daemon", watched.daemon, watched.cores.daemon),
      agents: requireFlat("agents", watched.agents, watched.cores.agents),
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

interface Watched {
  readonly daemon: readonly MemorySample[];
  readonly agents: readonly MemorySample[];
  /** Processor time of either from the first sample to the last, of a core. */
  readonly cores: { readonly daemon: number; readonly agents: number };
}

async function watch(soaked: Soaked, seconds: number, log: (line: string) => void): Promise<Watched> {
  const [daemon, agents]: [MemorySample[], MemorySample[]] = [[], []];
  const began = systemClock.elapsed();
  const cpu: { at: number; daemon: number; agents: number }[] = [];
  for (let taken = 1; taken <= SAMPLES; taken += 1) {
    const at = began + (seconds * 1_000 * taken) / SAMPLES / SPEED;
    await sleep(Math.max(0, at - systemClock.elapsed()));
    const theirs = await sample(soaked.child);
    const own = await calmMemorySample();
    daemon.push(own);
    agents.push(theirs.memory);
    cpu.push({ at: systemClock.elapsed(), daemon: cpuSeconds(), agents: theirs.cpuSeconds });
    log(`monitor: sample ${taken} of ${SAMPLES}: ${told(soaked, own, theirs)}`);
  }
  const [first, last] = [cpu[0], cpu.at(-1)];
  const cores = (of: "daemon" | "agents") =>
    first === undefined || last === undefined
      ? Number.NaN
      : Math.round(((last[of] - first[of]) / (last.at - first.at)) * 1e5) / 100;
  return { daemon, agents, cores: { daemon: cores("daemon"), agents: cores("agents") } };
}

/** One sample, in words. */
function told({ house, series }: Soaked, own: MemorySample, theirs: AgentsSample): string {
  const { statesChanged, refusals, cuts } = house.daemon.counts;
  const [of, waiting] = [{ ...above0(refusals), ...above0(cuts) }, house.daemon.queues().datagrams];
  return (
    `daemon ${megabytes(own.liveBytes)} MB live, ${megabytes(own.rssBytes)} MB; ` +
    `agents ${megabytes(theirs.memory.liveBytes)} and ${megabytes(theirs.memory.rssBytes)}; ` +
    `${theirs.changes} changes told, ${statesChanged} applied; ${theirs.records} records told, ${series.stats.records} stored; ` +
    `${waiting} datagrams wait; refused and cut: ${JSON.stringify(of)}`
  );
}

function above0(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].filter(([, count]) => count > 0));
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

function requireLoad({ stats }: SqliteSeries, { records }: AgentsSample): void {
  if (stats.records < records * MIN_STORED_SHARE)
    throw new Error(`of ${records} readings that were told, only ${stats.records} are stored`);
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

function requireFlat(who: string, samples: readonly MemorySample[], cores: number): ProcessFigures {
  const line = (what: string, of: (one: MemorySample) => number, allowed: number) => {
    const { from, to } = fittedGrowth(samples.map(of));
    if (to - from > allowed)
      throw new Error(`${what} of ${who} grew from ${megabytes(from)} to ${megabytes(to)} MB`);
    return [megabytes(from), megabytes(to)] as const;
  };
  return {
    liveMb: line("live memory", ({ liveBytes }) => liveBytes, ALLOWED_LIVE_BYTES),
    rssMb: line("resident memory", ({ rssBytes }) => rssBytes, ALLOWED_RSS_BYTES),
    cores,
  };
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
