/**
 * The hook manager of a served core: what an oned publishes of its calls and of the states of its objects (spec
 * core-xmlrpc.md 6), and ways to lose it.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { parseCall } from "../../gateway/rpc/protocol.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { HOST_STATE } from "../../shared/states/host.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { templateToXml } from "../../shared/xml/print.ts";
import { decodeAnswer } from "../../shared/xmlrpc/encoding.ts";
import { type HookPublisher, startHookPublisher } from "./hook-publisher.ts";
import { remoteCloud, type ServedCore, serveCore } from "./opennebula.ts";
import type { Random } from "./random.ts";

/** No VM of a test has such an id. */
const FIRST_MARK = 1_000_000_000;

export interface HookedCore extends ServedCore {
  readonly hooks: HookPublisher;
  /**
   * Once a cloud that listens to the hooks has read all that they told until now; false: nothing was told, and nothing
   * asked for, since the last time.
   */
  heard(): Promise<boolean>;
}

export interface ReachedCloud {
  readonly cloud: Cloud;
  /** Once it knows what its core did until now; false: there was nothing since the last time. */
  settled(): Promise<boolean>;
  close(): Promise<void>;
}

/** Beyond the end of every test. */
const NEVER_MS = 3_600_000;

/** What becomes of a message on its way. */
export type Carry = (publish: () => void, publisher: HookPublisher) => void;

const faithful: Carry = (publish) => publish();

/** Loses some, doubles some, and puts messages between that mean nothing, or something else. */
export function lossy(random: Random): Carry {
  const garbage = [
    "EVENT STATE VM/ACTIVE/RUNNING/4294967295 ",
    "EVENT API one.vm.update 1",
    "EVENT STATE VM/",
  ];
  return (publish, publisher) => {
    const fate = random.integer(4);
    if (fate > 0) publish();
    if (fate > 1) publish();
    if (fate === 3) publisher.publish(random.pick(garbage), "<HOOK_MESSAGE><CALL_INFO>");
  };
}

/** Serves a cloud as `serveCore`, with a hook manager beside it. */
export async function serveHookedCore(
  cloud: EmbeddedCloud,
  { carry = faithful, clock }: { readonly carry?: Carry; readonly clock?: Clock } = {},
): Promise<HookedCore> {
  const hooks = await startHookPublisher();
  const marks = new Marks();
  let told = 0;
  let heard = -1;
  const publish = (topic: string, xml: string) => {
    told += 1;
    carry(() => hooks.publish(topic, xml), hooks);
  };
  const core = await serveCore(cloud, clock, {
    onCall(call, answer) {
      marks.see(call);
      const told = apiMessage(call, answer);
      if (told !== undefined) publish(told.topic, told.xml);
    },
  });
  const unsubscribe = cloud.subscribe((event) => {
    if (event.kind === "vm_state") {
      const state = nameIn(VM_STATE, event.vm.state);
      const lcm = nameIn(LCM_STATE, event.vm.lcmState);
      publish(`EVENT STATE VM/${state}/${lcm}/${event.vm.id} `, stateMessage("VM", state, event.vm.id));
    }
    if (event.kind === "host_state") {
      const state = nameIn(HOST_STATE, event.host.state);
      publish(`EVENT STATE HOST/${state}//${event.host.id} `, stateMessage("HOST", state, event.host.id));
    }
    if (event.kind === "network_changed" && event.previous === undefined)
      publish(`EVENT STATE NET/READY//${event.id} `, stateMessage("NET", "READY", event.id));
  });
  return {
    ...core,
    hooks,
    async heard() {
      const happened = told + core.calls.length - marks.seen;
      if (heard === happened) return false;
      heard = happened;
      // What was told before a mark is asked for before it; what is answered then is taken before the next one is.
      for (let round = 0; round < 2; round += 1) {
        await marks.put(hooks);
        while (core.underWay() > 0) await nextTurn();
      }
      await nextTurn();
      return true;
    },
    async close() {
      unsubscribe();
      await core.close();
      await hooks.close();
    },
  };
}

/** Messages about VMs that are not there, which a listener asks the core for as for any other. */
class Marks {
  seen = 0;
  #next = FIRST_MARK;
  readonly #waiting = new Map<number, () => void>();

  async put(hooks: HookPublisher): Promise<void> {
    const id = this.#next;
    this.#next += 1;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(id, resolve);
    hooks.publish(`EVENT STATE VM/ACTIVE/RUNNING/${id} `, stateMessage("VM", "ACTIVE", id));
    await promise;
  }

  see(call: string): void {
    const id = Number(/<methodName>one\.vm\.info<.*?<i4>(\d+)</s.exec(call)?.[1]);
    this.#waiting.get(id)?.();
    if (this.#waiting.delete(id)) this.seen += 1;
  }
}

function nameIn(codes: Readonly<Record<string, number>>, code: number): string {
  return Object.entries(codes).find(([, known]) => known === code)?.[0] ?? String(code);
}

function stateMessage(object: string, state: string, id: number): string {
  return templateToXml("HOOK_MESSAGE", {
    HOOK_TYPE: "STATE",
    HOOK_OBJECT: object,
    STATE: state,
    RESOURCE_ID: String(id),
  });
}

/** Of every call but those that only look. */
function apiMessage(call: string, answer: string): { topic: string; xml: string } | undefined {
  const { name, parameters } = parseCall(Buffer.from(call));
  if (/\.(?:info|infoextended|infoset|monitoring)$/.test(name)) return undefined;
  const result = decodeAnswer(answer);
  const isDone = result.kind === "success";
  const given = parameters.map((value, index) => parameter("IN", index + 1, index === 0 ? "****" : value));
  const out = [isDone, isDone ? result.value : result.message, isDone ? 0 : result.code];
  const gave = out.map((value, index) => parameter("OUT", index + 1, value));
  return {
    topic: `EVENT API ${name} ${isDone ? 1 : 0}`,
    xml:
      `<HOOK_MESSAGE><HOOK_TYPE>API</HOOK_TYPE><CALL>${name}</CALL><CALL_INFO><RESULT>${isDone ? 1 : 0}</RESULT>` +
      `<PARAMETERS>${[...given, ...gave].join("")}</PARAMETERS><EXTRA/></CALL_INFO></HOOK_MESSAGE>`,
  };
}

function parameter(type: "IN" | "OUT", position: number, value: unknown): string {
  return templateToXml("PARAMETER", { POSITION: String(position), TYPE: type, VALUE: String(value) });
}

/** A world reached over XML-RPC and hooks: what the embedded cloud does is known there once it was `settled`. */
export async function overHooks(embedded: EmbeddedCloud, clock: Clock): Promise<ReachedCloud> {
  const core = await serveHookedCore(embedded, { clock });
  const options = { cacheMs: 0, pollMs: NEVER_MS, hooks: core.hooks.endpoint };
  const cloud = await remoteCloud(core, { ...options, clock: { ...systemClock, now: clock.now } });
  // With this listener nobody else is the first, for whom everything would be looked at.
  cloud.subscribe(() => undefined);
  await core.hooks.subscribed(1);
  return {
    cloud,
    settled: () => core.heard(),
    async close() {
      await cloud.close();
      await core.close();
    },
  };
}
