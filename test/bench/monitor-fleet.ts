/**
 * What a fleet of 10,000 hosts with 20 VMs each costs a house at default periods: processor time as a part of a core, and
 * memory. The house is a real one over a home on disk; all agents are in one sender, each with a key and a connection of its
 * own. Keys are agreed upon before anything is measured: once for each agent, 0.5 to 1 ms at either end.
 */

import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openEmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { openHome } from "../../gateway/main/home.ts";
import { AGENTS } from "../../gateway/monitor/agents.ts";
import { openIdentity } from "../../gateway/monitor/identity.ts";
import { openMonitorVault } from "../../gateway/monitor/vault.ts";
import type { Store } from "../../gateway/store/store.ts";
import { systemClock } from "../../shared/clock.ts";
import { agentChannel, generateKeyPair, keyIdOf, printKey } from "../../shared/monitor/keys.ts";
import { SILENT } from "../support/embedded.ts";
import { fleetWorld } from "../support/fleet.ts";
import { gatehouse, memoryOf, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { parseExposition } from "../support/prometheus-text.ts";
import type { Bench, BenchOptions, Figure } from "./figures.ts";
import type { FleetAgent, FleetCounts, FleetRequest } from "./monitor-fleet-sender.ts";
import { cpuSecondsOf } from "./rounds.ts";

const HOSTS = 10_000;
const VMS = 20;
const SENDER = fileURLToPath(new URL("./monitor-fleet-sender.ts", import.meta.url));
/** Spoken at the true rate before anything is measured: each host has told of its VMs once. */
const WARM_UP_S = 35;
const MEBIBYTE_KIB = 1_024;

export const monitorFleetBench: Bench = async function* monitorFleet(options) {
  const scratch = scratchDirectory("bench-fleet");
  try {
    const home = path.join(scratch.path, "home");
    const agents = await fleetHome(scratch.path, home, options);
    options.progress("starting the house");
    const house = await startHouse(home, ["--dummy"], { GATEHOUSE_ADMIN_METRICS_ENABLED: "true" });
    const sender = fork(SENDER, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const unfollow = onSignal(() => {
      house.child.kill("SIGKILL");
      scratch.remove();
    });
    try {
      yield {
        figure: "memory of the house before the agents came",
        value: mebibytes(house.pid),
        unit: "MiB",
      };
      yield* measureFleet({ pid: house.pid, home, port: house.monitor.port, sender, agents }, options);
    } finally {
      sender.kill();
      await stopHouse(house);
      unfollow();
    }
  } finally {
    scratch.remove();
  }
};

/** A bench that is broken off leaves no house behind; the sender ends by itself. */
function onSignal(cleanUp: () => void): () => void {
  const listener = (): never => {
    cleanUp();
    process.exit(1);
  };
  process.once("SIGINT", listener).once("SIGTERM", listener);
  return () => void process.off("SIGINT", listener).off("SIGTERM", listener);
}

interface Fleet {
  readonly pid: number;
  readonly home: string;
  readonly port: number;
  readonly sender: ChildProcess;
  readonly agents: readonly FleetAgent[];
}

async function* measureFleet(fleet: Fleet, { seconds, progress }: BenchOptions): AsyncGenerator<Figure> {
  const { pid, home, port, sender, agents } = fleet;
  progress(`connecting ${agents.length} agents`);
  const connecting = cpuSecondsOf(pid);
  await ask(sender, { kind: "connect", port, vmsPerHost: VMS, agents });
  const each = ((cpuSecondsOf(pid) - connecting) / agents.length) * 1_000;
  yield { figure: "first contact of an agent, key and boot", value: rounded(each, 2), unit: "ms" };
  await ask(sender, { kind: "speak" });
  progress(`the true rate, ${WARM_UP_S} s before ${seconds} s that count`);
  await wait(WARM_UP_S);
  const [before, told] = [await ask(sender, { kind: "count" }), await countsOf(home)];
  const [cpu, began] = [cpuSecondsOf(pid), performance.now()];
  await wait(seconds);
  const used = cpuSecondsOf(pid) - cpu;
  const passed = (performance.now() - began) / 1_000;
  const [after, heard] = [await ask(sender, { kind: "count" }), await countsOf(home)];
  yield { figure: "the house, of a core", value: rounded(used / passed, 4), unit: "cores" };
  yield { figure: "memory of the house", value: mebibytes(pid), unit: "MiB" };
  yield { figure: "peak of it", value: Math.round(memoryOf(pid).peakKiB / MEBIBYTE_KIB), unit: "MiB" };
  const rate = (name: keyof FleetCounts) => rounded((after[name] - before[name]) / passed, 1);
  yield { figure: "messages sent", value: rate("sent"), unit: "messages/s" };
  yield { figure: "of them acknowledged ones", value: rate("acknowledged"), unit: "messages/s" };
  yield { figure: "connections", value: after.connected, unit: "connections" };
  const records = rounded((heard.records - told.records) / passed, 0);
  yield { figure: "VM records applied", value: records, unit: "records/s" };
  yield { figure: "messages refused", value: heard.refused - told.refused, unit: "messages" };
  yield {
    figure: "reports stored",
    value: rounded((heard.stored - told.stored) / passed, 0),
    unit: "reports/s",
  };
}

/** A home that holds the fleet, and where its agents are enrolled; what the agents know. */
async function fleetHome(
  scratch: string,
  home: string,
  { progress }: BenchOptions,
): Promise<readonly FleetAgent[]> {
  const empty = path.join(scratch, "empty.json");
  writeFileSync(empty, "{}");
  await gatehouse(["import", empty, "--home", home]);
  const { store, close } = await openHome(home);
  try {
    progress(`making ${HOSTS} hosts of ${VMS} VMs`);
    const cloud = await openEmbeddedCloud({
      store,
      clock: systemClock,
      log: SILENT,
      drivers: [],
      onegateEndpoint: () => undefined,
    });
    await cloud.importWorld(fleetWorld({ hosts: HOSTS, vmsPerHost: VMS }));
    await cloud.close();
    progress(`agreeing on ${HOSTS} keys`);
    return await enrolAll(store);
  } finally {
    await close();
  }
}

async function enrolAll(store: Store): Promise<readonly FleetAgent[]> {
  const vault = await openMonitorVault(store);
  const { keys } = await openIdentity(vault, systemClock);
  const pairs = Array.from({ length: HOSTS }, () => generateKeyPair(randomBytes));
  await vault.transact((tx) => {
    for (const [hostId, { publicKey }] of pairs.entries()) {
      const named = { keyId: keyIdOf(publicKey), publicKey: printKey(publicKey), hostId };
      tx.insertWithId(AGENTS, { ...named, bootId: -1, highestDelivery: 0 });
    }
  });
  return pairs.map((pair, hostId) => {
    const { keyId, sharedKey } = agentChannel(pair, keys.publicKey);
    return { hostId, keyId, sharedKey: printKey(sharedKey) };
  });
}

async function ask(sender: ChildProcess, request: FleetRequest): Promise<FleetCounts> {
  const answered = once(sender, "message");
  sender.send(request);
  const [counts]: FleetCounts[] = await answered;
  if (counts === undefined) throw new Error("the sender does not answer");
  return counts;
}

async function countsOf(home: string): Promise<{ records: number; refused: number; stored: number }> {
  const families = parseExposition(await gatehouse(["metrics", "--home", home]));
  const sum = (name: string, outcome?: string) =>
    (families.get(name)?.series ?? [])
      .filter(({ labels }) => outcome === undefined || labels.outcome === outcome)
      .reduce((total, { value }) => total + value, 0);
  return {
    records: sum("gatehouse_monitor_vm_readings_total", "applied"),
    refused: sum("gatehouse_monitor_refused_total"),
    stored: sum("gatehouse_history_reports_total", "stored"),
  };
}

function mebibytes(pid: number): number {
  return Math.round(memoryOf(pid).nowKiB / MEBIBYTE_KIB);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

async function wait(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
