/** The recorded world in an embedded cloud with simulated VMs, OneGate before it, and the recorded exchanges. */

import { readFileSync } from "node:fs";
import { z } from "zod";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { parseWorld } from "../../gateway/cloud/world.ts";
import { createServiceDirectory } from "../../gateway/oneflow/directory.ts";
import { createOneGate } from "../../gateway/onegate/app.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import type { Clock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { testCloud, text, vmInPhase } from "./embedded.ts";
import type { Answer } from "./onegate.ts";
import { type Exchange, recordedIn } from "./recorded-exchanges.ts";

export interface Replayed {
  readonly exchange: Exchange;
  readonly answer: Answer;
}

/** The recording made two VMs here that its world does not hold; these are their like, under the same ids. */
const VMS_MADE_BEFORE = "vm-nonic";
const VMS_MADE = [
  `NAME=alias CPU=0.1 MEMORY=64 CONTEXT=[TOKEN="YES"]
   NIC=[NAME="n0",NETWORK="private"] NIC=[NAME="n1",NETWORK="public"]
   NIC_ALIAS=[NAME="a0",NETWORK="private",PARENT="n1",EXTERNAL="YES"]`,
  'NAME=nonic CPU=0.1 MEMORY=64 CONTEXT=[TOKEN="YES"]',
];

/** Where an action leaves the VM; the others leave it running. */
const PHASE_AFTER: Readonly<Record<string, string>> = {
  suspend: "SUSPENDED",
  stop: "STOPPED",
  poweroff: "POWEROFF",
  undeploy: "UNDEPLOYED",
};

/** After the birth of every VM of the recording. Simulated VMs take no time, so no timer is ever set. */
const stoppedClock: Clock = {
  now: () => 1_795_175_000_000,
  elapsed: () => 1_795_175_000_000,
  after: () => () => undefined,
};

/** The exchanges up to the first that needs OneFlow. */
export function recordedExchanges(): readonly Exchange[] {
  return recordedIn("onegate.jsonl");
}

/** How OneGate reaches the cloud, if not as it is: over a wire. */
export type Reach = (cloud: EmbeddedCloud, clock: Clock) => Promise<{ cloud: Cloud; close(): Promise<void> }>;

const inProcess: Reach = async (cloud) => ({ cloud, close: async () => undefined });

/** A request with its recorded headers, or with those of another. */
export type Send = (request: Exchange["request"]) => Promise<Answer>;

/** OneGate before the recorded world, for requests like those recorded. */
export async function openRecordedGate(): Promise<{ send: Send; cloud: EmbeddedCloud }> {
  const cloud = await recordedCloud();
  return { send: senderTo(cloud, cloud), cloud };
}

async function recordedCloud(): Promise<EmbeddedCloud> {
  const { cloud } = await testCloud({ clock: stoppedClock, firstStart: false });
  await cloud.importWorld(parseWorld(JSON.parse(fixture("onegate-world.json"))));
  await cloud.start();
  return cloud;
}

/** Sends every recorded request in order, each once the one before has had its effect. */
export async function replayAll(reach: Reach = inProcess): Promise<readonly Replayed[]> {
  const cloud = await recordedCloud();
  const reached = await reach(cloud, stoppedClock);
  const send = senderTo(cloud, reached.cloud);
  const replayed: Replayed[] = [];
  try {
    for (const exchange of recordedExchanges()) {
      if (exchange.name === VMS_MADE_BEFORE) await makeVms(cloud);
      const answer = await send(exchange.request);
      replayed.push({ exchange, answer });
      if (answer.status === 204) await settle(cloud, exchange.request);
    }
  } finally {
    await reached.close();
    await cloud.close();
  }
  return replayed;
}

/** The text that a recorded write carries, wherever it carries it. */
export function writtenText({ path, headers, body }: Exchange["request"]): string {
  const query = new URL(path, "http://host").searchParams.get("data");
  const form = headers["Content-Type"]?.startsWith("application/x-www-form")
    ? new URLSearchParams(body ?? "")
    : undefined;
  return query ?? form?.get("data") ?? body ?? "";
}

function senderTo(cloud: EmbeddedCloud, reached: Cloud): Send {
  const app = createOneGate({
    cloud: reached,
    services: createServiceDirectory(reached),
    settings: oneGateSettingsSchema.parse({}),
    clock: stoppedClock,
    log: silentLogger,
  });
  return async ({ method, path, headers, body }) => {
    const init = {
      method,
      headers: { ...headers, ...freshToken(cloud, headers) },
      ...(body === null ? {} : { body }),
    };
    const response = await app.request(new Request(`http://127.0.0.1:5030${path}`, init));
    return { status: response.status, body: await response.text(), headers: response.headers };
  };
}

/** VMs that are made anew are born at another time, so they have another token. */
function freshToken(cloud: EmbeddedCloud, headers: Readonly<Record<string, string>>): Record<string, string> {
  const vmId = Number(headers["X-ONEGATE-VMID"]);
  return vmId === 252 || vmId === 253 ? { "X-ONEGATE-TOKEN": cloud.vmToken(vmId) } : {};
}

async function makeVms(cloud: EmbeddedCloud): Promise<void> {
  const alice = await cloud.users.actor(2);
  if (alice === undefined) throw new Error("the world has no alice");
  for (const template of VMS_MADE) {
    const vmId = await cloud.vms.allocate(alice, text(template));
    await vmInPhase(cloud, SYSTEM, vmId, "RUNNING");
  }
}

async function settle(cloud: EmbeddedCloud, { path, body }: Exchange["request"]): Promise<void> {
  const { action } = z.object({ action: z.object({ perform: z.string() }) }).parse(JSON.parse(body ?? ""));
  const vmId = Number(/^\/vms\/(\d+)\//.exec(path)?.[1]);
  await vmInPhase(cloud, SYSTEM, vmId, PHASE_AFTER[action.perform] ?? "RUNNING");
}

function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8");
}
