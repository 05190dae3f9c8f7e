/** Interfaces of VMs that come and go: NICs, and aliases on them. */

import { expect, it } from "vitest";
import { type Vector, vectorOf, vectorsOf } from "../../../shared/template/types.ts";
import { type CloudUnderTest, leaseHolders, text, untilPhase } from "./setup.ts";

const NETWORK = `NAME = "private" VN_MAD = "dummy" BRIDGE = "br0" AR = [ TYPE = "IP4", IP = "10.0.0.10", SIZE = "4" ]`;
const NIC = { NIC: { NETWORK: "private" } };

/** A running VM with one interface, on a network of four addresses. */
async function runningVm({ cloud, admin }: CloudUnderTest, more = "") {
  const networkId = await cloud.networks.allocate(admin, text(NETWORK));
  const source = `NAME = "vm" NIC = [ NETWORK = "private" ] ${more} CONTEXT = [ NETWORK = "YES" ]`;
  const id = await cloud.vms.allocate(admin, text(source));
  await untilPhase(cloud, admin, id, "RUNNING");
  const nics = async (name: "NIC" | "NIC_ALIAS") =>
    vectorsOf((await cloud.vms.get(admin, id)).template, name);
  const context = async () => vectorOf((await cloud.vms.get(admin, id)).template, "CONTEXT") ?? {};
  return { id, networkId, nics, context };
}

