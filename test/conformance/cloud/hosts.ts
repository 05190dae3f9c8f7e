/** Hosts: where VMs go, when hosts are there for them. */

import { expect, it } from "vitest";
import { HOST_STATE } from "../../../shared/states/host.ts";
import { stringOf } from "../../../shared/template/types.ts";
import { type CloudUnderTest, phase, setAllHosts, untilPhase, untilVm } from "./setup.ts";

/** Why a VM waits, once it says so. */
async function reasonOf({ cloud, admin }: CloudUnderTest, vmId: number): Promise<string> {
  const waiting = await untilVm(cloud, admin, vmId, (vm) => vm.userTemplate.SCHED_MESSAGE !== undefined);
  return stringOf(waiting.userTemplate, "SCHED_MESSAGE") ?? "";
}

/** A second host, as the first one is. */
async function addHost({ cloud, admin }: CloudUnderTest, name: string): Promise<number> {
  const [like] = await cloud.hosts.list(admin);
  if (like === undefined) throw new Error("The cloud has no host.");
  return await cloud.hosts.allocate(admin, { name, imMad: like.imMad, vmMad: like.vmMad });
}

export function hostTests(current: () => CloudUnderTest): void {
  it("are for administrators", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const [host] = await cloud.hosts.list(admin);
    const id = host?.id ?? -1;
    const asked = [
      cloud.hosts.list(alice),
      cloud.hosts.get(alice, id),
      cloud.hosts.allocate(alice, { name: "h", imMad: "dummy", vmMad: "dummy" }),
      cloud.hosts.update(alice, id, { A: "1" }, "append"),
      cloud.hosts.rename(alice, id, "h"),
      cloud.hosts.setState(alice, id, "disabled"),
      cloud.hosts.delete(alice, id),
    ];
    for (const refused of asked) await expect(refused).rejects.toMatchObject({ code: "forbidden" });
    expect(cloud.hosts.peek(alice, id)).toBeUndefined();
    expect(await cloud.hosts.get(admin, id)).toEqual(host);
  });

  it("are made, noted on and deleted, each name once", async () => {
    const { cloud, admin } = current();
    const id = await addHost(current(), "second");
    expect(await cloud.hosts.get(admin, id)).toMatchObject({ name: "second", state: HOST_STATE.MONITORED });
    await expect(addHost(current(), "second")).rejects.toMatchObject({ code: "conflict" });
    await expect(addHost(current(), "")).rejects.toMatchObject({ code: "bad_request" });
    await cloud.hosts.update(admin, id, { RACK: "1", ROOM: "2" }, "replace");
    await cloud.hosts.update(admin, id, { ROOM: {}, ROW: "3" }, "append");
    expect((await cloud.hosts.get(admin, id)).template).toEqual({ RACK: "1", ROW: "3" });
    await cloud.hosts.rename(admin, id, "renamed");
    expect((await cloud.hosts.get(admin, id)).name).toBe("renamed");
    const [other] = await cloud.hosts.list(admin);
    await expect(cloud.hosts.rename(admin, id, other?.name ?? "")).rejects.toMatchObject({
      code: "conflict",
    });
    await cloud.hosts.delete(admin, id);
    for (const gone of [
      cloud.hosts.get(admin, id),
      cloud.hosts.setState(admin, id, "enabled"),
      cloud.hosts.update(admin, id, {}, "append"),
      cloud.hosts.delete(admin, id),
    ]) {
      await expect(gone).rejects.toMatchObject({ code: "not_found", message: `Error getting host [${id}].` });
    }
  });

  it.each([
    ["disabled", HOST_STATE.DISABLED],
    ["offline", HOST_STATE.OFFLINE],
  ] as const)(
    "that are %s take no VM; one that waits says why, and goes when a host is enabled",
    async (state, code) => {
      const { cloud, admin } = current();
      const [first = -1] = await setAllHosts(current(), state);
      expect((await cloud.hosts.get(admin, first)).state).toBe(code);
      const id = await cloud.vms.allocate(admin, { NAME: "waits" });
      expect(await reasonOf(current(), id)).toMatch(/^Cannot dispatch VM: /);
      expect(phase(await cloud.vms.get(admin, id))).toBe("PENDING");

      await cloud.hosts.setState(admin, first, "enabled");
      const placed = await untilPhase(cloud, admin, id, "RUNNING");
      expect(placed.history).toMatchObject([{ seq: 0, hostId: first, etime: 0 }]);
      expect(placed.userTemplate.SCHED_MESSAGE).toBeUndefined();
    },
  );

  it("that are new take the VMs that wait", async () => {
    const { cloud, admin } = current();
    await setAllHosts(current(), "disabled");
    const id = await cloud.vms.allocate(admin, { NAME: "waits" });
    await reasonOf(current(), id);
    const hostId = await addHost(current(), "second");
    expect((await untilPhase(cloud, admin, id, "RUNNING")).history).toMatchObject([{ hostId }]);
  });

  it("keep the VMs they have while they are disabled", async () => {
    const { cloud, admin } = current();
    const id = await cloud.vms.allocate(admin, { NAME: "stays" });
    await untilPhase(cloud, admin, id, "RUNNING");
    await setAllHosts(current(), "disabled");
    expect(phase(await cloud.vms.get(admin, id))).toBe("RUNNING");
    await cloud.vms.act(admin, id, "poweroff");
    await untilPhase(cloud, admin, id, "POWEROFF");
    await cloud.vms.act(admin, id, "resume");
    await untilPhase(cloud, admin, id, "RUNNING");
  });

  it("share the VMs, the one with the fewest taking the next", async () => {
    const { cloud, admin } = current();
    const known = (await cloud.hosts.list(admin)).map((host) => host.id);
    await setAllHosts(current(), "disabled");
    const [left, right] = [await addHost(current(), "left"), await addHost(current(), "right")];
    const placedOn: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      const id = await cloud.vms.allocate(admin, { NAME: "vm" });
      placedOn.push((await untilPhase(cloud, admin, id, "RUNNING")).history[0]?.hostId ?? -1);
    }
    expect(placedOn.toSorted((a, b) => a - b)).toEqual([left, left, right, right]);
    expect(placedOn.some((hostId) => known.includes(hostId))).toBe(false);
  });

  it("are not deleted while VMs stay on them", async () => {
    const { cloud, admin } = current();
    await setAllHosts(current(), "disabled");
    const hostId = await addHost(current(), "second");
    const id = await cloud.vms.allocate(admin, { NAME: "vm" });
    await untilPhase(cloud, admin, id, "RUNNING");
    await expect(cloud.hosts.delete(admin, hostId)).rejects.toMatchObject({ code: "conflict" });
    await cloud.vms.act(admin, id, "terminate");
    await untilPhase(cloud, admin, id, "DONE");
    await cloud.hosts.delete(admin, hostId);
  });

  it("take a VM by an administrator's hand, waiting or held, if they are not offline", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const [hostId = -1] = await setAllHosts(current(), "disabled");
    const waiting = await cloud.vms.allocate(alice, { NAME: "waits" });
    const held = await cloud.vms.allocate(alice, { NAME: "held" }, { hold: true });
    await expect(cloud.vms.deploy(alice, waiting, hostId)).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.vms.deploy(admin, waiting, 999_999)).rejects.toMatchObject({ code: "not_found" });
    await cloud.hosts.setState(admin, hostId, "offline");
    await expect(cloud.vms.deploy(admin, waiting, hostId)).rejects.toMatchObject({ code: "wrong_state" });
    expect(phase(await cloud.vms.get(admin, waiting))).toBe("PENDING");
    await cloud.hosts.setState(admin, hostId, "disabled");
    for (const id of [waiting, held]) {
      await cloud.vms.deploy(admin, id, hostId);
      expect((await untilPhase(cloud, admin, id, "RUNNING")).history).toMatchObject([{ hostId }]);
      await expect(cloud.vms.deploy(admin, id, hostId)).rejects.toMatchObject({ code: "wrong_state" });
    }
  });
}
