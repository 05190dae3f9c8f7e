/** Virtual routers: VMs that share floating addresses. */

import { expect, it } from "vitest";
import type { Actor } from "../../../gateway/cloud/actor.ts";
import { type Vector, vectorsOf } from "../../../shared/template/types.ts";
import { type CloudUnderTest, leaseHolders, phase, text, untilPhase, untilVm } from "./setup.ts";

async function router(
  house: CloudUnderTest,
  owner: Actor,
  nics = 'NIC = [ NETWORK = "net", FLOATING_IP = "YES" ]',
) {
  const { cloud, admin } = house;
  const networkId = await cloud.networks.allocate(
    admin,
    text('NAME = "net" BRIDGE = "br0" VN_MAD = "dummy" AR = [ TYPE = "IP4", IP = "10.0.0.1", SIZE = "5" ]'),
  );
  await cloud.networks.chmod(admin, networkId, [-1, -1, -1, 0, 0, 0, 1, 0, 0]);
  const templateId = await cloud.templates.allocate(owner, text('NAME = "node" CPU = "0.1" MEMORY = "64"'));
  const id = await cloud.routers.allocate(owner, text(`NAME = "edge" NOTE = "1" ${nics}`));
  return { id, networkId, templateId };
}

export function routerTests(current: () => CloudUnderTest): void {
  it("hold the floating address themselves, the wanted one where one is given", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const nics = `NIC = [ NETWORK = "net", FLOATING_IP = "YES", IP = "10.0.0.4" ] NIC = [ NETWORK = "net" ]`;
    const { id, networkId } = await router(current(), alice, nics);
    const made = await cloud.routers.get(alice, id);
    expect(made).toMatchObject({ name: "edge", uid: alice.uid, vmIds: [], template: { NOTE: "1" } });
    expect(vectorsOf(made.template, "NIC")).toMatchObject([
      {
        NIC_ID: "0",
        NETWORK_ID: String(networkId),
        VROUTER_IP: "10.0.0.4",
        VROUTER_MAC: "02:00:0a:00:00:04",
      },
      { NIC_ID: "1", NETWORK_ID: String(networkId) },
    ]);
    expect(await leaseHolders(cloud, alice, networkId)).toEqual([`router ${id}`]);
    expect((await cloud.networks.detail(alice, networkId)).routerIds).toEqual([id]);
  });

  it("instantiate several VMs, each with an address of its own that knows the shared one", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const { id, networkId, templateId } = await router(current(), alice);
    const made = await cloud.routers.instantiate(alice, id, { count: 2, templateId });
    const addresses: (string | undefined)[] = [];
    for (const vmId of made) {
      const vm = await untilPhase(cloud, alice, vmId, "RUNNING");
      expect(vm.template).toMatchObject({ VROUTER_ID: String(id) });
      const [nic] = vectorsOf(vm.template, "NIC");
      expect(nic).toMatchObject({ VROUTER_IP: "10.0.0.1", NETWORK_ID: String(networkId) });
      addresses.push(nic?.IP);
    }
    expect(addresses).toEqual(["10.0.0.2", "10.0.0.3"]);
    expect((await cloud.routers.get(alice, id)).vmIds).toEqual(made);
    const more = await cloud.routers.instantiate(alice, id, {
      count: 1,
      templateId,
      name: "third-%i",
      hold: true,
      extra: { COLOUR: "red" },
    });
    const [third = -1] = more;
    expect(await cloud.vms.get(alice, third)).toMatchObject({
      name: "third-2",
      userTemplate: { COLOUR: "red" },
    });
    expect(phase(await cloud.vms.get(alice, third))).toBe("HOLD");
    expect((await cloud.routers.get(alice, id)).vmIds).toEqual([...made, third]);
  });

  it("instantiate all that is asked for, or nothing", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const { id, networkId, templateId } = await router(current(), alice);
    // One address of five is the router's own.
    await expect(cloud.routers.instantiate(alice, id, { count: 5, templateId })).rejects.toMatchObject({
      code: "conflict",
    });
    for (const count of [0, -1, 1.5, 1_000_000]) {
      await expect(cloud.routers.instantiate(alice, id, { count, templateId })).rejects.toMatchObject({
        code: "bad_request",
      });
    }
    await expect(
      cloud.routers.instantiate(alice, id, { count: 1, templateId: 999_999 }),
    ).rejects.toMatchObject({ code: "not_found" });
    await expect(cloud.routers.instantiate(bob, id, { count: 1, templateId })).rejects.toMatchObject({
      code: "forbidden",
    });
    expect((await cloud.routers.get(alice, id)).vmIds).toEqual([]);
    expect(await cloud.vms.list(alice)).toEqual([]);
    expect(await leaseHolders(cloud, alice, networkId)).toEqual([`router ${id}`]);
  });

  it("lose the VMs that end", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const { id, templateId } = await router(current(), alice);
    const [first = -1, second = -1] = await cloud.routers.instantiate(alice, id, { count: 2, templateId });
    await untilPhase(cloud, alice, first, "RUNNING");
    await cloud.vms.act(alice, first, "terminate-hard");
    await untilPhase(cloud, alice, first, "DONE");
    expect((await cloud.routers.get(alice, id)).vmIds).toEqual([second]);
  });

  it("keep their interfaces through updates of their text", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const { id } = await router(current(), alice);
    const nic = (await cloud.routers.get(alice, id)).template.NIC;
    const stranger: Vector = { NETWORK: "elsewhere" };
    await cloud.routers.update(alice, id, { NOTE: "2", NIC: stranger }, "replace");
    expect((await cloud.routers.get(alice, id)).template).toEqual({ NOTE: "2", NIC: nic });
    await cloud.routers.update(alice, id, { NOTE: {}, NIC: {}, MORE: "3" }, "append");
    expect((await cloud.routers.get(alice, id)).template).toEqual({ MORE: "3", NIC: nic });
  });

  it("end their VMs and give every address back when they are deleted", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const { id, networkId, templateId } = await router(current(), alice);
    const [running = -1] = await cloud.routers.instantiate(alice, id, { count: 1, templateId });
    const [held = -1] = await cloud.routers.instantiate(alice, id, { count: 1, templateId, hold: true });
    await untilPhase(cloud, alice, running, "RUNNING");
    await expect(cloud.routers.delete(bob, id)).rejects.toMatchObject({ code: "forbidden" });
    await cloud.routers.delete(alice, id);
    for (const vmId of [running, held]) await untilVm(cloud, alice, vmId, (vm) => phase(vm) === "DONE");
    expect(await leaseHolders(cloud, alice, networkId)).toEqual([]);
    expect((await cloud.networks.detail(alice, networkId)).routerIds).toEqual([]);
    await expect(cloud.routers.get(alice, id)).rejects.toMatchObject({
      code: "not_found",
      message: `Error getting virtual router [${id}].`,
    });
  });
}
