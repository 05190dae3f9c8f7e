/**
 * Thousands of services of ten simulated VMs in one house: deployed over OneFlow's socket, asked for, listed, left at rest,
 * and found again by another start of the house. It fails when a service does not run, a VM is made twice or not at all, a
 * timer stays, and, where there are many services, when one of them answers much later than one of few.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { DOCUMENT_TYPE } from "../../gateway/cloud/model.ts";
import { systemClock } from "../../shared/clock.ts";
import { SERVICE_STATE } from "../../shared/states/service.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { stringOf } from "../../shared/template/types.ts";
import { type CountingClock, countingClock } from "../support/counting-clock.ts";
import { type FlowClient, flowClient } from "../support/flow-client.ts";
import { scratchDirectory } from "../support/house.ts";
import { calmMemorySample, cpuSeconds } from "../support/memory.ts";
import { type OwnHouse, startOwnHouse } from "../support/own-house.ts";
import {
  type Answers,
  answers,
  askUntil,
  listings,
  requireQuick,
  rounded,
  timed,
} from "./oneflow-answers.ts";

const WORKERS = 9;
const VMS = WORKERS + 1;
/** Requests that deploy, at one time. */
const CLIENTS = 32;
/** A service's time is quiet while there are so few. */
const FEW = 10;
const MANY = 1_000;
const MIB = 1024 * 1024;
/** Of the house's own timers so many come and go. */
const TIMERS_BY_CHANCE = 10;

export interface OneFlowSoakOptions {
  /** Services. */
  readonly inputs?: number | undefined;
  /** Progress, a line at a time. */
  readonly log?: (line: string) => void;
  /** How often each answer is asked for. */
  readonly asks?: number;
  /** How long the house is left alone, and then watched. */
  readonly restMs?: number;
}

export interface OneFlowSoakResult {
  readonly services: number;
  readonly vms: number;
  /** That wait in the house when its services rest, over those before there was one. */
  readonly timersLeft: number;
  readonly figures: { readonly [name: string]: number };
}

/** @throws Error when a law is broken. */
export async function oneflowSoak(options: OneFlowSoakOptions): Promise<OneFlowSoakResult> {
  const { inputs: services = 10_000, asks = 300, restMs = 15_000, log = () => {} } = options;
  const scratch = scratchDirectory("soak-oneflow");
  try {
    const first = await deployed(scratch.path, { services, asks, restMs, log });
    const again = await startedAgain(scratch.path, services);
    return { ...first, figures: { ...first.figures, ...again } };
  } finally {
    scratch.remove();
  }
}

type Scale = Required<Pick<OneFlowSoakOptions, "asks" | "restMs" | "log">> & { readonly services: number };

async function deployed(home: string, scale: Scale): Promise<OneFlowSoakResult> {
  const { services, restMs, log } = scale;
  const clock = countingClock();
  const house = await startOwnHouse(home, clock);
  try {
    await house.cloud.templates.allocate(SYSTEM, { NAME: "tiny", CPU: "1", MEMORY: "64" });
    const client = clientOf(house, home);
    const template = await client.createTemplate(TEMPLATE);
    const timersBefore = clock.waiting();
    await deploy(house, client, template, FEW);
    const memoryBefore = await calmMemorySample();
    const quiet = await answers(house, client, template, scale.asks);
    log(`quiet: ${JSON.stringify(quiet)}`);

    const deploying = deploy(house, client, template, services - FEW);
    const [made, meanwhile] = await Promise.all([timed(() => deploying), askUntil(deploying, house)]);
    log(`${services} services were deployed in ${Math.round(made.ms / 1000)} s`);
    await requireAllThere(house, services);
    const full = await answers(house, client, template, scale.asks);
    log(`full: ${JSON.stringify(full)}`);
    if (services >= MANY) requireQuick(quiet, full);
    const lists = await listings(client);
    const rest = await atRest(restMs, clock);
    const { liveBytes, rssBytes } = await calmMemorySample();
    const timersLeft = clock.waiting() - timersBefore;
    if (timersLeft > TIMERS_BY_CHANCE) throw new Error(`${timersLeft} timers stayed`);
    return {
      services,
      vms: services * VMS,
      timersLeft,
      figures: {
        deploySeconds: rounded(made.ms / 1000),
        deployProcessorSeconds: rounded(made.processorMs / 1000),
        timersPeak: clock.peak(),
        timersSet: clock.set(),
        "deploying.guestServiceMs": meanwhile.median,
        "deploying.guestServiceOf99In100Ms": meanwhile.of99In100,
        ...labelled("quiet", quiet),
        ...labelled("full", full),
        ...lists,
        ...rest,
        liveMiB: rounded(liveBytes / MIB),
        liveMiBBefore: rounded(memoryBefore.liveBytes / MIB),
        rssMiB: rounded(rssBytes / MIB),
      },
    };
  } finally {
    await house.close();
  }
}

