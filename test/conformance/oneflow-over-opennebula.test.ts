/** The main stories of services, told to a OneFlow that reaches its cloud over XML-RPC. */

import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { JsonObject } from "../../gateway/cloud/model.ts";
import type { OpenNebulaCloud } from "../../gateway/cloud/opennebula/opennebula-cloud.ts";
import { createScaler } from "../../gateway/oneflow/engine/scaler.ts";
import type { ServiceBody } from "../../gateway/oneflow/model.ts";
import { type FaultyCore, startFaultyCore } from "../support/faulty-core.ts";
import { type FlowHouse, type FlowHouseOptions, flowHouse, nodesOf, twoTiers } from "../support/oneflow.ts";
import { remoteCloud, serveCore } from "../support/opennebula.ts";

interface RemoteHouse extends FlowHouse {
  readonly core: FaultyCore;
  readonly remote: OpenNebulaCloud;
}

const closers: (() => Promise<void>)[] = [];

async function open(options: FlowHouseOptions = {}, cacheMs = 60_000): Promise<RemoteHouse> {
  let reached: { core: FaultyCore; remote: OpenNebulaCloud } | undefined;
  const over = async (cloud: EmbeddedCloud) => {
    const served = await serveCore(cloud);
    const core = await startFaultyCore(served);
    const remote = await remoteCloud(core, { settleMs: 200, cacheMs });
    reached = { core, remote };
    closers.push(async () => {
      await remote.close();
      await core.close();
      await served.close();
    });
    return remote;
  };
  const house = await flowHouse({ ...options, over });
  closers.unshift(() => house.close());
  if (reached === undefined) throw new Error("the cloud was not reached");
  return { ...house, ...reached };
}

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function deployed(house: RemoteHouse, template = twoTiers()): Promise<number> {
  const { id } = await house.instantiate(template);
  await house.until(id, "RUNNING");
  return id;
}

