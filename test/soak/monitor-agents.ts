/**
 * A process of simulated agents: real sealed links, outboxes on disk and state reports, with VMs that are only made up.
 * VMs change their states, and agents end and come again, as a seed says.
 */

import { mkdirSync } from "node:fs";
import path from "node:path";
import { BootIds } from "../../agent/host/boot-ids.ts";
import { DEFAULT_BOUNDS, Outbox } from "../../agent/host/outbox.ts";
import { Schedule } from "../../agent/host/schedule.ts";
import { SealedLink } from "../../agent/host/sealed-link.ts";
import { DEFAULT_PERIODS, type PeriodName } from "../../agent/host/settings.ts";
import { spoolFiles } from "../../agent/host/spool-files.ts";
import { StatesFile, withSpooled } from "../../agent/host/states-file.ts";
import { VmStates } from "../../agent/host/vm-states.ts";
import { type Clock, epochSeconds, systemClock } from "../../shared/clock.ts";
import { type Channel, parseKey } from "../../shared/monitor/keys.ts";
import type { Message } from "../../shared/monitor/message.ts";
import type { ReportedState, VmStateReading } from "../../shared/monitor/readings.ts";
import { SILENT } from "../support/embedded.ts";
import { FleetTalk, stateOf } from "../support/fleet.ts";
import { calmMemorySample, cpuSeconds, type MemorySample } from "../support/memory.ts";
import { type Random, seededRandom } from "../support/random.ts";

export interface SimulatedAgent {
  readonly hostId: number;
  readonly keyId: string;
  /** As printKey prints it. */
  readonly sharedKey: string;
}

export interface AgentsStart {
  readonly agents: readonly SimulatedAgent[];
  readonly vmsPerHost: number;
  readonly port: number;
  readonly directory: string;
  /** Periods are divided by it; what links wait for is not. */
  readonly speed: number;
  readonly seed: number;
}

export type AgentsRequest =
  | { readonly kind: "start"; readonly start: AgentsStart }
  /** Answered with an AgentsSample. */
  | { readonly kind: "sample" }
  /** No VM changes any more, and no agent ends. */
  | { readonly kind: "settle" };

export interface AgentsSample {
  readonly memory: MemorySample;
  /** Of a core, since the start of the process. */
  readonly cpuSeconds: number;
  /** Changes of VMs so far. */
  readonly changes: number;
  /** Readings of VMs told so far. */
  readonly records: number;
  readonly restarts: number;
  /** Agents that have not delivered all that must arrive. */
  readonly waiting: number;
  /** Messages given up because a spool was full. */
  readonly dropped: number;
  /** Of each VM, by its id: how often it changed, and where it is. */
  readonly vms: readonly (readonly [changes: number, state: ReportedState])[];
}

/** Between two changes on one host, divided by the speed, too; each of its VMs changes in turn. */
const CHANGE_EVERY_MS = 30_000;
const RESTART_EVERY_MS = 6_000;
const DOWN_MS = 20_000;
/** Agents do not all start at once. */
const START_WITHIN_MS = 30_000;
const SYNC_EVERY_MS = DEFAULT_PERIODS.SYNC_STATE_VM * 1_000;

interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly talk: FleetTalk;
  readonly start: AgentsStart;
  readonly changed: Uint32Array;
  readonly states: ReportedState[];
  readonly counts: { restarts: number; dropped: number; records: number };
}

/** One start of an agent, as agent/host/agent.ts makes it, with made-up probes. */
class Running {
  readonly #world: World;
  readonly #hostId: number;
  readonly #outbox: Outbox;
  readonly #link: SealedLink;
  readonly #states: VmStates;
  readonly #statesFile: StatesFile;
  readonly #schedules: readonly Schedule[];
  #wasReachable = true;

