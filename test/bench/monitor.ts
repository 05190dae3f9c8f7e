/**
 * What the monitoring daemon takes of datagrams with 20 VMs each, received, opened, decoded and applied, against a bare
 * node:dgram socket that receives the same datagrams and discards them. The sender is a process of its own.
 */

import { type ChildProcess, fork } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { SYSTEM } from "../../gateway/cloud/cloud.ts";
import type { Samples } from "../../gateway/monitor/samples.ts";
import { printKey } from "../../shared/monitor/keys.ts";
import { vmInPhase } from "../support/embedded.ts";
import { type MonitoredCloud, monitoredCloud, TestAgent, TestConnection } from "../support/monitor-daemon.ts";
import type { BenchOptions, Figure } from "./figures.ts";
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
}

/** Counts what is applied, and hands it on to whoever keeps it. */
class Counting implements Samples {
  applied = 0;
  records = 0;
  onApplied: () => void = () => {};
  readonly #kept: Samples | undefined;

  constructor(kept: Samples | undefined) {
    this.#kept = kept;
  }

  appendVms(...report: Parameters<Samples["appendVms"]>): void {
    this.applied += 1;
    this.records += report[2].length;
    this.#kept?.appendVms(...report);
    this.onApplied();
  }

  appendHost(...report: Parameters<Samples["appendHost"]>): void {
    this.#kept?.appendHost(...report);
  }
}

export async function* monitorBench(options: BenchOptions): AsyncGenerator<Figure> {
  yield* measureMonitor(options, undefined);
}

/** @param kept where readings are stored; without it they are applied only. */
export async function* measureMonitor(
  { seconds, progress }: BenchOptions,
  kept: Samples | undefined,
): AsyncGenerator<Figure> {
  const counting = new Counting(kept);
  const house = await monitoredCloud({ samples: counting, settings: { maxSkewS: 3_600 } });
  const sender = new Sender();
  try {
    const agents = await manyAgents(house);
    const taken = { bare: [], sealed: [], text: [] } as Record<"bare" | "sealed" | "text", Taken[]>;
    for (let round = 0; round <= ROUNDS; round += 1) {
      const one = await measureRound(
        { house, sender, agents, counting, seconds: round === 0 ? 1 : seconds },
        round + 2,
      );
      if (round === 0) continue;
      for (const name of ["bare", "sealed", "text"] as const) taken[name].push(one[name]);
      const line = Object.entries(one).map(
        ([name, { rate, cpuUs }]) => `${name} ${rate.toFixed(0)}/s ${cpuUs.toFixed(0)} us`,
      );
      progress(`round ${round} of ${ROUNDS}: ${line.join(", ")}`);
    }
    const stored = kept === undefined ? "applied" : "applied and stored";
    for (const name of ["sealed", "text"] as const) {
      const pairs = taken[name].map((one, index) => ({ one, bare: taken.bare[index] ?? one }));
      const value = (of: (pair: (typeof pairs)[number]) => number, digits: number) =>
        Number(median(pairs.map(of)).toFixed(digits));
      yield {
        figure: `${name} datagrams ${stored} over bare`,
        value: value(({ one, bare }) => one.rate / bare.rate, 4),
        unit: "ratio",
      };
      yield {
        figure: `${name} datagrams ${stored} over bare, processor time`,
        value: value(({ one, bare }) => bare.cpuUs / one.cpuUs, 4),
        unit: "ratio",
      };
      yield {
        figure: `${name} VM records ${stored}`,
        value: value(({ one }) => one.rate * VMS, 0),
        unit: "records/s",
      };
      yield { figure: `${name} datagram ${stored}`, value: value(({ one }) => one.cpuUs, 1), unit: "us" };
    }
    yield {
      figure: "bare datagrams",
      value: Math.round(median(taken.bare.map(({ rate }) => rate))),
      unit: "datagrams/s",
    };
  } finally {
    sender.close();
    await house.close();
  }
}

interface Round {
  readonly house: MonitoredCloud;
  readonly sender: Sender;
  readonly agents: readonly BenchAgent[];
  readonly counting: Counting;
  readonly seconds: number;
}

async function measureRound(round: Round, boot: number): Promise<Record<"bare" | "sealed" | "text", Taken>> {
  const { house, sender, agents, seconds } = round;
  const count = Math.ceil(seconds * PER_SECOND);
  for (const { agent } of agents) {
    agent.renew();
    const connection = await TestConnection.open(house, agent);
    connection.send();
    await connection.answer();
    connection.close();
  }
  const made = { agents: agents.map(({ told }) => told), boot, vms: VMS } as const;
  await sender.ask({ kind: "make", codec: "sealed", count, ...made });
  const bare = await measureBare(sender, seconds);
  // The sender made no difference between them: what was blasted was not heard by the daemon.
  await sender.ask({ kind: "make", codec: "sealed", count, ...made });
  const sealed = await measureDaemon(round);
  await sender.ask({ kind: "make", codec: "text", count: Math.min(count, 4_000), ...made });
  const text = await measureDaemon(round);
  return { bare, sealed, text };
}

async function measureBare(sender: Sender, seconds: number): Promise<Taken> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  let received = 0;
  socket.on("message", () => {
    received += 1;
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  sender.tell({ kind: "blast", port: socket.address().port });
  const taken = await during(seconds, () => received);
  sender.tell({ kind: "stop" });
  socket.close();
  return taken;
}

/** As many datagrams on their way as the socket holds, and another as one is applied: nothing is lost, nobody waits. */
async function measureDaemon({ house, sender, counting, seconds }: Round): Promise<Taken> {
  const { port } = house.daemon.address;
  let owed = 0;
  counting.onApplied = () => {
    owed += 1;
    if (owed < CREDIT) return;
    sender.tell({ kind: "credit", port, datagrams: owed });
    owed = 0;
  };
  sender.tell({ kind: "credit", port, datagrams: WINDOW });
  const taken = await during(seconds, () => counting.applied);
  counting.onApplied = () => {};
  sender.tell({ kind: "stop" });
  return taken;
}

async function during(seconds: number, count: () => number): Promise<Taken> {
  await wait(0.2);
  const [before, cpu, began] = [count(), process.cpuUsage(), performance.now()];
  await wait(seconds);
  const used = process.cpuUsage(cpu);
  const taken = count() - before;
  return { rate: (taken / (performance.now() - began)) * 1_000, cpuUs: (used.user + used.system) / taken };
}

async function wait(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}

interface BenchAgent {
  readonly agent: TestAgent;
  readonly told: SenderAgent;
}

/** Hosts with VMs on each, and an agent for each. */
async function manyAgents(house: MonitoredCloud): Promise<readonly BenchAgent[]> {
  const { cloud } = house;
  const agents: BenchAgent[] = [];
  await cloud.hosts.setState(SYSTEM, house.hostId, "disabled");
  for (let index = 0; index < HOSTS; index += 1) {
    const hostId = await cloud.hosts.allocate(SYSTEM, {
      name: `bench${index}`,
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
    agents.push({ agent, told: { hostId, secretKey, daemonKey, firstVm: index * VMS } });
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