const ROLE = { type: "vm", template_id: 0, cooldown: 0 };
const TEMPLATE = {
  name: "soaked",
  deployment: "straight",
  roles: [
    { ...ROLE, name: "front", cardinality: 1 },
    { ...ROLE, name: "worker", cardinality: WORKERS, parents: ["front"] },
  ],
};

function clientOf({ urls }: OwnHouse, home: string): FlowClient {
  return flowClient(urls.oneflow, readFileSync(path.join(home, "one_auth"), "utf8").trim());
}

/** So many more services, until all run. */
async function deploy(house: OwnHouse, client: FlowClient, template: number, count: number): Promise<void> {
  const { promise: allRun, resolve } = Promise.withResolvers<void>();
  let running = 0;
  const unsubscribe = house.cloud.subscribe((event) => {
    if (event.kind !== "document_changed" || event.document?.type !== DOCUMENT_TYPE.service) return;
    const ran = event.previous?.body?.state === SERVICE_STATE.RUNNING;
    if (!ran && event.document.body?.state === SERVICE_STATE.RUNNING) running += 1;
    if (running === count) resolve();
  });
  let left = count;
  const instantiate = async (): Promise<void> => {
    for (; left > 0; ) {
      left -= 1;
      await client.instantiate(template);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, instantiate));
  await allRun;
  unsubscribe();
  await house.flow?.settled();
}

/** Every service has its VMs, each of which runs and is in the document, and there are no others. */
async function requireAllThere(house: OwnHouse, services: number): Promise<void> {
  const documents = await house.cloud.documents.list(SYSTEM);
  const running = documents.filter(({ body }) => body?.state === SERVICE_STATE.RUNNING);
  if (running.length !== services) throw new Error(`${running.length} of ${services} services run`);
  const vms = (await house.cloud.vms.list(SYSTEM)).filter(({ state }) => state === VM_STATE.ACTIVE);
  if (vms.length !== services * VMS) throw new Error(`${vms.length} VMs for ${services} services`);
  const perService = new Map<string, number>();
  for (const vm of vms) {
    const service = stringOf(vm.userTemplate, "SERVICE_ID") ?? "";
    perService.set(service, (perService.get(service) ?? 0) + 1);
  }
  for (const { id } of running) {
    const count = perService.get(String(id));
    if (count !== VMS) throw new Error(`service ${id} has ${count} VMs`);
  }
}

// At rest, and from rest.

/** Watched once the collector has tidied up behind what was deployed, which it does some seconds later. */
async function atRest(restMs: number, clock: CountingClock): Promise<{ readonly [name: string]: number }> {
  await setTimeout(restMs);
  const before = { cpu: cpuSeconds(), set: clock.set() };
  const since = systemClock.elapsed();
  await setTimeout(restMs);
  const seconds = (systemClock.elapsed() - since) / 1000;
  return {
    restCores: Math.round(((cpuSeconds() - before.cpu) / seconds) * 10_000) / 10_000,
    restTimersASecond: rounded((clock.set() - before.set) / seconds),
  };
}

/** Another house over the same home, until everything it took up is settled. */
async function startedAgain(home: string, services: number): Promise<{ readonly [name: string]: number }> {
  const since = systemClock.elapsed();
  const house = await startOwnHouse(home, systemClock);
  try {
    const upMs = systemClock.elapsed() - since;
    await house.flow?.settled();
    const settledMs = systemClock.elapsed() - since;
    await requireAllThere(house, services);
    return { startAgainSeconds: rounded(upMs / 1000), settledAgainSeconds: rounded(settledMs / 1000) };
  } finally {
    await house.close();
  }
}

function labelled(when: string, answers: Answers): { readonly [name: string]: number } {
  return Object.fromEntries(Object.entries(answers).map(([name, value]) => [`${when}.${name}Ms`, value]));
}