  constructor(world: World, hostId: number, channel: Channel) {
    this.#world = world;
    this.#hostId = hostId;
    const { clock, start, counts } = world;
    const directory = path.join(start.directory, String(hostId));
    mkdirSync(directory, { recursive: true });
    const bootIds = new BootIds(directory, clock);
    const bootId = bootIds.take();
    this.#statesFile = new StatesFile(directory);
    const kept = this.#statesFile.read();
    this.#outbox = new Outbox({
      must: spoolFiles(path.join(directory, "must")),
      metrics: spoolFiles(path.join(directory, "metrics")),
      bounds: DEFAULT_BOUNDS,
      bootId,
      lastDelivery: kept.lastDelivery,
      onDropped: (_, records) => {
        counts.dropped += records;
      },
    });
    const { told } = withSpooled(kept, this.#outbox.waiting());
    this.#states = new VmStates({ syncEveryMs: SYNC_EVERY_MS / start.speed, told });
    const random = () => world.random.integer(2 ** 31) / 2 ** 31;
    this.#link = new SealedLink({
      channel,
      address: "127.0.0.1",
      port: start.port,
      hostId,
      outbox: this.#outbox,
      bootIds,
      bootId,
      clock,
      random,
      log: SILENT,
    });
    this.#schedules = this.#rounds().map(([name, round]) => {
      const work = async (): Promise<void> => round();
      return new Schedule({ clock, random, periodMs: (DEFAULT_PERIODS[name] * 1_000) / start.speed, work });
    });
    this.#link.start();
    for (const schedule of this.#schedules) schedule.start();
  }

  get isDelivered(): boolean {
    return this.#outbox.isDelivered;
  }

  async stop(): Promise<void> {
    this.#link.close();
    await Promise.all(this.#schedules.map((schedule) => schedule.stop()));
  }

  #rounds(): readonly (readonly [PeriodName, () => void])[] {
    const { talk, clock, counts, start } = this.#world;
    const telling = (say: (hostId: number, timestamp: number) => Message) => () =>
      this.#link.send([say(this.#hostId, epochSeconds(clock))]);
    return [
      ["BEACON_HOST", telling((hostId, at) => talk.beacon(hostId, at))],
      ["SYSTEM_HOST", telling((hostId, at) => talk.system(hostId, at))],
      ["MONITOR_HOST", telling((hostId, at) => talk.monitor(hostId, at))],
      [
        "MONITOR_VM",
        telling((hostId, at) => {
          counts.records += start.vmsPerHost;
          return talk.vms(hostId, at);
        }),
      ],
      ["STATE_VM", () => this.#tellStates()],
    ];
  }

  #tellStates(): void {
    const { clock } = this.#world;
    const isReachable = this.#link.isReachable;
    if (isReachable && !this.#wasReachable) this.#states.tellAllSoon();
    this.#wasReachable = isReachable;
    const readings = this.#states.round({
      listed: this.#listed(),
      failed: false,
      elapsedMs: clock.elapsed(),
      mayTellAll: isReachable,
    });
    if (readings.length === 0) return;
    const head = {
      type: "STATE_VM",
      status: "SUCCESS",
      oid: this.#hostId,
      timestamp: epochSeconds(clock),
    } as const;
    this.#link.send(readings.map((reading) => ({ ...head, reading })));
    this.#statesFile.write(this.#outbox.lastDelivery, this.#states.told);
  }

  #listed(): readonly VmStateReading[] {
    const { states, start } = this.#world;
    const first = this.#hostId * start.vmsPerHost;
    return states.slice(first, first + start.vmsPerHost).map((state, index) => stateOf(first + index, state));
  }
}

class Fleet {
  readonly #world: World;
  readonly #channels: readonly Channel[];
  readonly #running = new Map<number, Running>();
  #settled = false;

  constructor(start: AgentsStart) {
    const vms = start.agents.length * start.vmsPerHost;
    this.#world = {
      clock: systemClock,
      random: seededRandom(start.seed),
      talk: new FleetTalk(start.vmsPerHost),
      start,
      changed: new Uint32Array(vms),
      states: Array.from({ length: vms }, () => "RUNNING" as const),
      counts: { restarts: 0, dropped: 0, records: 0 },
    };
    this.#channels = start.agents.map(({ keyId, sharedKey }) => ({ keyId, sharedKey: parseKey(sharedKey) }));
    const { random } = this.#world;
    for (const { hostId } of start.agents) {
      this.#after(random.integer(START_WITHIN_MS), () => this.#run(hostId));
      this.#after(START_WITHIN_MS + random.integer(CHANGE_EVERY_MS), () => this.#change(hostId, 0));
    }
    this.#restartLater();
  }

  async sample(): Promise<AgentsSample> {
    const memory = await calmMemorySample();
    const { changed, states, counts, start } = this.#world;
    const waiting = start.agents.filter(
      ({ hostId }) => this.#running.get(hostId)?.isDelivered !== true,
    ).length;
    return {
      memory,
      cpuSeconds: cpuSeconds(),
      changes: changed.reduce((sum, count) => sum + count, 0),
      ...counts,
      waiting,
      vms: states.map((state, id) => [changed[id] ?? 0, state] as const),
    };
  }

  settle(): void {
    this.#settled = true;
  }

  #after(simulatedMs: number, work: () => void): void {
    const { clock, start } = this.#world;
    clock.after(simulatedMs / start.speed, work);
  }

  #run(hostId: number): void {
    const channel = this.#channels[hostId];
    if (channel !== undefined) this.#running.set(hostId, new Running(this.#world, hostId, channel));
  }

  /** One VM of the host after another. */
  #change(hostId: number, turn: number): void {
    if (this.#settled) return;
    const { start, states, changed } = this.#world;
    const vmId = hostId * start.vmsPerHost + (turn % start.vmsPerHost);
    states[vmId] = states[vmId] === "RUNNING" ? "POWEROFF" : "RUNNING";
    changed[vmId] = (changed[vmId] ?? 0) + 1;
    this.#after(CHANGE_EVERY_MS, () => this.#change(hostId, turn + 1));
  }

  #restartLater(): void {
    const { random, start, counts } = this.#world;
    this.#after(RESTART_EVERY_MS, () => {
      if (this.#settled) return;
      this.#restartLater();
      const hostId = random.integer(start.agents.length);
      const running = this.#running.get(hostId);
      if (running === undefined) return;
      this.#running.delete(hostId);
      counts.restarts += 1;
      void running.stop();
      this.#after(random.integer(DOWN_MS), () => this.#run(hostId));
    });
  }
}

let fleet: Fleet | undefined;
process.on("message", (request: AgentsRequest) => {
  if (request.kind === "start") fleet = new Fleet(request.start);
  else if (request.kind === "settle") fleet?.settle();
  else void fleet?.sample().then((sample) => process.send?.(sample));
});
process.on("disconnect", () => process.exit(0));
