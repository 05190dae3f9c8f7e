/** The recorded XML-RPC exchanges against an embedded cloud with a comparable world, ids mapped. */

import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Actor } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { parseWorld } from "../../gateway/cloud/world.ts";
import type { Clock } from "../../shared/clock.ts";
import { testCloud, text } from "./embedded.ts";
import { openRpc, type RpcAnswer, readAnswer } from "./xmlrpc.ts";

const exchangeSchema = z.object({
  name: z.string().transform((name) => name.slice(0, name.indexOf(":"))),
  request: z.object({ path: z.string(), headers: z.record(z.string(), z.string()), body: z.string() }),
  response: z.object({
    status: z.int(),
    headers: z.array(z.tuple([z.string(), z.string()])),
    body: z.string(),
  }),
});

export type RpcExchange = z.output<typeof exchangeSchema>;

export interface RpcReplayed {
  readonly exchange: RpcExchange;
  /** As recorded, with our ids in place of theirs. */
  readonly expected: RpcAnswer;
  readonly answer: RpcAnswer;
  readonly status: number;
  readonly contentType: string | null;
  /** The answer before anything is read into it. */
  readonly body: string;
}

/** When the exchanges were recorded: one of their two cipher sessions had ended, the other not. */
const NOW = 1_795_171_744;
/** A wrong password's answer waits no time; what is scheduled for later never comes. */
const LONG_WAIT_MS = 60_000;
const recordedClock: Clock = {
  now: () => NOW * 1000,
  elapsed: () => NOW * 1000,
  after(delayMs, work) {
    if (delayMs < LONG_WAIT_MS) work();
    return () => undefined;
  },
};

/** What the recording made in exchanges that were kept back, by its ids. */
const RECORDED_VM = 66;
const RECORDED_DOCUMENT = 217;
const RECORDED_CLONE = 218;
const RECORDED_ACTION = 12;

export function recordedCalls(): readonly RpcExchange[] {
  const lines = fixture("xmlrpc.jsonl").trimEnd().split("\n");
  return lines.map((line) => exchangeSchema.parse(JSON.parse(line)));
}

/** Sends every recorded call in order, and makes in between what was kept back. */
export async function replayCalls(): Promise<readonly RpcReplayed[]> {
  const { cloud } = await testCloud({ clock: recordedClock, firstStart: false });
  await cloud.importWorld(parseWorld(JSON.parse(fixture("onegate-world.json"))));
  await cloud.start();
  const rpc = openRpc(cloud, recordedClock);
  const ids = new Map<number, number>();
  const replayed: RpcReplayed[] = [];
  for (const exchange of recordedCalls()) {
    await makeWhatWasKeptBack(cloud, exchange.name, ids);
    const response = await rpc.post(mapped(exchange.request.body, ids), exchange.request.headers);
    const body = await response.text();
    const answer = readAnswer(body);
    if (exchange.name === "document-allocate") ids.set(RECORDED_DOCUMENT, idIn(answer));
    replayed.push({
      exchange,
      expected: readAnswer(mapped(exchange.response.body, ids)),
      answer,
      status: response.status,
      contentType: response.headers.get("content-type"),
      body,
    });
  }
  await cloud.close();
  return replayed;
}

async function makeWhatWasKeptBack(
  cloud: EmbeddedCloud,
  next: string,
  ids: Map<number, number>,
): Promise<void> {
  const alice = await actor(cloud);
  const document = ids.get(RECORDED_DOCUMENT) ?? -1;
  if (next === "vm-info-hold") {
    const extra = text("SERVICE_ID=7 EXTRA=1");
    ids.set(RECORDED_VM, await cloud.templates.instantiate(alice, 1, { name: "xmlvm", hold: true, extra }));
  }
  if (next === "vm-sched-add") await useUpActionIds(cloud, alice, ids.get(RECORDED_VM) ?? -1);
  if (next === "document-lock") await cloud.documents.rename(alice, document, "xdoc2");
  if (next === "document-delete-clone")
    ids.set(RECORDED_CLONE, await cloud.documents.clone(alice, document, "xclone"));
  if (next === "document-delete-again") await cloud.documents.delete(alice, document);
}

/** Theirs was the thirteenth of their cloud. */
async function useUpActionIds(cloud: EmbeddedCloud, alice: Actor, vmId: number): Promise<void> {
  for (let count = 0; count < RECORDED_ACTION; count++) {
    const id = await cloud.vms.schedule(alice, vmId, { action: "poweroff", time: NOW + 1_000 });
    await cloud.vms.unschedule(alice, vmId, id);
  }
}

async function actor(cloud: EmbeddedCloud): Promise<Actor> {
  const alice = await cloud.users.actor(2);
  if (alice === undefined) throw new Error("the world has no alice");
  return alice;
}

/** Our ids for theirs, in calls and answers; ids that stand for themselves stay. */
function mapped(body: string, ids: ReadonlyMap<number, number>): string {
  return [...ids].reduce(
    (text, [theirs, ours]) =>
      text
        .replaceAll(`<i4>${theirs}</i4>`, `<i4>${ours}</i4>`)
        .replaceAll(`[${theirs}]`, `[${ours}]`)
        .replaceAll(`&lt;ID&gt;${theirs}&lt;`, `&lt;ID&gt;${ours}&lt;`),
    body,
  );
}

function idIn(answer: RpcAnswer): number {
  return "values" in answer ? Number(answer.values[1]?.[1]) : -1;
}

function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8");
}
