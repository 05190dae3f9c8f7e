/** The recorded world in an embedded cloud with simulated VMs that take time to boot, OneFlow before it, and the recorded exchanges. */

import { readFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { z } from "zod";
import { createSessions } from "../../gateway/cloud/access/sessions.ts";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import type { Driver } from "../../gateway/cloud/embedded/driver.ts";
import { dummyDriver } from "../../gateway/cloud/embedded/drivers/dummy.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { parseWorld } from "../../gateway/cloud/world.ts";
import { type Autoscaler, startAutoscaler } from "../../gateway/oneflow/autoscaler/autoscaler.ts";
import { createOneFlow } from "../../gateway/oneflow/engine/create-oneflow.ts";
import type { OneFlow } from "../../gateway/oneflow/engine/oneflow.ts";
import { oneFlowSettingsSchema } from "../../gateway/oneflow/settings.ts";
import { silentLogger } from "../../shared/log.ts";
import type { ReachedCloud } from "./core-hooks.ts";
import { testCloud } from "./embedded.ts";
import { scratchDirectory } from "./house.ts";
import { type ManualClock, manualClock } from "./manual-clock.ts";
import { type FlowAnswer, type FlowDesk, openFlowDesk } from "./oneflow-app.ts";
import { impatient } from "./opennebula.ts";
import { type Exchange, recordedIn } from "./recorded-exchanges.ts";

export interface ReplayedFlow {
  readonly exchange: Exchange;
  readonly answer: FlowAnswer;
  /** The recorded body, with the ids of this replay. */
  readonly expected: string;
}

export function recordedFlowExchanges(): readonly Exchange[] {
  return recordedIn("oneflow.jsonl");
}

/** As the recording's simulated VMs. */
const BOOT_MS = 10_000;
const STEP_MS = 500;
const CLOUD_TURNS = 20;
/** Of simulated time, that a service may take to where the recording has it. */
const PATIENCE_MS = 60_000;
/** A little before the recording. */
const START_MS = 1_795_176_900_000;

export interface FlowReplay {
  readonly cloud: EmbeddedCloud;
  readonly replayed: readonly ReplayedFlow[];
}

/** What happened beside the exchanges, just before one of them: to the VMs of the service that it names. */
export type Interventions = Readonly<Record<string, (stage: Stage, serviceId: number) => Promise<void>>>;

export interface Stage {
  /** As it is. */
  readonly cloud: EmbeddedCloud;
  /** As OneFlow reaches it: what is done here is known there. */
  readonly reached: Cloud;
  readonly clock: ManualClock;
  /** Ends the boot of a VM badly. */
  fail(vmId: number): void;
  /** Lets so much time pass at once, and waits for what it brings. */
  pass(ms: number): Promise<void>;
}

/** How OneFlow reaches the cloud: as it is, or over a wire. */
export type FlowReach = (cloud: EmbeddedCloud, clock: ManualClock) => Promise<ReachedCloud>;

export const inProcess: FlowReach = async (cloud) => ({
  cloud,
  settled: async () => false,
  close: async () => undefined,
});

/** Sends every recorded request in order, each once its service is where the recording had it. */
export async function replayFlow(
  exchanges: readonly Exchange[],
  interventions: Interventions,
  reach: FlowReach = inProcess,
): Promise<readonly ReplayedFlow[]> {
  const clock = manualClock(START_MS);
  const driver = frailDriver(clock);
  const { cloud } = await testCloud({ clock, firstStart: false, driver });
  await cloud.importWorld(parseWorld(JSON.parse(fixture("oneflow-world.json"))));
  await cloud.start();
  const { cloud: reached, settled, close } = await reach(cloud, clock);
  const logs = scratchDirectory("oneflow-log");
  const settings = oneFlowSettingsSchema.parse({});
  const flow = await createOneFlow({
    cloud: reached,
    clock,
    log: silentLogger,
    settings,
    logDirectory: logs.path,
  });
  const autoscaler = await startAutoscaler({
    cloud: reached,
    flow,
    settings: { ...settings, timeZone: "UTC" },
    clock,
    log: silentLogger,
  });
  const sessions = createSessions(reached, impatient(clock));
  const desk = openFlowDesk(reached, flow, { clock, scaling: autoscaler, sessions });
  const replay = new Replay({ cloud, reached, settled, clock, flow, autoscaler, desk, fail: driver.fail });
  try {
    const replayed: ReplayedFlow[] = [];
    for (const exchange of exchanges) replayed.push(await replay.one(exchange, interventions[exchange.name]));
    return replayed;
  } finally {
    await timely(clock, autoscaler.close());
    await timely(clock, flow.close());
    await close();
    await timely(clock, cloud.close());
    logs.remove();
  }
}

/** Simulated VMs, of which one can be made to fail while it boots. */
function frailDriver(clock: ManualClock): Driver & Pick<Stage, "fail"> {
  const driver = dummyDriver({ clock, bootMs: BOOT_MS });
  const booting = new Map<number, (reason: Error) => void>();
  return {
    ...driver,
    async deploy(vm, ...rest) {
      const { promise, reject } = Promise.withResolvers<never>();
      booting.set(vm.id, reject);
      return await Promise.race([driver.deploy(vm, ...rest), promise]);
    },
    fail: (vmId) => booting.get(vmId)?.(new Error("made to fail")),
  };
}

interface ReplayParts extends Pick<ReachedCloud, "settled"> {
  readonly cloud: EmbeddedCloud;
  readonly reached: Cloud;
  readonly clock: ManualClock;
  readonly flow: OneFlow;
  readonly autoscaler: Autoscaler;
  readonly desk: FlowDesk;
  readonly fail: Stage["fail"];
}

type Json = z.infer<ReturnType<typeof z.json>>;

const documentSchema = z.object({
  DOCUMENT: z.object({ ID: z.string(), TEMPLATE: z.looseObject({ BODY: z.record(z.string(), z.json()) }) }),
});

const serviceState = z.looseObject({
  state: z.int(),
  roles: z.array(
    z.looseObject({
      name: z.string(),
      state: z.int(),
      nodes: z.array(z.looseObject({ deploy_id: z.int() })).optional(),
    }),
  ),
});

class Replay {
  readonly #parts: ReplayParts;
  /** From the recording's ids to ours. */
  readonly #documents = new Map<string, string>();
  readonly #vms = new Map<number, number>();

  constructor(parts: ReplayParts) {
    this.#parts = parts;
  }

  async one(exchange: Exchange, intervene: Interventions[string] | undefined): Promise<ReplayedFlow> {
    const { desk, cloud, reached, clock, fail } = this.#parts;
    const { request, response } = exchange;
    const path = request.path.replace(
      /^(\/service(?:_template)?\/)(\d+)/,
      (_, head, id) => head + this.#ours(id),
    );
    const serviceId = /^\/service\/(\d+)/.exec(path)?.[1];
    if (serviceId !== undefined) {
      await this.#settled();
      const pass = (ms: number) => this.#pass(ms);
      if (intervene !== undefined) await intervene({ cloud, reached, clock, fail, pass }, Number(serviceId));
      await this.#reach(Number(serviceId), exchange);
    }
    const body = request.body === null ? undefined : this.#bodyOf(exchange, Number(serviceId));
    const { Authorization: authorization } = request.headers;
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await desk.ask(path, { method: request.method, headers, body });
    this.#learn(response.body, answer.body);
    // So the recording waited, too: what follows finds the service gone.
    if (
      request.method === "DELETE" &&
      serviceId !== undefined &&
      answer.status === 204 &&
      /^\/service\/\d+$/.test(path)
    )
      await this.#until(Number(serviceId), (present) => present === undefined);
    return { exchange, answer, expected: this.#translated(response.body) };
  }

  #ours(id: string): string {
    return this.#documents.get(id) ?? id;
  }

  /** Lets time pass until the service is where it was when this was recorded; gives up after a while. */
  async #reach(id: number, exchange: Exchange): Promise<void> {
    await this.#until(id, wantedState(exchange));
  }

  async #until(id: number, isThere: (body: unknown) => boolean): Promise<void> {
    const { cloud, clock } = this.#parts;
    for (const end = clock.elapsed() + PATIENCE_MS; clock.elapsed() < end; ) {
      if (isThere(cloud.documents.peek(SYSTEM, id)?.body)) return;
      // Until then nothing can happen.
      await this.#pass(Math.min(clock.untilNext() ?? PATIENCE_MS, end - clock.elapsed()));
    }
  }

  async #pass(ms: number): Promise<void> {
    this.#parts.clock.advance(ms);
    // What the cloud does by itself, step by step.
    for (let turn = 0; turn < CLOUD_TURNS; turn += 1) await nextTurn();
    await this.#settled();
  }

  /** What the life cycle did may make a role scale. */
  async #settled(): Promise<void> {
    const { flow, autoscaler, settled } = this.#parts;
    do {
      await flow.settled();
      await autoscaler.settled();
      await flow.settled();
    } while (await settled());
  }

  /** Whole services are sent back as they were last read. */
  #bodyOf({ request, name }: Exchange, serviceId: number): string {
    const text = request.body ?? "";
    if (request.method !== "PUT" || !request.path.startsWith("/service/") || !text.includes('"roles"'))
      return text;
    const sent = z
      .looseObject({ roles: z.array(z.looseObject({ name: z.string() })) })
      .parse(JSON.parse(text));
    const present = this.#parts.cloud.documents.peek(SYSTEM, serviceId)?.body;
    if (present === undefined) return text;
    const { state, start_time, registration_time, log, roles } = serviceState.parse(present);
    const sentRoles = sent.roles.map((role) => {
      const running = roles.find((one) => one.name === role.name);
      return { ...role, nodes: running?.nodes, last_vmname: running?.last_vmname };
    });
    if (sentRoles.length === 0) throw new Error(`${name} sends no roles`);
    return JSON.stringify({ ...sent, state, start_time, registration_time, log, roles: sentRoles });
  }

  #learn(recorded: string, ours: string): void {
    const theirs = documentSchema.safeParse(jsonOf(recorded)).data?.DOCUMENT;
    const mine = documentSchema.safeParse(jsonOf(ours)).data?.DOCUMENT;
    if (theirs === undefined || mine === undefined) return;
    this.#documents.set(theirs.ID, mine.ID);
    const theirRoles = serviceState.safeParse(theirs.TEMPLATE.BODY).data?.roles ?? [];
    const myRoles = serviceState.safeParse(mine.TEMPLATE.BODY).data?.roles ?? [];
    for (const [at, role] of theirRoles.entries()) {
      for (const [place, { deploy_id: id }] of (role.nodes ?? []).entries()) {
        const own = myRoles[at]?.nodes?.[place]?.deploy_id;
        if (own !== undefined && !this.#vms.has(id)) this.#vms.set(id, own);
      }
    }
  }

  /** A recorded body as it would be with our ids. */
  #translated(recorded: string): string {
    const value = jsonOf(recorded);
    return value === undefined ? this.#sentence(recorded) : JSON.stringify(this.#value(value));
  }

  #value(value: Json): Json {
    if (typeof value === "string") return this.#sentence(value);
    if (Array.isArray(value)) return value.map((item) => this.#value(item));
    if (typeof value !== "object" || value === null) return value;
    const isDocument = "TEMPLATE" in value && "PERMISSIONS" in value;
    const isVm = "UNAME" in value && !isDocument;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]): [string, Json] => {
        if (name === "ID" && isDocument && typeof inner === "string") return [name, this.#ours(inner)];
        if (name === "ID" && isVm && typeof inner === "string")
          return [name, `${this.#vms.get(Number(inner)) ?? inner}`];
        if (name === "deploy_id" && typeof inner === "number") return [name, this.#vms.get(inner) ?? inner];
        return [name, this.#value(inner)];
      }),
    );
  }

  #sentence(text: string): string {
    return text
      .replaceAll(
        /(document \[|DOCUMENT \[|document-|\(service_|service )(\d+)/g,
        (_, head, id) => head + this.#ours(id),
      )
      .replaceAll(/( VM )(\d+)/g, (_, head, id) => head + (this.#vms.get(Number(id)) ?? id));
  }
}

const ALWAYS = () => true;

/** What the body of the exchange's service must be before it is sent; undefined: it is gone. */
function wantedState({ request, response }: Exchange): (body: unknown) => boolean {
  const { status, body } = response;
  if (status === 404) return (present) => present === undefined;
  const told = /^Service cannot be \w+ in state: (\w+)$/.exec(body)?.[1];
  if (told !== undefined) return (present) => stateOf(present)?.state === STATES.indexOf(told);
  const shown = documentSchema.safeParse(jsonOf(body)).data?.DOCUMENT.TEMPLATE.BODY;
  const recorded = stateOf(shown);
  if (request.method === "GET" && recorded !== undefined) {
    const wanted = statesIn(recorded);
    return (present) => {
      const state = stateOf(present);
      return state !== undefined && statesIn(state) === wanted;
    };
  }
  const restsFirst = /\/(?:scale|role_action)$/.test(request.path) || request.method === "PUT";
  return restsFirst
    ? (present) => stateOf(present) === undefined || stateOf(present)?.state === RUNNING
    : ALWAYS;
}

const RUNNING = 2;
const STATES = [
  "PENDING",
  "DEPLOYING",
  "RUNNING",
  "UNDEPLOYING",
  "WARNING",
  "DONE",
  "FAILED_UNDEPLOYING",
  "FAILED_DEPLOYING",
  "SCALING",
  "FAILED_SCALING",
  "COOLDOWN",
  "DEPLOYING_NETS",
  "UNDEPLOYING_NETS",
  "FAILED_DEPLOYING_NETS",
  "FAILED_UNDEPLOYING_NETS",
  "HOLD",
];

function stateOf(body: unknown): z.infer<typeof serviceState> | undefined {
  return serviceState.safeParse(body).data;
}

function statesIn({ state, roles }: z.infer<typeof serviceState>): string {
  return `${state} ${roles.map((role) => `${role.name}:${role.state}:${role.nodes?.length ?? 0}`).join(" ")}`;
}

/** Time passes for what waits for it. */
async function timely<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  for (let turn = 0; turn < 1_000 && !isDone; turn += 1) {
    await nextTurn();
    if (!isDone && turn > 20) clock.advance(STEP_MS);
  }
  return await done;
}

function jsonOf(text: string): Json | undefined {
  try {
    return z.json().parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function fixture(name: string): string {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8");
}
