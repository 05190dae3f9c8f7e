import { afterEach, describe, expect, it } from "vitest";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import type { JsonObject } from "../../gateway/cloud/model.ts";
import { MAX_BEING_MADE } from "../../gateway/oneflow/lifecycle/growing.ts";
import { step } from "../../gateway/oneflow/lifecycle/step.ts";
import { MAX_CARDINALITY } from "../../gateway/oneflow/schema/limits.ts";
import { readServiceBody } from "../../gateway/oneflow/schema/read.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { makeUser } from "../support/embedded.ts";
import { vmRole } from "../support/explored-services.ts";
import { type FlowHouse, flowHouse, nodesOf, twoTiers } from "../support/oneflow.ts";
import { storyOf } from "../support/service-story.ts";
import { refusalOf, template } from "../support/service-templates.ts";
import { contextAt, newWorld } from "../support/simulated-service.ts";

const houses: FlowHouse[] = [];
async function open(): Promise<FlowHouse> {
  const house = await flowHouse();
  houses.push(house);
  return house;
}

afterEach(async () => {
  for (const house of houses.splice(0)) await house.close();
});

/** A service document as its owner writes it by hand. */
async function written(house: FlowHouse, owner: Actor, role: JsonObject): Promise<number> {
  const body = template([{ name: "a", type: "vm", template_id: 0, cardinality: 1, state: 2, ...role }], {
    state: 2,
  });
  const id = await house.cloud.documents.allocate(owner, { type: 100, name: "written", body });
  await house.oneflow.settled();
  return id;
}

describe("a service's document, written by hand, is left alone", () => {
  it.each([
    ["asks for more VMs than a role may have", { cardinality: MAX_CARDINALITY + 1 }, "'cardinality' must be"],
    ["counts its VMs beyond any number", { last_vmname: Number.MAX_SAFE_INTEGER }, "'last_vmname' must be"],
  ])("where a role %s", (_, role, sentence) => {
    const roles = [{ name: "a", type: "vm", template_id: 0, ...role }];
    expect(refusalOf(() => readServiceBody(template(roles, { state: 1 }), 7))).toContain(sentence);
  });

  it("where two roles have one name", () => {
    const role = { name: "a", type: "vm", template_id: 0 };
    expect(refusalOf(() => readServiceBody(template([role, role], { state: 1 }), 7))).toBe(
      "Service 7 cannot be read: Role name 'a' is repeated",
    );
  });
});

describe("VMs in great number", () => {
  it("are no more than a role may have, whoever forces it", () => {
    const running = storyOf({ name: "s", deployment: "none", roles: [vmRole("a", 1)] }).settled();
    const scale = { kind: "scale", role: "a", cardinality: MAX_CARDINALITY + 1, force: true } as const;
    expect(refusalOf(() => running.obeys(scale))).toBe(
      `Can't scale service 7: Maximum cardinality is ${MAX_CARDINALITY}`,
    );
  });

  it("are asked for so many at a time, over all roles, and come all", () => {
    const count = MAX_BEING_MADE / 2 + 2;
    const roles = [vmRole("a", count), vmRole("b", 3), vmRole("c", count)];
    const begun = storyOf({ name: "s", deployment: "none", roles });
    expect(begun.asked.filter((asked) => asked.startsWith("make_vm"))).toHaveLength(MAX_BEING_MADE);
    const { flow, effects } = newWorld({ name: "s", deployment: "none", roles }).world;
    const [first] = effects;
    if (first?.kind !== "make_vm") throw new Error("no VM is asked for");
    const { kind, role, number } = first;
    const refused = { kind: "vm_not_made", role, number, templateId: 0, message: "no" } as const;
    expect(kind).toBe("make_vm");
    expect(step(flow, refused, contextAt(0)).flow.body.state).toBe(7);
    const { state, alive } = begun.settled();
    expect([state, alive.length]).toEqual(["RUNNING", 2 * count + 3]);
  });
});

