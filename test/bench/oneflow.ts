/**
 * `npm run bench -- oneflow`: how soon the life cycle reacts, over a home on disk with simulated VMs that boot in no time.
 * Commands are timed by a client of a house in a process of its own. From READY to the call that starts the next role is
 * timed by a probe around that call, so in one process: from the guest's socket on, and from the cloud's call on.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { systemClock } from "../../shared/clock.ts";
import { SERVICE_STATE } from "../../shared/states/service.ts";
import { vmInPhase } from "../support/embedded.ts";
import { type FlowClient, flowClient, type ShownService } from "../support/flow-client.ts";
import { RAISED_LIMITS, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { callHouse } from "../support/house-rpc.ts";
import { type OwnHouse, startOwnHouse } from "../support/own-house.ts";
import type { Bench, BenchOptions, Figure } from "./figures.ts";

const WARM_UP = 20;
const SERVICES = 200;
const READY_REPORTS = 400;
/** Of the service that ends, of which one is its first role. */
const VMS = 11;

export const oneflowBench: Bench = async function* oneflow(options) {
  const scratch = scratchDirectory("bench-oneflow");
  try {
    yield* commands(path.join(scratch.path, "commands"), options);
    yield* readiness(path.join(scratch.path, "readiness"), options);
  } finally {
    scratch.remove();
  }
};

function tiers(workers: number, changes: object = {}): object {
  const role = { type: "vm", template_id: 0, cooldown: 0 };
  return {
    name: "tiers",
    deployment: "straight",
    roles: [
      { ...role, name: "front", cardinality: 1 },
      { ...role, name: "worker", cardinality: workers, parents: ["front"], min_vms: 1, max_vms: 100 },
    ],
    ...changes,
  };
}

// Commands, from a client's side.

async function* commands(home: string, { progress }: BenchOptions): AsyncIterable<Figure> {
  const house = await startHouse(home, ["--dummy"], RAISED_LIMITS);
  try {
    await callHouse(house, home, "one.template.allocate", "NAME = tiny\nCPU = 1\nMEMORY = 64");
    const client = flowClient(house.oneflow, readFileSync(path.join(home, "one_auth"), "utf8").trim());
    const taken = await everyCommand(client, progress);
    for (const [name, times] of taken) yield* spread(name, times);
  } finally {
    await stopHouse(house);
  }
}

async function everyCommand(
  client: FlowClient,
  progress: (text: string) => void,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const templates = {
    two: await client.createTemplate(tiers(1)),
    eleven: await client.createTemplate(tiers(VMS - 1)),
  };
  const taken = new Map<string, number[]>();
  for (let round = -WARM_UP; round < SERVICES; round += 1) {
    const times = {
      ...(await oneOfTwo(client, templates.two)),
      ...(await oneOfEleven(client, templates.eleven)),
    };
    if (round < 0) continue;
    for (const [name, time] of Object.entries(times)) taken.set(name, [...(taken.get(name) ?? []), time]);
    if (round % 50 === 49) progress(`${round + 1} of ${SERVICES}: ${JSON.stringify(times)}`);
  }
  return taken;
}

const isRunning = ({ state }: ShownService): boolean => state === SERVICE_STATE.RUNNING;

async function oneOfTwo(client: FlowClient, template: number): Promise<{ [name: string]: number }> {
  const since = stopwatch();
  const id = await client.instantiate(template);
  await client.until(id, isRunning);
  const deployed = since();
  await scale(client, id, 10);
  const scaled = since();
  await end(client, id);
  return {
    "instantiate, 2 roles of 1 VM, until RUNNING": deployed,
    "scale from 1 to 10 VMs": scaled - deployed,
  };
}

async function oneOfEleven(client: FlowClient, template: number): Promise<{ [name: string]: number }> {
  const since = stopwatch();
  const id = await client.instantiate(template);
  await client.until(id, isRunning);
  const deployed = since();
  await end(client, id);
  return {
    [`instantiate, 2 roles, ${VMS} VMs, until RUNNING`]: deployed,
    [`delete, 2 roles, ${VMS} VMs, until the document is gone`]: since() - deployed,
  };
}

async function scale(client: FlowClient, id: number, cardinality: number): Promise<void> {
  await client.send("POST", `/service/${id}/scale`, { role_name: "worker", cardinality });
  await client.until(id, (service) => isRunning(service) && service.roles[1]?.nodes.length === cardinality);
}

async function end(client: FlowClient, id: number): Promise<void> {
  await client.send("DELETE", `/service/${id}`);
  await client.untilGone(id);
}

