/** The life cycle of services over an embedded cloud with simulated VMs, for tests. */

import { rmSync } from "node:fs";
import path from "node:path";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import type { Driver } from "../../gateway/cloud/embedded/driver.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { Document, JsonObject, Vm } from "../../gateway/cloud/model.ts";
import { createOneFlow } from "../../gateway/oneflow/engine/create-oneflow.ts";
import type { OneFlow } from "../../gateway/oneflow/engine/oneflow.ts";
import type { Role, ServiceBody } from "../../gateway/oneflow/model.ts";
import { parseServiceTemplate } from "../../gateway/oneflow/schema/parse.ts";
import { readServiceBody } from "../../gateway/oneflow/schema/read.ts";
import { type OneFlowSettings, oneFlowSettingsSchema } from "../../gateway/oneflow/settings.ts";
import { type MemoryStore, memoryStore } from "../../gateway/store/memory.ts";
import type { Logger } from "../../shared/log.ts";
import { roleStateName } from "../../shared/states/role.ts";
import { serviceStateName } from "../../shared/states/service.ts";
import { stringOf } from "../../shared/template/types.ts";
import { SILENT, testCloud } from "./embedded.ts";
import { scratchDirectory } from "./house.ts";
import { type ManualClock, manualClock } from "./manual-clock.ts";
import { type FlowReach, inProcess } from "./oneflow-replay.ts";

export interface FlowHouse {
  readonly cloud: EmbeddedCloud;
  /** The same as the life cycle reaches it: what is done here is known there. */
  readonly reached: Cloud;
  readonly oneflow: OneFlow;
  readonly clock: ManualClock;
  readonly store: MemoryStore;
  readonly alice: Actor;
  readonly logDirectory: string;
  /** Of a service, as its document has it. */
  body(id: number): Promise<ServiceBody>;
  role(id: number, name: string): Promise<Role>;
  /** Once the service, or a role of it, is in that state. */
  until(id: number, state: string, role?: string): Promise<ServiceBody>;
  /** Once its document is removed. */
  gone(id: number): Promise<void>;
  /** VMs that are not done and name the service, by their ids. */
  vms(id: number): Promise<readonly Vm[]>;
  instantiate(template: JsonObject, actor?: Actor): Promise<Document>;
  /** Once the life cycle knows what the cloud did, and has nothing under way. */
  settled(): Promise<void>;
  /**
   * Lets so many more writes of this house reach the store and then no more, as a crash would; resolves when the first
   * was lost.
   */
  dieAfter(writes: number): Promise<void>;
  close(): Promise<void>;
}

export interface FlowHouseOptions {
  readonly store?: MemoryStore;
  readonly clock?: ManualClock;
  readonly driver?: Driver;
  readonly settings?: Partial<OneFlowSettings>;
  readonly log?: Logger;
  readonly logDirectory?: string;
  /** How the life cycle reaches the cloud, if not as it is: over a wire. */
  readonly reach?: FlowReach;
  /** What the life cycle sees of the cloud: with faults put in. */
  readonly over?: (cloud: EmbeddedCloud) => Cloud | Promise<Cloud>;
}

export async function flowHouse(options: FlowHouseOptions = {}): Promise<FlowHouse> {
  const { clock = manualClock(), store = memoryStore(), log = SILENT } = options;
  const scratch = options.logDirectory === undefined ? scratchDirectory("oneflow") : undefined;
  const logDirectory = options.logDirectory ?? path.join(scratch?.path ?? "", "oneflow");
  const death = mortal(store);
  const driver = options.driver === undefined ? {} : { driver: options.driver };
  const { cloud } = await testCloud({ store: death.store, clock, ...driver });
  const alice = await aliceOf(cloud);
  const { cloud: reached, settled, close } = await (options.reach ?? inProcess)(cloud, clock);
  const oneflow = await createOneFlow({
    cloud: (await options.over?.(cloud)) ?? reached,
    clock,
    log,
    settings: oneFlowSettingsSchema.parse(options.settings ?? {}),
    logDirectory,
  });
  const body = async (id: number) => bodyOf(await cloud.documents.get(SYSTEM, id));
  return {
    cloud,
    reached,
    oneflow,
    clock,
    store,
    alice,
    logDirectory,
    body,
    role: async (id, name) => roleOf(await body(id), name),
    until: (id, state, role) => untilState(cloud, id, state, role),
    gone: (id) => untilGone(cloud, id),
    vms: (id) => vmsOf(cloud, id),
    instantiate: (template, actor = alice) => oneflow.instantiate(actor, parseServiceTemplate(template)),
    async settled() {
      do await oneflow.settled();
      while (await settled());
    },
    dieAfter: death.dieAfter,
    async close() {
      await oneflow.close();
      await close();
      await cloud.close();
      if (scratch !== undefined) rmSync(scratch.path, { recursive: true, force: true });
    },
  };
}