describe("somebody else's VM that a service names", () => {
  it("is not given away with the service, whoever gives it", async () => {
    const house = await open();
    const bob = await makeUser(house.cloud, SYSTEM, "bob");
    const vm = await house.cloud.templates.instantiate(house.alice, 0, { name: "victim" });
    const service = await house.cloud.documents.allocate(bob, { type: 100, name: "x", body: { roles: [] } });
    await house.oneflow.settled();
    const node = { deploy_id: vm };
    const body = template([{ name: "a", type: "vm", template_id: 0, nodes: [node] }], { state: 9 });
    await house.cloud.documents.update(bob, service, body);
    await house.oneflow.chown(SYSTEM, service, { uid: 0, gid: 0 });
    expect(await house.cloud.vms.get(SYSTEM, vm)).toMatchObject({ uid: house.alice.uid });
    expect(await house.cloud.documents.get(SYSTEM, service)).toMatchObject({ uid: 0 });
  });

  it("does not end with it, though it is an administrator's", async () => {
    const house = await open();
    const vm = await house.cloud.templates.instantiate(house.alice, 0, { name: "victim" });
    const leaving = { [vm]: { why: "end", act: "terminate", stage: "due" } };
    const service = await written(house, SYSTEM, { nodes: [{ deploy_id: vm }] });
    const { body } = await house.cloud.documents.get(SYSTEM, service);
    if (body === undefined) throw new Error("the service has no body");
    await house.cloud.documents.update(SYSTEM, service, body, { GATEHOUSE: JSON.stringify({ leaving }) });
    await house.oneflow.settled();
    await house.oneflow.command(SYSTEM, service, { kind: "undeploy" });
    await house.gone(service);
    expect(await house.cloud.vms.get(SYSTEM, vm)).toMatchObject({ state: VM_STATE.ACTIVE });
  });

  it("is no more at risk than somebody else's router", async () => {
    const house = await open();
    const router = await house.cloud.routers.allocate(house.alice, { NAME: "victim" });
    const service = await written(house, SYSTEM, { type: "vr", vrouter_id: router, cardinality: 0 });
    await house.oneflow.command(SYSTEM, service, { kind: "recover_delete" });
    const { log = [] } = await house.until(service, "FAILED_UNDEPLOYING");
    expect(log.map(({ message }) => message).join("\n")).toContain(
      `${router} belongs to user ${house.alice.uid}, and not to the service's owner.`,
    );
    expect(await house.cloud.routers.get(SYSTEM, router)).toMatchObject({ name: "victim" });
  });

  it("is a node of it no more, unless the VM names the service and was given away", async () => {
    const house = await open();
    const { id } = await house.instantiate(twoTiers());
    await house.until(id, "RUNNING");
    const [given] = await house.vms(id);
    await house.cloud.vms.chown(SYSTEM, given?.id ?? -1, { uid: 0 });
    const other = await written(house, SYSTEM, {
      nodes: nodesOf(await house.role(id, "worker")).map((vm) => ({ deploy_id: vm })),
    });
    expect(nodesOf(await house.role(other, "a"))).toEqual([]);
    const { body = {} } = await house.cloud.documents.get(SYSTEM, id);
    await house.cloud.documents.update(SYSTEM, id, { ...body, description: "taken up anew" });
    await house.until(id, "WARNING");
    expect(nodesOf(await house.role(id, "front"))).toEqual([given?.id]);
  });
});

describe("a service that is given away while its VMs are made", () => {
  it.each([1, 3, 5])(
    "takes every one of them along: VM %i is the last that was made by then",
    async (count) => {
      const house = await open();
      const bob = await makeUser(house.cloud, SYSTEM, "bob");
      const { id } = await house.instantiate(
        template([{ name: "a", type: "vm", template_id: 0, cardinality: 6 }]),
      );
      const given = new Promise<void>((resolve, reject) => {
        let made = 0;
        const unsubscribe = house.cloud.subscribe((event) => {
          if (event.kind !== "vm_state" || event.previous !== undefined || ++made < count) return;
          unsubscribe();
          house.oneflow.chown(SYSTEM, id, { uid: bob.uid }).then(resolve, reject);
        });
      });
      await given;
      await house.until(id, "RUNNING");
      await house.oneflow.settled();
      expect((await house.vms(id)).map(({ uid }) => uid)).toEqual(Array.from({ length: 6 }, () => bob.uid));
    },
  );
});

describe("user inputs", () => {
  it.each(["FILES", "files"])("do not write the restricted CONTEXT/%s", async (name) => {
    const house = await open();
    const { id } = await house.instantiate(twoTiers({ user_inputs_values: { [name]: "/etc/shadow" } }));
    const { log = [] } = await house.until(id, "FAILED_DEPLOYING");
    expect(log.map(({ message }) => message).join("\n")).toContain(
      "VM Template includes a restricted attribute CONTEXT/FILES.",
    );
    expect(await house.vms(id)).toEqual([]);
  });
});