// From READY to the call that starts the next role.

async function* readiness(home: string, { progress }: BenchOptions): AsyncIterable<Figure> {
  const house = await startOwnHouse(home, systemClock);
  try {
    await house.cloud.templates.allocate(SYSTEM, {
      NAME: "tiny",
      CPU: "1",
      MEMORY: "64",
      CONTEXT: { TOKEN: "YES" },
    });
    const client = flowClient(house.urls.oneflow, readFileSync(path.join(home, "one_auth"), "utf8").trim());
    const template = await client.createTemplate(tiers(1, { ready_status_gate: true }));
    const probe = probeStarts(house);
    const reports: Readonly<Record<string, Report>> = {
      "READY over OneGate's socket to the call that starts the next role": putReady,
      "READY in the cloud to the call that starts the next role": noteReady,
    };
    for (const [name, report] of Object.entries(reports)) {
      const reactions: Reaction[] = [];
      for (let round = -WARM_UP; round < READY_REPORTS; round += 1) {
        const reaction = await react(house, { client, template, probe, report });
        if (round >= 0) reactions.push(reaction);
      }
      progress(`${READY_REPORTS} times ${name}`);
      yield* spread(
        name,
        reactions.map(({ ms }) => ms),
      );
      yield* spread(
        "beside it, two durable writes and nothing else",
        reactions.map(({ writesMs }) => writesMs),
      );
    }
  } finally {
    await house.close();
  }
}

/** Says READY for a VM. */
type Report = (house: OwnHouse, vmId: number) => Promise<unknown>;

const READY = "READY = YES";

async function putReady(house: OwnHouse, vmId: number): Promise<void> {
  const headers = { "X-ONEGATE-TOKEN": await house.token(vmId), "X-ONEGATE-VMID": String(vmId) };
  const response = await fetch(`${house.urls.onegate}/vm`, { method: "PUT", headers, body: READY });
  await response.text();
  if (!response.ok) throw new Error(`PUT /vm: ${response.status}`);
}

async function noteReady(house: OwnHouse, vmId: number): Promise<void> {
  await house.cloud.vms.updateUserTemplate(SYSTEM, vmId, { READY: "YES" }, "append");
}

interface Reacting {
  readonly client: FlowClient;
  readonly template: number;
  readonly probe: () => Promise<void>;
  readonly report: Report;
}

/** In ms. */
interface Reaction {
  readonly ms: number;
  /** READY and what the service makes of it are durable before the call; so long take two such writes alone. */
  readonly writesMs: number;
}

async function react(house: OwnHouse, { client, template, probe, report }: Reacting): Promise<Reaction> {
  const first = probe();
  const id = await client.instantiate(template);
  await first;
  const service = await client.until(id, ({ roles }) => roles[0]?.nodes.length === 1);
  const vmId = service.roles[0]?.nodes[0] ?? -1;
  await vmInPhase(house.cloud, SYSTEM, vmId, "RUNNING");
  const next = probe();
  const since = stopwatch();
  const reported = report(house, vmId);
  await next;
  const ms = since();
  await reported;
  const writesMs = await twoWrites(house, vmId);
  await end(client, id);
  return { ms, writesMs };
}

async function twoWrites({ cloud: { vms } }: OwnHouse, vmId: number): Promise<number> {
  const since = stopwatch();
  await vms.updateUserTemplate(SYSTEM, vmId, { NOTE: "1" }, "append");
  await vms.updateUserTemplate(SYSTEM, vmId, { NOTE: "2" }, "append");
  return since();
}

/** Gives a promise of the next call that makes a VM out of a template. */
function probeStarts({ cloud: { templates } }: OwnHouse): () => Promise<void> {
  const instantiate = templates.instantiate.bind(templates);
  let called: () => void = () => {};
  templates.instantiate = (...call: Parameters<typeof instantiate>) => {
    called();
    return instantiate(...call);
  };
  return () =>
    new Promise((resolve) => {
      called = resolve;
    });
}

// Figures.

function stopwatch(): () => number {
  const start = systemClock.elapsed();
  return () => systemClock.elapsed() - start;
}

function* spread(name: string, times: readonly number[]): Iterable<Figure> {
  const sorted = times.toSorted((one, other) => one - other);
  const at = (part: number) => Math.round((sorted[Math.floor(sorted.length * part)] ?? Number.NaN) * 10) / 10;
  yield { figure: name, value: at(0.5), unit: "ms" };
  yield { figure: `${name}, 99 of 100`, value: at(0.99), unit: "ms" };
}