/** Moves the time of the life cycle on until `wanted` comes; the wire has its own. */
async function passing<T>(house: RemoteHouse, wanted: Promise<T>): Promise<T> {
  let isThere = false;
  const done = wanted.finally(() => {
    isThere = true;
  });
  while (!isThere) {
    house.clock.advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return await done;
}

const roleNames = (house: RemoteHouse, id: number) =>
  house.vms(id).then((vms) => vms.map(({ name }) => name.replace(`_(service_${id})`, "")).toSorted());

describe("a service over XML-RPC", () => {
  it.each([
    ["with", 60_000],
    ["without", 0],
  ])(
    "is deployed in order, for its owner, in a document as OneFlow's own: %s a cache",
    async (_, cacheMs) => {
      const house = await open({}, cacheMs);
      const id = await deployed(house);
      const vms = await house.vms(id);
      expect(vms.map(({ name, uid }) => [name, uid])).toEqual(
        ["front_0", "worker_0", "worker_1"].map((name) => [`${name}_(service_${id})`, house.alice.uid]),
      );
      const body = await house.body(id);
      expect(body.roles.flatMap(nodesOf)).toEqual(vms.map((vm) => vm.id));
      const document = await house.cloud.documents.get(SYSTEM, id);
      expect(document).toMatchObject({ type: 100, name: "tiers", uid: house.alice.uid, template: {} });
    },
  );

  it("waits for READY, whoever says it: OneGate through the house, or anybody else at the core", async () => {
    const house = await open();
    const { id } = await house.instantiate(twoTiers({ ready_status_gate: true }));
    await house.until(id, "DEPLOYING");
    const [front] = nodesOf(await roleOnce(house, id, "front", 1));
    await house.remote.vms.updateUserTemplate(house.alice, front ?? -1, { READY: "YES" }, "append");
    const workers = nodesOf(await roleOnce(house, id, "worker", 2));
    for (const vmId of workers)
      await house.cloud.vms.updateUserTemplate(house.alice, vmId, { READY: "YES" }, "append");
    await house.until(id, "RUNNING");
  });

  it("scales up and down, and ends with nothing left", async () => {
    const house = await open();
    const id = await deployed(house);
    await createScaler(house.oneflow).scale(house.alice, id, "worker", 4);
    await house.until(id, "COOLDOWN");
    expect(await roleNames(house, id)).toEqual(["front_0", "worker_0", "worker_1", "worker_2", "worker_3"]);
    await passing(house, house.until(id, "RUNNING"));
    await house.oneflow.command(house.alice, id, {
      kind: "scale",
      role: "worker",
      cardinality: 1,
      force: false,
    });
    await house.until(id, "COOLDOWN");
    expect(await house.vms(id)).toHaveLength(2);
    await house.oneflow.command(house.alice, id, { kind: "undeploy" });
    await passing(house, house.gone(id));
    expect(await house.vms(id)).toEqual([]);
  });

  it("sees a VM that somebody ends behind its back", async () => {
    const house = await open();
    const id = await deployed(house);
    const [vmId = -1] = nodesOf(await house.role(id, "front"));
    await house.cloud.vms.act(house.alice, vmId, "poweroff");
    await house.until(id, "WARNING");
    await house.until(id, "WARNING", "front");
  });
});

describe("what others wrote into a service's document, and nobody here knows", () => {
  it("is there after the service was scaled: in its body, roles, nodes and policies, and beside the body", async () => {
    const house = await open();
    const id = await deployed(house);
    const { template, body } = await house.cloud.documents.get(SYSTEM, id);
    const policies = [{ type: "CHANGE", adjust: 1, expression: "NONE > 5", x_policy: { a: [1, null] } }];
    const strange = (role: JsonObject, at: number) =>
      at === 0 ? role : { ...role, x_role: [{ deep: "1" }], elasticity_policies: policies };
    const roles = z.array(z.record(z.string(), z.json())).parse(body?.roles).map(strange);
    const beside = { X_TEXT: "kept", X_VECTOR: { A: "1" } };
    await house.cloud.documents.update(
      SYSTEM,
      id,
      { ...body, roles, x_body: { n: 1.5, none: null } },
      { ...template, ...beside },
    );
    await expect
      .poll(() => house.remote.documents.peek(SYSTEM, id)?.template, { timeout: 30_000 })
      .toMatchObject(beside);
    await createScaler(house.oneflow).scale(house.alice, id, "worker", 3);
    await house.until(id, "COOLDOWN");
    const after = await house.cloud.documents.get(SYSTEM, id);
    expect(after.template).toMatchObject(beside);
    expect(after.body).toMatchObject({
      x_body: { n: 1.5, none: null },
      roles: [{}, { x_role: [{ deep: "1" }], elasticity_policies: policies, cardinality: 3 }],
    });
  });
});

describe("a service whose core fails", () => {
  it("has no VM twice when the answers to its makings are lost", async () => {
    const house = await open();
    house.core.fail("done_and_cut", 3, "one.template.instantiate");
    const { id } = await house.instantiate(twoTiers());
    await passing(house, house.until(id, "RUNNING"));
    expect(await roleNames(house, id)).toEqual(["front_0", "worker_0", "worker_1"]);
    expect(house.core.calls.filter((method) => method === "one.template.instantiate")).toHaveLength(3);
  });

  it("goes on when the core is back after a restart in the middle", async () => {
    const house = await open();
    const { id } = await house.instantiate(twoTiers({ ready_status_gate: true }));
    const [front = -1] = nodesOf(await roleOnce(house, id, "front", 1));
    await house.core.stop();
    await house.cloud.vms.updateUserTemplate(house.alice, front, { READY: "YES" }, "append");
    await house.core.start();
    const workers = nodesOf(await passing(house, roleOnce(house, id, "worker", 2)));
    for (const vmId of workers)
      await house.cloud.vms.updateUserTemplate(house.alice, vmId, { READY: "YES" }, "append");
    await passing(house, house.until(id, "RUNNING"));
    expect(await roleNames(house, id)).toEqual(["front_0", "worker_0", "worker_1"]);
  });
});

/** A role once it has so many nodes. */
async function roleOnce(house: RemoteHouse, id: number, name: string, nodes: number) {
  const { promise, resolve } = Promise.withResolvers<ServiceBody["roles"][number]>();
  const look = async () => {
    const role = await house.role(id, name);
    if (nodesOf(role).length >= nodes) resolve(role);
  };
  const unsubscribe = house.cloud.subscribe((event) => {
    if (event.kind === "document_changed" && event.id === id) void look();
  });
  await look();
  return await promise.finally(unsubscribe);
}
