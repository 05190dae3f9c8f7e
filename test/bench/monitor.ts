/**
 * What the monitoring daemon takes of datagrams with 20 VMs each, received, opened, decoded, applied and stored, against a
 * bare node:dgram socket that receives the same datagrams and discards them. The sender is a process of its own, and sends
 * to both as they give it credit; the bare socket is measured flooded, too.
 */

import { type ChildProcess, fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { samplesIn } from "../../gateway/main/history.ts";
import type { Samples } from "../../gateway/monitor/samples.ts";
import { openSeries, type SqliteSeries } from "../../gateway/store/series/sqlite-series.ts";
import { systemClock } from "../../shared/clock.ts";
import { printKey } from "../../shared/monitor/keys.ts";
import { SILENT, vmInPhase } from "../support/embedded.ts";
import { scratchDirectory } from "../support/house.ts";
import { type MonitoredCloud, monitoredCloud, TestAgent, TestConnection } from "../support/monitor-daemon.ts";
import type { Bench, BenchOptions, Figure } from "./figures.ts";
import type { SenderAgent, SenderRequest } from "./monitor-sender.ts";

const HOSTS = 20;
const VMS = 20;
const ROUNDS = 5;
/** Datagrams on their way at one time: less than the smallest usual buffer of a socket holds. */
const WINDOW = 128;
const CREDIT = 64;
/** Made for each round, more than any daemon takes in its time. */
const PER_SECOND = 16_000;

const SENDER = fileURLToPath(new URL("./monitor-sender.ts", import.meta.url));

interface Taken {
  /** Datagrams a second. */
  readonly rate: number;
  /** Processor time of this process, µs a datagram. */
  readonly cpuUs: number;
  /** Of it, that of the thread that receives. */
  readonly ownUs: number;
}

const MEASURED = ["bare", "flooded", "sealed", "text"] as const;

type Name = (typeof MEASURED)[number];

/** Counts what is applied, and hands it on to whoever keeps it. */
class Counting implements Samples {
  applied = 0;
  onApplied: () => void = () => {};
  readonly #kept: Samples;

  constructor(kept: Samples) {
    this.#kept = kept;
  }

  appendVms(...report: Parameters<Samples["appendVms"]>): void {
    this.applied += 1;
    this.#kept.appendVms(...report);
    this.onApplied();
  }

  appendHost(...report: Parameters<Samples["appendHost"]>): void {
    this.#kept.appendHost(...report);
  }
}

/** As `gateway/main/history.ts` opens it, with the retention of `monitord.conf`. */
export const monitorBench: Bench = async function* monitor(options) {
  const scratch = scratchDirectory("bench-monitor");
  const rawSeconds = { hosts: 43_200, vms: 43_200 };
  const file = path.join(scratch.path, "series.db");
  const series = await openSeries(file, { clock: systemClock, log: SILENT, rawSeconds });
  try {
    yield* measureMonitor(options, series);
  } finally {
    await series.close();
    scratch.remove();
  }
};

async function* measureMonitor(
  { seconds, progress }: BenchOptions,
  series: SqliteSeries,
): AsyncGenerator<Figure> {
  const counting = new Counting(samplesIn(series));
  const house = await monitoredCloud({ samples: counting, settings: { maxSkewS: 3_600 } });
  const sender = new Sender();
  try {
    const agents = await manyAgents(house, 0);
    const texts = await manyAgents(house, HOSTS * VMS);
    // Text is taken only of hosts that no key speaks for.
    const textHosts = new Set(texts.map(({ told }) => told.hostId));
    await house.daemon.agents.forgetHosts((hostId) => textHosts.has(hostId));
    const rounds: Record<Name, Taken>[] = [];
    const measured = { house, sender, agents, texts, counting, series };
    for (let round = 0; round <= ROUNDS; round += 1) {
      const one = await measureRound({ ...measured, seconds: round === 0 ? 1 : seconds }, round + 2);
      if (round === 0) continue;
      rounds.push(one);
      const line = MEASURED.map(
        (name) => `${name} ${one[name].rate.toFixed(0)}/s ${one[name].cpuUs.toFixed(0)} us`,
      );
      progress(`round ${round} of ${ROUNDS}: ${line.join(", ")}`);
    }
    yield* figuresOf(rounds);
    const { records, dropped } = series.stats;
    yield { figure: "VM records in the file", value: records, unit: "records" };
    const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    yield { figure: "reports that were not stored", value: lost, unit: "reports" };
  } finally {
    sender.close();
    await house.close();
  }
}

function* figuresOf(rounds: readonly Record<Name, Taken>[]): Iterable<Figure> {
  const value = (of: (round: Record<Name, Taken>) => number, digits = 0) =>
    Number(median(rounds.map(of)).toFixed(digits));
  for (const name of ["sealed", "text"] as const) {
    const ratio = (figure: string, of: (round: Record<Name, Taken>) => number): Figure => {
      return { figure: `${name} datagrams stored over ${figure}`, value: value(of, 4), unit: "ratio" };
    };
    yield ratio("bare", (round) => round[name].rate / round.bare.rate);
    yield ratio("bare, flooded", (round) => round[name].rate / round.flooded.rate);
    yield ratio("bare, processor time", (round) => round.bare.cpuUs / round[name].cpuUs);
    const records = value((round) => round[name].rate * VMS);
    yield { figure: `${name} VM records applied and stored`, value: records, unit: "records/s" };
    const all = value((round) => round[name].cpuUs, 1);
    yield { figure: `${name} datagram, processor time of all threads`, value: all, unit: "us" };
    const own = value((round) => round[name].ownUs, 1);
    yield { figure: `${name} datagram, processor time of the main thread`, value: own, unit: "us" };
  }
  for (const name of ["bare", "flooded"] as const) {
    yield { figure: `${name} datagrams`, value: value((round) => round[name].rate), unit: "datagrams/s" };
    yield {
      figure: `${name} datagram, processor time`,
      value: value((round) => round[name].cpuUs, 1),
      unit: "us",
    };
  }
}

interface Round {
  readonly house: MonitoredCloud;
  readonly sender: Sender;
  readonly agents: readonly BenchAgent[];
  readonly texts: readonly BenchAgent[];
  readonly counting: Counting;
  readonly series: SqliteSeries;
  readonly seconds: number;
}

async function measureRound(round: Round, boot: number): Promise<Record<Name, Taken>> {
  const { house, sender, agents, texts, seconds } = round;
  const count = Math.ceil(seconds * PER_SECOND);
  for (const { agent } of agents) {
    agent.renew();
    const connection = await TestConnection.open(house, agent);
    connection.send();
    await connection.answer();
    connection.close();
  }
  const toldOf = (some: readonly BenchAgent[]) => some.map(({ told }) => told);
  const made = { agents: toldOf(agents), boot, vms: VMS } as const;
  await sender.ask({ kind: "make", codec: "sealed", count, ...made });
  const flooded = await measureBare(sender, seconds, "flooded");
  const bare = await measureBare(sender, seconds, "bare");
  // What the daemon gets is made anew; what it got before is none of these.
  await sender.ask({ kind: "make", codec: "sealed", count, ...made });
  const sealed = await measureDaemon(round);
  const told = { ...made, agents: toldOf(texts) };
  await sender.ask({ kind: "make", codec: "text", count: Math.min(count, 4_000), ...told });
  const text = await measureDaemon(round);
  return { bare, flooded, sealed, text };
}

async function measureBare(sender: Sender, seconds: number, how: "bare" | "flooded"): Promise<Taken> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  let received = 0;
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  const credit = how === "bare" ? sender.lend(port, true) : () => {};
  socket.on("message", () => {
    received += 1;
    credit();
  });
  if (how === "flooded") sender.tell({ kind: "blast", port });
  const taken = await during(seconds, () => received);
  sender.tell({ kind: "stop" });
  socket.close();
  return taken;
}