export function interfaceTests(current: () => CloudUnderTest): void {
  it("come and go while the VM runs, aliases with their parent, and the context follows", async () => {
    const { cloud, admin } = current();
    const { id, networkId, nics, context } = await runningVm(current());
    const nicId = await cloud.vms.attachNic(
      admin,
      id,
      text('NIC = [ NETWORK = "private", NAME = "second" ]'),
    );
    const alias = text('NIC_ALIAS = [ NETWORK = "private", PARENT = "second" ]');
    const aliasId = await cloud.vms.attachNic(admin, id, alias);
    expect(await leaseHolders(cloud, admin, networkId)).toEqual(Array(3).fill(`vm ${id}`));
    expect(await nics("NIC")).toMatchObject([
      { NIC_ID: "0" },
      { NIC_ID: String(nicId), NAME: "second", ALIAS_IDS: String(aliasId) },
    ]);
    expect(await nics("NIC_ALIAS")).toMatchObject([
      { NIC_ID: String(aliasId), PARENT: "second", PARENT_ID: String(nicId), ALIAS_ID: "0", IP: "10.0.0.12" },
    ]);
    expect(await context()).toMatchObject({ ETH1_IP: "10.0.0.11", ETH1_ALIAS0_IP: "10.0.0.12" });

    await cloud.vms.detachNic(admin, id, nicId);
    expect(await leaseHolders(cloud, admin, networkId)).toEqual([`vm ${id}`]);
    expect(await nics("NIC_ALIAS")).toEqual([]);
    expect(await context()).not.toHaveProperty("ETH1_IP");
    expect(await context()).not.toHaveProperty("ETH1_ALIAS0_IP");
    await expect(cloud.vms.detachNic(admin, id, nicId)).rejects.toMatchObject({ code: "not_found" });
  });

  it("may be aliases from the beginning; one that goes leaves the others' names and numbers alone", async () => {
    const { cloud, admin } = current();
    const alias = 'NIC_ALIAS = [ NETWORK = "private", PARENT = "NIC0" ]';
    const { id, networkId, nics } = await runningVm(current(), `${alias} ${alias}`);
    expect(await nics("NIC_ALIAS")).toMatchObject([
      { NIC_ID: "1", ALIAS_ID: "0", NAME: "NIC0_ALIAS0" },
      { NIC_ID: "2", ALIAS_ID: "1", NAME: "NIC0_ALIAS1" },
    ]);
    await cloud.vms.detachNic(admin, id, 1);
    expect(await leaseHolders(cloud, admin, networkId)).toHaveLength(2);
    expect(await nics("NIC")).toMatchObject([{ NIC_ID: "0", ALIAS_IDS: "2" }]);
    await cloud.vms.attachNic(admin, id, text(alias));
    const names = (await nics("NIC_ALIAS")).map((vector: Vector) => vector.NAME);
    const numbers = (await nics("NIC_ALIAS")).map((vector: Vector) => vector.ALIAS_ID);
    expect(new Set(names).size).toBe(2);
    expect(new Set(numbers).size).toBe(2);
    await cloud.vms.detachNic(admin, id, 0);
    expect(await leaseHolders(cloud, admin, networkId)).toEqual([]);
    expect(await nics("NIC")).toEqual([]);
    expect(await nics("NIC_ALIAS")).toEqual([]);
  });

  it("come one at a time, aliases on a parent that is there", async () => {
    const { cloud, admin } = current();
    const { id, networkId, nics } = await runningVm(current());
    for (const refused of [
      "",
      'NIC = [ NETWORK = "private" ] NIC = [ NETWORK = "private" ]',
      'NIC_ALIAS = [ NETWORK = "private", PARENT = "NIC7" ]',
      'NIC_ALIAS = [ NETWORK = "private" ]',
    ]) {
      await expect(cloud.vms.attachNic(admin, id, text(refused)), refused).rejects.toMatchObject({
        code: "bad_request",
      });
    }
    expect(await nics("NIC")).toHaveLength(1);
    expect(await leaseHolders(cloud, admin, networkId)).toHaveLength(1);
  });

  it("come and go while the VM is powered off, and in no other phase at rest", async () => {
    const { cloud, admin } = current();
    const { id, nics } = await runningVm(current());
    await cloud.vms.act(admin, id, "poweroff");
    await untilPhase(cloud, admin, id, "POWEROFF");
    const nicId = await cloud.vms.attachNic(admin, id, NIC);
    await cloud.vms.detachNic(admin, id, nicId);
    await cloud.vms.act(admin, id, "undeploy");
    await untilPhase(cloud, admin, id, "UNDEPLOYED");
    await expect(cloud.vms.attachNic(admin, id, NIC)).rejects.toMatchObject({ code: "wrong_state" });
    await expect(cloud.vms.detachNic(admin, id, 0)).rejects.toMatchObject({ code: "wrong_state" });
    expect(await nics("NIC")).toHaveLength(1);
  });

  it("take MANAGE on the VM and USE on the network", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const networkId = await cloud.networks.allocate(admin, text(NETWORK));
    const id = await cloud.vms.allocate(alice, { NAME: "hers" });
    await untilPhase(cloud, alice, id, "RUNNING");
    const byId = { NIC: { NETWORK_ID: String(networkId) } };
    await expect(cloud.vms.attachNic(alice, id, byId)).rejects.toMatchObject({
      message: `User [${alice.uid}] : Not authorized to perform USE NET [${networkId}].`,
    });
    await cloud.networks.chmod(admin, networkId, [-1, -1, -1, 0, 0, 0, 1, 0, 0]);
    const nicId = await cloud.vms.attachNic(alice, id, byId);
    const bob = await user("bob");
    for (const refused of [cloud.vms.attachNic(bob, id, byId), cloud.vms.detachNic(bob, id, nicId)]) {
      await expect(refused).rejects.toMatchObject({ code: "forbidden" });
    }
    expect(await leaseHolders(cloud, admin, networkId)).toEqual([`vm ${id}`]);
  });

  it("reach networks only through their leases, unless an administrator says otherwise", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const networkId = await cloud.networks.allocate(admin, text(NETWORK));
    await cloud.networks.chmod(admin, networkId, [-1, -1, -1, 0, 0, 0, 1, 0, 0]);
    const id = await cloud.vms.allocate(alice, text(`NAME = "hers" NIC = [ NETWORK_ID = "${networkId}" ]`));
    await untilPhase(cloud, alice, id, "RUNNING");
    const before = await cloud.vms.get(admin, id);
    for (const [source, name] of [
      ['NIC = [ BRIDGE = "br-admin", VLAN_ID = "7" ]', "NIC/BRIDGE"],
      ['nic = [ vlan_id = "7" ]', "NIC/VLAN_ID"],
      [`NIC = [ NETWORK_ID = "${networkId}", MAC = "02:00:00:00:00:01" ]`, "NIC/MAC"],
      [`NIC = [ NETWORK_ID = "${networkId}", FILTER_MAC_SPOOFING = "NO" ]`, "NIC/FILTER_MAC_SPOOFING"],
      [`NIC = [ NETWORK_ID = "${networkId}", OUTBOUND_AVG_BW = "1" ]`, "NIC/OUTBOUND_AVG_BW"],
      ['NIC_ALIAS = [ PARENT = "NIC0", BRIDGE = "br-admin" ]', "NIC_ALIAS/BRIDGE"],
    ] as const) {
      await expect(cloud.vms.attachNic(alice, id, text(source)), source).rejects.toMatchObject({
        code: "forbidden",
        message: expect.stringMatching(` restricted attribute ${name}\\b`),
      });
    }
    expect((await cloud.vms.get(admin, id)).template).toEqual(before.template);
    await cloud.vms.attachNic(admin, id, text('NIC = [ BRIDGE = "br-admin", VLAN_ID = "7" ]'));
    expect(vectorsOf((await cloud.vms.get(admin, id)).template, "NIC")[1]).toMatchObject({ VLAN_ID: "7" });
  });
}
