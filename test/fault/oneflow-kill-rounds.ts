/**
 * `kill -9` while services are deployed, scaled and undeployed: after a restart each is what it was told to be, as far as
 * its commands were taken, with no VM more or less.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { scratchDirectory } from "../support/house.ts";
import { seededRandom } from "../support/random.ts";
import { line, type Order, type Report } from "./oneflow-lines.ts";

const CHILD = fileURLToPath(new URL("./oneflow-child.ts", import.meta.url));
/** The moment of death: after so many events at the most; an order that leads to fewer is carried out. */
const MAX_EVENTS = 28;
const MAX_WORKERS = 8;

export interface KillOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly log: (line: string) => void;
}

/** Workers of each service: the one number it must have, or two where nobody knows whether the order was taken. */
type Expected = Map<number, readonly (number | "gone")[]>;

/** @throws AssertionError when a service is not what it was told to be, or a VM is one too many or missing. */
export async function oneflowKillRounds({ rounds, seed, log }: KillOptions): Promise<object> {
  const scratch = scratchDirectory("oneflow-kill");
  const random = seededRandom(seed);
  const done = { deploy: 0, scale: 0, undeploy: 0 };
  let taken = 0;
  let carriedOut = 0;
  try {
    const expected: Expected = new Map();
    let next: Order = { kind: "deploy", cardinality: 3 };
    for (let round = 0; round <= rounds; round += 1) {
      const killAfter = round === rounds ? 0 : random.integer(MAX_EVENTS);
      const choose = (found: Report): Order => {
        check(found, expected);
        next = chooseOrder(found, random);
        done[next.kind] += 1;
        return next;
      };
      const ended = await liveAndDie(scratch.path, choose, killAfter);
      if (ended.takenId !== undefined) taken += 1;
      if (ended.isCarriedOut) carriedOut += 1;
      expect(expected, next, ended);
      if (round % 10 === 9) log(`${round + 1} of ${rounds} rounds`);
    }
    return { rounds, taken, carriedOut, ...done };
  } finally {
    scratch.remove();
  }
}

function chooseOrder({ services }: Report, random: ReturnType<typeof seededRandom>): Order {
  const service = services[random.integer(services.length)];
  if (service === undefined || services.length < 3)
    return { kind: "deploy", cardinality: 1 + random.integer(4) };
  if (random.integer(2) === 0) return { kind: "undeploy", id: service.id };
  const current = service.roles.find(({ name }) => name === "worker")?.cardinality ?? 0;
  // Any other number.
  return {
    kind: "scale",
    id: service.id,
    cardinality: (current + 1 + random.integer(MAX_WORKERS)) % (MAX_WORKERS + 1),
  };
}

interface Life {
  readonly found: Report;
  /** Of the order's service, when it was acknowledged. */
  readonly takenId: number | undefined;
  /** Before it died. */
  readonly isCarriedOut: boolean;
}

/** Starts a house, gives it one order when it is at rest, and kills it after so many events. */
async function liveAndDie(
  directory: string,
  choose: (found: Report) => Order,
  killAfter: number,
): Promise<Life> {
  const child = spawn(
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      CHILD,
      path.join(directory, "house.db"),
      path.join(directory, "logs"),
    ],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    return await drive(child, choose, killAfter);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

async function drive(
  child: ChildProcess,
  choose: (found: Report) => Order,
  killAfter: number,
): Promise<Life> {
  let found: Report | undefined;
  let takenId: number | undefined;
  let isCarriedOut = false;
  let events = 0;
  const { stdin, stdout } = child;
  assert.ok(stdin && stdout);
  for await (const text of createInterface({ input: stdout })) {
    const told = line.parse(JSON.parse(text));
    if (told.kind === "report") {
      found = told.report;
      stdin.write(`${JSON.stringify(choose(found))}\n`);
    }
    if (told.kind === "taken") takenId = told.id;
    if (told.kind === "event") events += 1;
    isCarriedOut = told.kind === "rest";
    if (isCarriedOut || (found !== undefined && events >= killAfter)) break;
  }
  assert.ok(found, "the house ended before it was at rest");
  return { found, takenId, isCarriedOut };
}

function expect(expected: Expected, order: Order, { found, takenId }: Life): void {
  for (const { id, roles } of found.services) {
    expected.set(id, [roles.find(({ name }) => name === "worker")?.cardinality ?? 0]);
  }
  const before = order.kind === "deploy" ? [] : (expected.get(order.id) ?? []);
  const after = order.kind === "undeploy" ? ("gone" as const) : order.cardinality;
  if (order.kind !== "deploy") expected.set(order.id, takenId === undefined ? [...before, after] : [after]);
  else if (takenId !== undefined) expected.set(takenId, [after]);
}

function check({ services, vms }: Report, expected: Expected): void {
  for (const [id, allowed] of expected) {
    const service = services.find((candidate) => candidate.id === id);
    const workers = service?.roles.find(({ name }) => name === "worker")?.vmIds.length ?? "gone";
    assert.ok(allowed.includes(workers), `service ${id} has ${workers} workers, not ${allowed.join(" or ")}`);
    if (service === undefined) expected.delete(id);
  }
  for (const { id, roles } of services) {
    for (const { name, cardinality, vmIds } of roles) {
      assert.equal(vmIds.length, cardinality, `role ${name} of service ${id} is not whole`);
    }
  }
  const nodes = services.flatMap(({ roles }) => roles.flatMap(({ vmIds }) => vmIds));
  const living = vms.map(({ id }) => id);
  assert.deepEqual(living.toSorted(byNumber), nodes.toSorted(byNumber), "VMs and nodes are not the same");
  assert.equal(new Set(vms.map(({ name }) => name)).size, vms.length, "two VMs have one name");
}

function byNumber(one: number, other: number): number {
  return one - other;
}
