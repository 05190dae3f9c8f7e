/** What one service's answers take in a house of few services or of many, and what lists of them take. */

import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { DOCUMENT_TYPE } from "../../gateway/cloud/model.ts";
import { systemClock } from "../../shared/clock.ts";
import { SERVICE_STATE } from "../../shared/states/service.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import type { FlowClient } from "../support/flow-client.ts";
import { cpuSeconds } from "../support/memory.ts";
import type { OwnHouse } from "../support/own-house.ts";

const SLOWER_AT_MOST = 2;
const MIB = 1024 * 1024;

/** Medians, in ms. */
export interface Answers {
  readonly guestService: number;
  readonly service: number;
  readonly deployOne: number;
  readonly deleteOne: number;
}

/** Each asked for so often, of services and VMs that change from ask to ask. */
export async function answers(
  house: OwnHouse,
  client: FlowClient,
  template: number,
  asks: number,
): Promise<Answers> {
  const documents = await house.cloud.documents.list(SYSTEM);
  const services = documents.filter(({ type }) => type === DOCUMENT_TYPE.service);
  const vms = (await house.cloud.vms.list(SYSTEM)).filter(({ state }) => state === VM_STATE.ACTIVE);
  const at = <T>(all: readonly T[], index: number): T => {
    const chosen = all[Math.floor((index / asks) * all.length)];
    if (chosen === undefined) throw new Error("there is nothing to ask for");
    return chosen;
  };
  const guestService = await medianOf(asks, (index) => askAsGuest(house, at(vms, index).id));
  const service = await medianOf(asks, (index) => client.send("GET", `/service/${at(services, index).id}`));
  const one = await medianPair(Math.ceil(asks / 10), client, template);
  return { guestService, service, ...one };
}

async function askAsGuest(house: OwnHouse, vmId: number): Promise<void> {
  const headers = { "X-ONEGATE-TOKEN": await house.token(vmId), "X-ONEGATE-VMID": String(vmId) };
  const response = await fetch(`${house.urls.onegate}/service`, { headers });
  await response.text();
  if (!response.ok) throw new Error(`GET /service as VM ${vmId}: ${response.status}`);
}

/** What a guest waits for its service while others are deployed, in ms. */
export async function askUntil(
  deployed: Promise<void>,
  house: OwnHouse,
): Promise<{ readonly median: number; readonly of99In100: number }> {
  let ends = false;
  const [vm] = await house.cloud.vms.list(SYSTEM);
  const noteEnd = (): void => {
    ends = true;
  };
  deployed.then(noteEnd, noteEnd);
  const times: number[] = [];
  while (!ends) times.push((await timed(() => askAsGuest(house, vm?.id ?? -1))).ms);
  return { median: within(times, 0.5), of99In100: within(times, 0.99) };
}

/** @throws Error when an answer takes more than twice its quiet time. */
export function requireQuick(quiet: Answers, full: Answers): void {
  for (const name of ["guestService", "service"] as const) {
    const ratio = full[name] / quiet[name];
    if (ratio > SLOWER_AT_MOST) throw new Error(`${name} takes ${rounded(ratio)} times its quiet time`);
  }
}

async function medianPair(
  count: number,
  client: FlowClient,
  template: number,
): Promise<Pick<Answers, "deployOne" | "deleteOne">> {
  const deploys: number[] = [];
  const deletes: number[] = [];
  for (let round = 0; round < count; round += 1) {
    let id = -1;
    const made = await timed(async () => {
      id = await client.instantiate(template);
      await client.until(id, ({ state }) => state === SERVICE_STATE.RUNNING);
    });
    deploys.push(made.ms);
    const ended = await timed(async () => {
      await client.send("DELETE", `/service/${id}`);
      await client.untilGone(id);
    });
    deletes.push(ended.ms);
  }
  return { deployOne: median(deploys), deleteOne: median(deletes) };
}

export async function listings(client: FlowClient): Promise<{ readonly [name: string]: number }> {
  const page = await medianOf(9, () => client.send("GET", "/service?page=2&size=100"));
  let size = 0;
  const whole = await timed(async () => {
    size = (await client.send("GET", "/service")).length;
  });
  return { pageOf100Ms: page, listMs: rounded(whole.ms), listMiB: rounded(size / MIB) };
}

export interface Timed {
  readonly ms: number;
  readonly processorMs: number;
}

export async function timed(work: () => Promise<void>): Promise<Timed> {
  const start = systemClock.elapsed();
  const cpu = cpuSeconds();
  await work();
  return { ms: systemClock.elapsed() - start, processorMs: (cpuSeconds() - cpu) * 1000 };
}

async function medianOf(count: number, ask: (index: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    times.push((await timed(async () => void (await ask(index)))).ms);
  }
  return median(times);
}

function median(times: readonly number[]): number {
  return within(times, 0.5);
}

function within(times: readonly number[], part: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return rounded(sorted[Math.floor(sorted.length * part)] ?? Number.NaN);
}

/** To two places. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
