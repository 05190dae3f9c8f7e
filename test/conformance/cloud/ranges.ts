/** Address ranges that come and go, and addresses held back from everybody. */

import { expect, it } from "vitest";
import { vectorsOf } from "../../../shared/template/types.ts";
import { type CloudUnderTest, leaseHolders, text } from "./setup.ts";

const NETWORK =
  'NAME = "net" BRIDGE = "b" VN_MAD = "dummy" AR = [ TYPE = "IP4", IP = "10.0.0.1", SIZE = "2" ]';

async function plug({ cloud, admin }: CloudUnderTest, networkId: number): Promise<string | undefined> {
  const NIC = { NETWORK_ID: String(networkId) };
  const id = await cloud.vms.allocate(admin, { NAME: "vm", NIC }, { hold: true });
  return vectorsOf((await cloud.vms.get(admin, id)).template, "NIC")[0]?.IP;
}

export function rangeTests(current: () => CloudUnderTest): void {
  it("hold addresses back by IP or MAC until they are released, each once", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const id = await cloud.networks.allocate(admin, text(NETWORK));
    await cloud.networks.chmod(admin, id, [-1, -1, -1, 0, 0, 0, 1, 0, 0]);
    await expect(cloud.networks.hold(alice, id, { ip: "10.0.0.1" })).rejects.toMatchObject({
      code: "forbidden",
    });
    await cloud.networks.hold(admin, id, { ip: "10.0.0.1" });
    await cloud.networks.hold(admin, id, { mac: "02:00:0a:00:00:02" });
    await expect(cloud.networks.hold(admin, id, { ip: "10.0.0.1" })).rejects.toMatchObject({
      code: "conflict",
    });
    for (const ip of ["10.0.0.3", "nonsense", ""]) {
      await expect(cloud.networks.hold(admin, id, { ip }), ip).rejects.toMatchObject({ code: "bad_request" });
    }
    await expect(plug(current(), id)).rejects.toMatchObject({ code: "conflict" });
    await expect(cloud.networks.delete(admin, id)).rejects.toMatchObject({ code: "conflict" });

    await expect(cloud.networks.release(alice, id, { ip: "10.0.0.2" })).rejects.toMatchObject({
      code: "forbidden",
    });
    await cloud.networks.release(admin, id, { ip: "10.0.0.2" });
    expect(await plug(current(), id)).toBe("10.0.0.2");
    // That one is a VM's by now, which no release takes away.
    for (const ip of ["10.0.0.2", "10.0.0.3"]) {
      await expect(cloud.networks.release(admin, id, { ip })).rejects.toMatchObject({ code: "bad_request" });
    }
    await cloud.networks.release(admin, id, { mac: "02:00:0a:00:00:01" });
    expect(await leaseHolders(cloud, admin, id)).toHaveLength(1);
  });

  it("are added and removed by administrators, while nobody holds an address of them", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const id = await cloud.networks.allocate(admin, text(NETWORK));
    await cloud.networks.chmod(admin, id, [1, 1, 0, 0, 0, 0, 1, 1, 0]);
    const more = { TYPE: "IP4", IP: "10.7.0.1", SIZE: "1" };
    await expect(cloud.networks.addRange(alice, id, more)).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.networks.addRange(admin, id, { ...more, IP: "x" })).rejects.toMatchObject({
      code: "bad_request",
    });
    const rangeId = await cloud.networks.addRange(admin, id, more);
    expect([await plug(current(), id), await plug(current(), id), await plug(current(), id)]).toEqual([
      "10.0.0.1",
      "10.0.0.2",
      "10.7.0.1",
    ]);
    await expect(cloud.networks.removeRange(alice, id, rangeId)).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.networks.removeRange(admin, id, rangeId)).rejects.toMatchObject({ code: "conflict" });
    await expect(cloud.networks.removeRange(admin, id, 99)).rejects.toMatchObject({ code: "not_found" });
    const spare = await cloud.networks.addRange(admin, id, { ...more, IP: "10.8.0.1" });
    expect(spare).not.toBe(rangeId);
    await cloud.networks.removeRange(admin, id, spare);
    expect((await cloud.networks.get(admin, id)).ranges.map((range) => range.id)).toEqual([0, rangeId]);
  });

  it("stay as reserved in a reservation", async () => {
    const { cloud, admin } = current();
    const id = await cloud.networks.allocate(admin, text(NETWORK));
    const reserved = await cloud.networks.reserve(admin, id, { name: "r", size: 1 });
    const more = { TYPE: "IP4", IP: "10.7.0.1", SIZE: "1" };
    await expect(cloud.networks.addRange(admin, reserved, more)).rejects.toMatchObject({
      code: "bad_request",
    });
    await expect(cloud.networks.removeRange(admin, reserved, 0)).rejects.toMatchObject({
      code: "bad_request",
    });
  });
}