/** Text may be sent over and over; a sealed datagram counts once. */
async function measureDaemon({ house, sender, counting, series, seconds }: Round): Promise<Taken> {
  counting.onApplied = sender.lend(house.daemon.address.port, false);
  const taken = await during(seconds, () => counting.applied);
  counting.onApplied = () => {};
  sender.tell({ kind: "stop" });
  // What is not written yet must not cost the next one.
  while (series.stats.waitingBytes > 0) await wait(0.05);
  return taken;
}

async function during(seconds: number, count: () => number): Promise<Taken> {
  await wait(0.2);
  const [before, cpu, own, began] = [
    count(),
    process.cpuUsage(),
    process.threadCpuUsage(),
    performance.now(),
  ];
  await wait(seconds);
  const [used, ownUsed] = [process.cpuUsage(cpu), process.threadCpuUsage(own)];
  const taken = count() - before;
  return {
    rate: (taken / (performance.now() - began)) * 1_000,
    cpuUs: (used.user + used.system) / taken,
    ownUs: (ownUsed.user + ownUsed.system) / taken,
  };
}

async function wait(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}

interface BenchAgent {
  readonly agent: TestAgent;
  readonly told: SenderAgent;
}

/** Hosts with VMs on each, and an agent for each. */
async function manyAgents(house: MonitoredCloud, firstVm: number): Promise<readonly BenchAgent[]> {
  const { cloud } = house;
  const agents: BenchAgent[] = [];
  await cloud.hosts.setState(SYSTEM, house.hostId, "disabled");
  for (let index = 0; index < HOSTS; index += 1) {
    const hostId = await cloud.hosts.allocate(SYSTEM, {
      name: `bench${firstVm + index * VMS}`,
      imMad: "dummy",
      vmMad: "dummy",
    });
    for (let vm = 0; vm < VMS; vm += 1) {
      const id = await cloud.vms.allocate(SYSTEM, { NAME: `vm${vm}` });
      await vmInPhase(cloud, SYSTEM, id, "RUNNING");
    }
    await cloud.hosts.setState(SYSTEM, hostId, "disabled");
    const agent = await TestAgent.enrol(house, hostId);
    const secretKey = printKey(agent.keys.secretKey);
    const daemonKey = printKey(house.daemon.agents.daemonKey);
    agents.push({ agent, told: { hostId, secretKey, daemonKey, firstVm: firstVm + index * VMS } });
  }
  return agents;
}

class Sender {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(SENDER, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  tell(request: SenderRequest): void {
    this.#child.send(request);
  }

  /**
   * As many datagrams on their way as a socket holds, and others as those are taken: nothing is lost, nobody waits.
   * What it gives is to be called for each that was taken.
   */
  lend(port: number, again: boolean): () => void {
    let owed = 0;
    this.tell({ kind: "credit", port, datagrams: WINDOW, again });
    return () => {
      owed += 1;
      if (owed < CREDIT) return;
      this.tell({ kind: "credit", port, datagrams: owed, again });
      owed = 0;
    };
  }

  async ask(request: SenderRequest): Promise<void> {
    const answered = once(this.#child, "message");
    this.tell(request);
    await answered;
  }

  close(): void {
    this.#child.kill();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
