import { afterEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import { RETRY_PAUSES } from "../../gateway/oneflow/engine/attempt.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { makeUser, SILENT } from "../support/embedded.ts";
import { manualClock } from "../support/manual-clock.ts";
import { type FlowHouse, flowHouse, nodesOf, twoTiers } from "../support/oneflow.ts";
import { scriptedDriver } from "../support/scripted-driver.ts";

const houses: FlowHouse[] = [];
async function open(...options: Parameters<typeof flowHouse>): Promise<FlowHouse> {
  const house = await flowHouse(...options);
  houses.push(house);
  return house;
}

afterEach(async () => {
  for (const house of houses.splice(0)) await house.close();
});

/** The cloud, with some calls of its templates others than they are. */
function withInstantiate(cloud: Cloud, instantiate: Cloud["templates"]["instantiate"]): Cloud {
  const templates = Object.create(cloud.templates, { instantiate: { value: instantiate } });
  return Object.create(cloud, { templates: { value: templates } });
}

const messages = async (house: FlowHouse, id: number) =>
  (await house.body(id)).log?.map(({ message }) => message).join("\n") ?? "";

async function deployed(house: FlowHouse): Promise<number> {
  const { id } = await house.instantiate(twoTiers());
  await house.until(id, "RUNNING");
  await house.oneflow.settled();
  return id;
}

describe("a cloud that refuses", () => {
  it("to make a VM fails the service with OpenNebula's own reason, and recover makes it", async () => {
    let isFull = true;
    const refuse = (cloud: Cloud) =>
      withInstantiate(cloud, async (...call) => {
        if (isFull) throw new GatehouseError("forbidden", "user [2] limit of 0 reached for VMS quota in VM.");
        return await cloud.templates.instantiate(...call);
      });
    const house = await open({ over: refuse });
    const { id } = await house.instantiate(twoTiers());
    await house.until(id, "FAILED_DEPLOYING");
    expect(await messages(house, id)).toContain(
      "Role front : Instantiate failed for template 0; [one.template.instantiate] user [2] limit of 0 reached for VMS quota in VM.",
    );
    await house.oneflow.settled();
    isFull = false;
    await house.oneflow.command(house.alice, id, { kind: "recover" });
    await house.until(id, "RUNNING");
    expect(await house.vms(id)).toHaveLength(3);
  });

  it("a VM template that is not there fails the service as recorded", async () => {
    const house = await open();
    const roles = [{ name: "r1", type: "vm", cardinality: 1, template_id: 9999 }];
    const { id } = await house.instantiate(twoTiers({ roles }));
    await house.until(id, "FAILED_DEPLOYING");
    expect(await messages(house, id)).toContain(
      "Role r1 : Instantiate failed for template 9999; [one.template.instantiate] Error getting virtual machine template [9999].\nNew state: FAILED_DEPLOYING",
    );
  });

  it("a restricted attribute fails the service with its name", async () => {
    const house = await open();
    const template_contents = { NIC: [{ NETWORK_ID: "0", MAC: "02:00:00:00:00:01" }] };
    const roles = [{ name: "r1", type: "vm", cardinality: 1, template_id: 0, template_contents }];
    const { id } = await house.instantiate(twoTiers({ roles }));
    await house.until(id, "FAILED_DEPLOYING");
    expect(await messages(house, id)).toContain("VM Template includes a restricted attribute NIC/MAC.");
    expect(await house.vms(id)).toEqual([]);
  });

  it("boots that fail end in FAILED_DEPLOYING, and recover replaces them", async () => {
    const clock = manualClock();
    const driver = scriptedDriver({ name: "scripted", script: () => "fail" });
    const house = await open({ clock, driver });
    const { id } = await house.instantiate(twoTiers());
    await house.until(id, "FAILED_DEPLOYING");
    expect(await messages(house, id)).toContain("BOOT_FAILURE");
    await house.oneflow.settled();
    driver.follow(() => "succeed");
    await house.oneflow.command(house.alice, id, { kind: "recover" });
    await house.until(id, "RUNNING");
    expect(await house.vms(id)).toHaveLength(3);
  });
});

describe("a cloud whose answers are lost", () => {
  /** Every VM is made, and nobody is told. */
  const silent = (lost: () => boolean) => (cloud: Cloud) =>
    withInstantiate(cloud, async (...call) => {
      const id = await cloud.templates.instantiate(...call);
      if (lost()) throw new GatehouseError("unavailable", "The connection was closed.");
      return id;
    });

  it("is looked at again before a VM is made twice", async () => {
    const house = await open({ over: silent(() => true) });
    const { id } = await house.instantiate(twoTiers());
    const done = house.until(id, "RUNNING");
    await pass(house, done);
    expect((await house.vms(id)).map(({ name }) => name)).toEqual(
      ["front_0", "worker_0", "worker_1"].map((name) => `${name}_(service_${id})`),
    );
  });

  it("for too long fails the service with the reason", async () => {
    const broken = (cloud: Cloud) =>
      withInstantiate(cloud, () => Promise.reject(new GatehouseError("unavailable", "No cloud.")));
    const house = await open({ over: broken });
    const { id } = await house.instantiate(twoTiers());
    await pass(house, house.until(id, "FAILED_DEPLOYING"));
    expect(await messages(house, id)).toContain("[one.template.instantiate] No cloud.");
    expect(await house.vms(id)).toEqual([]);
  });

  it("ends the VM that a call made after it was given up", async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    let calls = 0;
    const slow = (cloud: Cloud) =>
      withInstantiate(cloud, async (...call) => {
        calls += 1;
        if (calls === 1) await released;
        return await cloud.templates.instantiate(...call);
      });
    const house = await open({ over: slow });
    const { id } = await house.instantiate(twoTiers());
    const running = house.until(id, "RUNNING");
    await turns();
    house.clock.advance(60_000);
    await pass(house, running);
    release();
    // Four were made, and one is ended.
    while ((await house.cloud.vms.list(SYSTEM)).length !== 4) await turns();
    while ((await house.vms(id)).length !== 3) await turns();
    expect((await house.body(id)).roles.map((role) => nodesOf(role).length)).toEqual([1, 2]);
  });

  async function turns(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Moves time on until it is so. */
  async function pass(house: FlowHouse, done: Promise<unknown>): Promise<void> {
    let isDone = false;
    const ended = done.then(() => {
      isDone = true;
    });
    for (let round = 0; !isDone && round < 200; round += 1) {
      await turns();
      if (!isDone) house.clock.advance(RETRY_PAUSES[round % RETRY_PAUSES.length] ?? 0);
    }
    await ended;
  }
});

describe("events", () => {
  it("that come twice, late and in the wrong order change nothing", async () => {
    const disordered = (cloud: Cloud): Cloud => {
      const subscribe = (listener: (event: CloudEvent) => void) => {
        let late: CloudEvent[] = [];
        return cloud.subscribe((event) => {
          listener(event);
          if (event.kind !== "vm_state") return;
          if (late.length === 0) {
            setImmediate(() => {
              const told = late;
              late = [];
              // Twice, and at the end as things are.
              for (const { kind, ...rest } of told.filter((one) => one.kind === "vm_state")) {
                const now = cloud.vms.peek(SYSTEM, rest.vm.id) ?? rest.vm;
                listener({ kind, ...rest });
                listener({ kind, ...rest, vm: now });
              }
            });
          }
          late.push(event);
        });
      };
      return Object.create(cloud, { subscribe: { value: subscribe } });
    };
    const house = await open({ over: disordered });
    const id = await deployed(house);
    expect(await house.vms(id)).toHaveLength(3);
    await house.oneflow.command(house.alice, id, { kind: "undeploy" });
    await house.gone(id);
    expect(await house.vms(id)).toEqual([]);
  });

  it("of a VM that goes bad and well again move the service to WARNING and back", async () => {
    const house = await open();
    const id = await deployed(house);
    const [vm] = await house.vms(id);
    await house.cloud.vms.act(house.alice, vm?.id ?? -1, "poweroff");
    await house.until(id, "WARNING");
    await house.cloud.vms.act(house.alice, vm?.id ?? -1, "resume");
    await house.until(id, "RUNNING");
  });

  it("of a VM that was ended by hand take it out of its role", async () => {
    const house = await open();
    const id = await deployed(house);
    const [, worker] = await house.vms(id);
    await house.cloud.vms.act(house.alice, worker?.id ?? -1, "terminate");
    await house.until(id, "RUNNING");
    await vmsOfRole(house, id, 1);
    expect(await house.role(id, "worker")).toMatchObject({ cardinality: 1 });
  });

  async function vmsOfRole(house: FlowHouse, id: number, count: number): Promise<void> {
    while (nodesOf(await house.role(id, "worker")).length !== count) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

describe("documents that somebody else writes", () => {
  it("are taken over while the service is at rest", async () => {
    const house = await open();
    const id = await deployed(house);
    const body = await house.body(id);
    await house.cloud.documents.update(house.alice, id, { ...body, description: "mine" });
    await house.oneflow.settled();
    await house.oneflow.command(house.alice, id, { kind: "undeploy" });
    await house.gone(id);
    expect(await house.vms(id)).toEqual([]);
  });

  it("are written over while it has work under way", async () => {
    const warnings: string[] = [];
    const log = { ...SILENT, warn: (_: object, message: string) => void warnings.push(message) };
    const { promise: held, resolve: go } = Promise.withResolvers<void>();
    const waiting = (cloud: Cloud) =>
      withInstantiate(cloud, async (...call) => {
        await held;
        return await cloud.templates.instantiate(...call);
      });
    const house = await open({ log, over: waiting });
    const { id } = await house.instantiate(twoTiers());
    await house.until(id, "DEPLOYING");
    await house.cloud.documents.update(house.alice, id, { name: "junk" });
    go();
    await house.until(id, "RUNNING");
    expect(warnings).toContain(
      "A service was changed in its document while it had work under way; that is written over",
    );
  });

  it("that hold no service are left alone, and the others live", async () => {
    const store = memoryStore();
    const clock = manualClock();
    const first = await flowHouse({ store, clock });
    const bad = await first.cloud.documents.allocate(SYSTEM, { type: 100, name: "bad", body: { roles: 7 } });
    const id = await deployed(first);
    await first.oneflow.settled();
    await first.close();
    const house = await open({ store, clock });
    await expect(house.oneflow.command(SYSTEM, bad, { kind: "undeploy" })).rejects.toThrow("left alone");
    await house.oneflow.command(house.alice, id, { kind: "undeploy" });
    await house.gone(id);
  });

  it("that name somebody else's VMs learn nothing of them, and take nothing from their service", async () => {
    const store = memoryStore();
    const clock = manualClock();
    const first = await flowHouse({ store, clock });
    const id = await deployed(first);
    const bob = await makeUser(first.cloud, SYSTEM, "bob");
    const body = await first.body(id);
    const stolen = await first.cloud.documents.allocate(bob, { type: 100, name: "mine", body: { ...body } });
    await first.oneflow.settled();
    const { roles } = await first.body(stolen);
    expect(roles.map((role) => [role.cardinality, nodesOf(role)])).toEqual([
      [0, []],
      [0, []],
    ]);
    await first.close();
    const house = await open({ store, clock });
    await house.oneflow.settled();
    await house.oneflow.command(bob, stolen, { kind: "recover_delete" });
    await house.oneflow.settled();
    expect(await house.vms(id)).toHaveLength(3);
    const [vm] = await house.vms(id);
    await house.cloud.vms.act(house.alice, vm?.id ?? -1, "poweroff");
    await house.until(id, "WARNING");
  });

  it("that are removed are forgotten", async () => {
    const house = await open();
    const id = await deployed(house);
    await house.cloud.documents.delete(house.alice, id);
    await house.oneflow.settled();
    await expect(house.oneflow.command(house.alice, id, { kind: "undeploy" })).rejects.toThrow(
      `Error getting document [${id}].`,
    );
    for (const vm of await house.vms(id)) await house.cloud.vms.act(house.alice, vm.id, "poweroff");
    await house.oneflow.settled();
  });
});

describe("a store that cannot write", () => {
  it("refuses the command, and the service is as it was", async () => {
    const house = await open();
    const id = await deployed(house);
    house.store.failNext();
    await expect(
      house.oneflow.command(house.alice, id, { kind: "scale", role: "worker", cardinality: 3, force: false }),
    ).rejects.toMatchObject({ code: "unavailable" });
    expect(await house.role(id, "worker")).toMatchObject({ cardinality: 2 });
    await house.oneflow.command(house.alice, id, {
      kind: "scale",
      role: "worker",
      cardinality: 3,
      force: false,
    });
    await house.until(id, "COOLDOWN");
  });
});
