/** Networks: address ranges, leases and reservations. */

import { expect, it } from "vitest";
import type { Actor } from "../../../gateway/cloud/actor.ts";
import { type Vector, vectorsOf } from "../../../shared/template/types.ts";
import { type CloudUnderTest, leaseHolders, text, untilPhase } from "./setup.ts";

const HEAD = 'NAME = "net" BRIDGE = "br7" VN_MAD = "dummy"';
const SMALL = `${HEAD} AR = [ TYPE = "IP4", IP = "10.0.0.254", SIZE = "3" ]`;

/** A held VM with one interface on a network; the interface. */
async function plug(
  { cloud }: CloudUnderTest,
  actor: Actor,
  nic: Vector,
): Promise<{ id: number; nic: Vector }> {
  const id = await cloud.vms.allocate(actor, { NAME: "vm", NIC: nic }, { hold: true });
  const [plugged] = vectorsOf((await cloud.vms.get(actor, id)).template, "NIC");
  if (plugged === undefined) throw new Error("The VM has no interface.");
  return { id, nic: plugged };
}

export function networkTests(current: () => CloudUnderTest): void {
  it("are made by administrators, with ranges that are ones, and lent to whoever may use them", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    await expect(cloud.networks.allocate(alice, text(SMALL))).rejects.toMatchObject({ code: "forbidden" });
    for (const range of [
      '[ TYPE = "IP4", IP = "10.0.0.999", SIZE = "3" ]',
      '[ TYPE = "IP4", IP = "10.0.0.1", SIZE = "0" ]',
      '[ TYPE = "IP4", IP = "10.0.0.1", SIZE = "x" ]',
      '[ TYPE = "IP4", IP = "255.255.255.254", SIZE = "3" ]',
      '[ TYPE = "IP9", IP = "10.0.0.1", SIZE = "3" ]',
    ]) {
      await expect(
        cloud.networks.allocate(admin, text(`${HEAD} AR = ${range}`)),
        range,
      ).rejects.toMatchObject({ code: "bad_request" });
    }
    const id = await cloud.networks.allocate(admin, text(SMALL));
    expect(await cloud.networks.get(admin, id)).toMatchObject({
      name: "net",
      bridge: "br7",
      ranges: [{ size: 3, attributes: { TYPE: "IP4", IP: "10.0.0.254", MAC: "02:00:0a:00:00:fe" } }],
    });
    const NETWORK_ID = String(id);
    await expect(plug(current(), alice, { NETWORK_ID })).rejects.toMatchObject({
      code: "forbidden",
      message: `User [${alice.uid}] : Not authorized to perform USE NET [${id}].`,
    });
    await cloud.networks.chmod(admin, id, [-1, -1, -1, 0, 0, 0, 1, 0, 0]);
    expect((await plug(current(), alice, { NETWORK_ID })).nic).toMatchObject({ IP: "10.0.0.254" });
  });

  it("lend each address once, across byte borders, until none is left, and take them back", async () => {
    const { cloud, admin } = current();
    const id = await cloud.networks.allocate(admin, text(SMALL));
    const NETWORK_ID = String(id);
    const lent: number[] = [];
    for (const IP of ["10.0.0.254", "10.0.0.255", "10.0.1.0"]) {
      const plugged = await plug(current(), admin, { NETWORK_ID });
      expect(plugged.nic).toMatchObject({ IP, NETWORK: "net", NETWORK_ID, BRIDGE: "br7" });
      lent.push(plugged.id);
    }
    expect(await leaseHolders(cloud, admin, id)).toEqual(lent.map((vmId) => `vm ${vmId}`));
    await expect(plug(current(), admin, { NETWORK_ID })).rejects.toMatchObject({ code: "conflict" });

    const [, middle = -1] = lent;
    await cloud.vms.act(admin, middle, "terminate");
    await untilPhase(cloud, admin, middle, "DONE");
    expect((await plug(current(), admin, { NETWORK_ID })).nic.IP).toBe("10.0.0.255");
  });

  it("lend a wanted address, by IP or MAC, once, and only one that they have", async () => {
    const { cloud, admin } = current();
    const NETWORK_ID = String(await cloud.networks.allocate(admin, text(SMALL)));
    const byIp = await plug(current(), admin, { NETWORK_ID, IP: "10.0.1.0" });
    expect(byIp.nic).toMatchObject({ IP: "10.0.1.0", MAC: "02:00:0a:00:01:00" });
    const byMac = await plug(current(), admin, { NETWORK_ID, MAC: "02:00:0a:00:00:ff" });
    expect(byMac.nic).toMatchObject({ IP: "10.0.0.255", MAC: "02:00:0a:00:00:ff" });
    await expect(plug(current(), admin, { NETWORK_ID, IP: "10.0.1.0" })).rejects.toMatchObject({
      code: "conflict",
    });
    await expect(plug(current(), admin, { NETWORK_ID, IP: "10.0.9.9" })).rejects.toMatchObject({
      code: "bad_request",
    });
    await expect(plug(current(), admin, { NETWORK_ID: "999999" })).rejects.toMatchObject({
      code: "not_found",
    });
  });

  it("go on in the next range when one is full", async () => {
    const { cloud, admin } = current();
    const ranges = `AR = [ TYPE = "IP4", IP = "10.0.0.1", SIZE = "1" ] AR = [ TYPE = "IP4", IP = "10.9.0.1", SIZE = "1" ]`;
    const NETWORK_ID = String(await cloud.networks.allocate(admin, text(`${HEAD} ${ranges}`)));
    expect((await plug(current(), admin, { NETWORK_ID })).nic).toMatchObject({ IP: "10.0.0.1", AR_ID: "0" });
    expect((await plug(current(), admin, { NETWORK_ID })).nic).toMatchObject({ IP: "10.9.0.1", AR_ID: "1" });
    await expect(plug(current(), admin, { NETWORK_ID })).rejects.toMatchObject({ code: "conflict" });
  });

  it("lend IPv6 addresses: of a prefix and the MAC, or counted from a static one", async () => {
    const { cloud, admin } = current();
    const both = `AR = [ TYPE = "IP4_6", IP = "192.168.50.10", SIZE = "2", GLOBAL_PREFIX = "2001:db8:1::", ULA_PREFIX = "fd00:1::" ]`;
    const slaac = String(await cloud.networks.allocate(admin, text(`${HEAD} ${both}`)));
    expect((await plug(current(), admin, { NETWORK_ID: slaac })).nic).toMatchObject({
      IP: "192.168.50.10",
      MAC: "02:00:c0:a8:32:0a",
      IP6_GLOBAL: "2001:db8:1::c0ff:fea8:320a",
      IP6_ULA: "fd00:1::c0ff:fea8:320a",
      IP6_LINK: "fe80::c0ff:fea8:320a",
    });
    const counted = `AR = [ TYPE = "IP6_STATIC", IP6 = "2001:db8::fffe", MAC = "02:00:00:00:00:01", SIZE = "3" ]`;
    const NETWORK_ID = String(await cloud.networks.allocate(admin, text(`${HEAD} ${counted}`)));
    const wanted = await plug(current(), admin, { NETWORK_ID, IP6: "2001:db8::1:0" });
    expect(wanted.nic).toMatchObject({ IP6: "2001:db8::1:0", MAC: "02:00:00:00:00:03" });
    await expect(plug(current(), admin, { NETWORK_ID, IP6: "2001:db8::1:0" })).rejects.toMatchObject({
      code: "conflict",
    });
    expect((await plug(current(), admin, { NETWORK_ID })).nic.IP6).toBe("2001:db8::fffe");
    expect((await plug(current(), admin, { NETWORK_ID })).nic.IP6).toBe("2001:db8::ffff");
    await cloud.vms.act(admin, wanted.id, "terminate");
    await untilPhase(cloud, admin, wanted.id, "DONE");
    expect(await leaseHolders(cloud, admin, Number(NETWORK_ID))).toHaveLength(2);
  });

  it("are found by name, the asker's own first", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const range = (ip: string) => text(`${HEAD} AR = [ TYPE = "IP4", IP = "${ip}", SIZE = "2" ]`);
    const foreign = await cloud.networks.allocate(admin, range("10.1.0.1"));
    const own = await cloud.networks.allocate(admin, range("10.2.0.1"));
    await cloud.networks.chmod(admin, foreign, [-1, -1, -1, 0, 0, 0, 1, 0, 0]);
    expect((await plug(current(), alice, { NETWORK: "net" })).nic.IP).toBe("10.1.0.1");
    await cloud.networks.chown(admin, own, { uid: alice.uid });
    expect((await plug(current(), alice, { NETWORK: "net" })).nic.IP).toBe("10.2.0.1");
    const named = { NETWORK: "net", NETWORK_UNAME: admin.name };
    expect((await plug(current(), alice, named)).nic.IP).toBe("10.1.0.2");
    await expect(plug(current(), alice, { NETWORK: "nowhere" })).rejects.toMatchObject({ code: "not_found" });
  });

  it("are updated by managers, and deleted when nobody holds an address of theirs", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const id = await cloud.networks.allocate(admin, text(SMALL));
    await cloud.networks.update(admin, id, { DNS: "10.0.0.1", GATEWAY: "10.0.0.2" }, "append");
    await cloud.networks.update(admin, id, { GATEWAY: {} }, "append");
    const { template } = await cloud.networks.get(admin, id);
    expect(template).toMatchObject({ DNS: "10.0.0.1" });
    expect(template.GATEWAY).toBeUndefined();
    await expect(cloud.networks.update(alice, id, {}, "append")).rejects.toMatchObject({ code: "forbidden" });

    const { id: vmId } = await plug(current(), admin, { NETWORK_ID: String(id) });
    await expect(cloud.networks.delete(admin, id)).rejects.toMatchObject({ code: "conflict" });
    await cloud.vms.act(admin, vmId, "terminate");
    await untilPhase(cloud, admin, vmId, "DONE");
    await expect(cloud.networks.delete(alice, id)).rejects.toMatchObject({ code: "forbidden" });
    await cloud.networks.delete(admin, id);
    await expect(cloud.networks.detail(admin, id)).rejects.toMatchObject({
      code: "not_found",
      message: `Error getting virtual network [${id}].`,
    });
  });

  it("lend a run of addresses to a reservation of the asker's own, which lends them on and gives them back", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const id = await cloud.networks.allocate(
      admin,
      text('NAME = "net" DNS = "10.0.0.1" AR = [ TYPE = "IP4", IP = "10.0.0.10", SIZE = "5" ]'),
    );
    await expect(cloud.networks.reserve(alice, id, { name: "r", size: 2 })).rejects.toMatchObject({
      code: "forbidden",
    });
    await cloud.networks.chmod(admin, id, [-1, -1, -1, 0, 0, 0, 1, 0, 0]);
    const { id: vmId } = await plug(current(), admin, { NETWORK_ID: String(id), IP: "10.0.0.11" });
    // 10.0.0.11 is taken, so the only run of three begins behind it.
    const reserved = await cloud.networks.reserve(alice, id, { name: "r", size: 3 });
    const [parent, child] = [await cloud.networks.get(admin, id), await cloud.networks.get(alice, reserved)];
    expect(child).toMatchObject({
      name: "r",
      uid: alice.uid,
      parentId: id,
      // The same wire as the parent's.
      bridge: parent.bridge,
      vnMad: parent.vnMad,
      clusterIds: parent.clusterIds,
      template: { DNS: "10.0.0.1" },
      ranges: [{ size: 3, attributes: { IP: "10.0.0.12", MAC: "02:00:0a:00:00:0c" } }],
    });
    expect(await leaseHolders(cloud, admin, id)).toEqual([
      `vm ${vmId}`,
      ...Array(3).fill(`network ${reserved}`),
    ]);
    for (const size of [2, 9, 0, -1, 1.5]) {
      await expect(
        cloud.networks.reserve(alice, id, { name: "more", size }),
        `${size}`,
      ).rejects.toMatchObject({ code: size === 2 || size === 9 ? "conflict" : "bad_request" });
    }

    const inside = await plug(current(), alice, { NETWORK_ID: String(reserved) });
    expect(inside.nic.IP).toBe("10.0.0.12");
    await expect(cloud.networks.delete(admin, id)).rejects.toMatchObject({ code: "conflict" });
    await expect(cloud.networks.delete(alice, reserved)).rejects.toMatchObject({ code: "conflict" });
    await cloud.vms.act(alice, inside.id, "terminate");
    await untilPhase(cloud, alice, inside.id, "DONE");
    await cloud.networks.delete(alice, reserved);
    expect(await leaseHolders(cloud, admin, id)).toEqual([`vm ${vmId}`]);
  });

  it("refuse a reservation of more addresses than anybody needs, at once", async () => {
    const { cloud, admin } = current();
    const huge = await cloud.networks.allocate(
      admin,
      text(`${HEAD} AR = [ TYPE = "ETHER", MAC = "02:00:00:00:00:01", SIZE = "4294967295" ]`),
    );
    await expect(
      cloud.networks.reserve(admin, huge, { name: "all", size: 4_000_000_000 }),
    ).rejects.toMatchObject({ code: "bad_request" });
    expect(await leaseHolders(cloud, admin, huge)).toEqual([]);
  });

  it("reserve in the range that is named, and in no other", async () => {
    const { cloud, admin } = current();
    const ranges = `AR = [ TYPE = "IP4", IP = "10.0.0.1", SIZE = "4" ] AR = [ TYPE = "IP4", IP = "10.9.0.1", SIZE = "2" ]`;
    const id = await cloud.networks.allocate(admin, text(`${HEAD} ${ranges}`));
    const reserved = await cloud.networks.reserve(admin, id, { name: "r", size: 2, rangeId: 1 });
    expect((await cloud.networks.get(admin, reserved)).ranges).toMatchObject([
      { size: 2, attributes: { IP: "10.9.0.1" } },
    ]);
    await expect(
      cloud.networks.reserve(admin, id, { name: "more", size: 1, rangeId: 1 }),
    ).rejects.toMatchObject({ code: "conflict" });
  });
}