function mortal(inner: MemoryStore): { store: MemoryStore; dieAfter(writes: number): Promise<void> } {
  let left = Number.POSITIVE_INFINITY;
  const underWay = new Set<Promise<void>>();
  const { promise: died, resolve } = Promise.withResolvers<void>();
  return {
    store: {
      ...inner,
      commit(changes) {
        left -= 1;
        if (left >= 0) {
          const write = inner.commit(changes);
          underWay.add(write);
          return write;
        }
        // What was let through before lands before anybody else opens the store.
        void Promise.allSettled(underWay).then(() => resolve());
        return new Promise(() => {});
      },
    },
    dieAfter(writes) {
      left = writes;
      return died;
    },
  };
}

/** A user who owns services, and a VM template that is everybody's. */
async function aliceOf(cloud: EmbeddedCloud): Promise<Actor> {
  const known = await cloud.users.named("alice");
  if (known === undefined) {
    await cloud.users.allocate(SYSTEM, { name: "alice", password: "alicepw" });
    const id = await cloud.templates.allocate(SYSTEM, { NAME: "tiny", CPU: "1", MEMORY: "64" });
    await cloud.templates.chmod(SYSTEM, id, [1, 1, 0, 1, 0, 0, 1, 0, 0]);
  }
  const user = await cloud.users.named("alice");
  const actor = user && (await cloud.users.actor(user.id));
  if (actor === undefined) throw new Error("alice was not made");
  return actor;
}

/** Two roles, the second of which waits for the first. */
export function twoTiers(changes: JsonObject = {}): JsonObject {
  return {
    name: "tiers",
    deployment: "straight",
    roles: [
      { name: "front", type: "vm", cardinality: 1, template_id: 0 },
      {
        name: "worker",
        type: "vm",
        cardinality: 2,
        template_id: 0,
        parents: ["front"],
        min_vms: 1,
        max_vms: 5,
      },
    ],
    ...changes,
  };
}

export function bodyOf(document: Document): ServiceBody {
  return readServiceBody(document.body, document.id);
}

function roleOf(body: ServiceBody, name: string): Role {
  const role = body.roles.find((candidate) => candidate.name === name);
  if (role === undefined) throw new Error(`there is no role ${name}`);
  return role;
}

export function nodesOf(role: Role): readonly number[] {
  return (role.nodes ?? []).map(({ deploy_id }) => deploy_id);
}

async function untilState(
  cloud: Cloud,
  id: number,
  state: string,
  roleName: string | undefined,
): Promise<ServiceBody> {
  const isThere = (body: ServiceBody) =>
    roleName === undefined
      ? serviceStateName(body.state) === state
      : body.roles.some((role) => role.name === roleName && roleStateName(role.state) === state);
  return await new Promise((resolve, reject) => {
    const look = (document: Document | undefined): boolean => {
      // Somebody may have written what is no service.
      if (!Array.isArray(document?.body?.roles)) return false;
      const body = bodyOf(document);
      if (isThere(body)) resolve(body);
      return isThere(body);
    };
    const unsubscribe = cloud.subscribe((event) => {
      if (event.kind !== "document_changed" || event.id !== id) return;
      if (event.document === undefined) reject(new Error(`service ${id} went before it was ${state}`));
      if (look(event.document)) unsubscribe();
    });
    if (look(cloud.documents.peek(SYSTEM, id))) unsubscribe();
  });
}

async function untilGone(cloud: Cloud, id: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const unsubscribe = cloud.subscribe((event) => {
      if (event.kind !== "document_changed" || event.id !== id || event.document !== undefined) return;
      unsubscribe();
      resolve();
    });
    if (cloud.documents.peek(SYSTEM, id) !== undefined) return;
    unsubscribe();
    resolve();
  });
}

async function vmsOf(cloud: Cloud, id: number): Promise<readonly Vm[]> {
  const all = await cloud.vms.list(SYSTEM);
  return all.filter((vm) => vm.state !== 6 && stringOf(vm.userTemplate, "SERVICE_ID") === String(id));
}
