/** VMs as objects: what they are made of, their owner's notes, and their snapshots. */

import { expect, it } from "vitest";
import { SYSTEM } from "../../../gateway/cloud/actor.ts";
import type { Vm } from "../../../gateway/cloud/model.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { stringOf, vectorOf, vectorsOf } from "../../../shared/template/types.ts";
import { type CloudUnderTest, phase, text, untilPhase } from "./setup.ts";

const NETWORK = `NAME = "private" VN_MAD = "dummy" BRIDGE = "br0" NETWORK_ADDRESS = "10.0.0.0" NETWORK_MASK = "255.255.255.0"
  GATEWAY = "10.0.0.1" DNS = "10.0.0.2" AR = [ TYPE = "IP4", IP = "10.0.0.10", SIZE = "3" ]`;
const VM = `NAME = "web" CPU = "0.1" MEMORY = "64" NIC = [ NETWORK = "private" ]
  CONTEXT = [ NETWORK = "YES", TOKEN = "YES", GREETING = "I am $NAME" ] COLOUR = "blue"`;

export function vmTests(current: () => CloudUnderTest): void {
  it("boot by themselves, with a lease, a completed context and their notes apart", async () => {
    const { cloud, admin } = current();
    await cloud.networks.allocate(admin, text(NETWORK));
    const id = await cloud.vms.allocate(admin, text(VM));
    const vm = await untilPhase(cloud, admin, id, "RUNNING");

    expect(vm).toMatchObject({ id, name: "web", uid: admin.uid, mode: 0o600, etime: 0, resched: false });
    expect(vm.stime).toBeGreaterThan(0);
    expect(vm.deployId).not.toBe("");
    expect(vm.userTemplate).toEqual({ COLOUR: "blue" });
    expect(vectorsOf(vm.template, "NIC")).toMatchObject([
      {
        IP: "10.0.0.10",
        MAC: "02:00:0a:00:00:0a",
        NETWORK: "private",
        NIC_ID: "0",
        NAME: "NIC0",
        GATEWAY: "10.0.0.1",
      },
    ]);
    const context = vectorOf(vm.template, "CONTEXT");
    expect(context).toMatchObject({
      GREETING: "I am web",
      ETH0_IP: "10.0.0.10",
      ETH0_GATEWAY: "10.0.0.1",
      VMID: String(id),
    });
    expect(context?.ONEGATE_ENDPOINT).toMatch(/^http/);
    expect(stringOf(vm.template, "CREATED_BY")).toBe(String(admin.uid));
    expect(vm.history).toMatchObject([{ seq: 0, etime: 0 }]);
    expect(vm.history[0]?.stime).toBeGreaterThan(0);
    expect(vm.history[0]?.rstime).toBeGreaterThan(0);
  });

  it("wait on hold when asked, under a name made of their id when none is given", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const id = await cloud.vms.allocate(alice, { CPU: "0.1" }, { hold: true });
    const vm = await cloud.vms.get(alice, id);
    expect(phase(vm)).toBe("HOLD");
    expect(vm).toMatchObject({ name: `one-${id}`, history: [], deployId: "" });
    await expect(cloud.vms.allocate(alice, { NAME: "" })).rejects.toMatchObject({ code: "bad_request" });
  });

  it("are made whole or not at all", async () => {
    const { cloud, user, admin } = current();
    const alice = await user("alice");
    const networkId = await cloud.networks.allocate(admin, text(NETWORK));
    await cloud.networks.chmod(admin, networkId, [-1, -1, -1, 0, 0, 0, 1, 0, 0]);
    const twoNics = text(`NAME = "a" NIC = [ NETWORK = "private" ] NIC = [ NETWORK = "nowhere" ]`);
    await expect(cloud.vms.allocate(alice, twoNics)).rejects.toMatchObject({ code: "not_found" });
    expect(await cloud.vms.list(alice)).toEqual([]);
    const { leases } = await cloud.networks.detail(admin, networkId);
    expect([...leases.values()].flat()).toEqual([]);
  });

  it("cannot claim to be made by someone else, or from another's template", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const forged = text('NAME = "forged" CREATED_BY = "0" TEMPLATE_UID = "0" VMID = "99"');
    const id = await cloud.vms.allocate(alice, forged, { hold: true });
    const { template, userTemplate } = await cloud.vms.get(alice, id);
    expect(template).toMatchObject({ CREATED_BY: String(alice.uid), VMID: String(id) });
    expect(template.TEMPLATE_UID).toBeUndefined();
    expect(userTemplate).toEqual({});
  });

  it("keep notes: appended name by name, with an empty vector removed, or replaced", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.vms.allocate(alice, text('NAME = "a" A = "1" B = "2" C = "3"'), { hold: true });
    const notes = async () => (await cloud.vms.get(alice, id)).userTemplate;
    await cloud.vms.updateUserTemplate(alice, id, { A: "4", B: {}, D: { X: "5" }, NONE: {} }, "append");
    expect(await notes()).toEqual({ A: "4", C: "3", D: { X: "5" } });
    await cloud.vms.updateUserTemplate(alice, id, { D: [{ X: "1" }, { X: "2" }] }, "append");
    expect(await notes()).toEqual({ A: "4", C: "3", D: [{ X: "1" }, { X: "2" }] });
    await cloud.vms.updateUserTemplate(alice, id, { READY: "YES" }, "replace");
    expect(await notes()).toEqual({ READY: "YES" });
    await expect(cloud.vms.updateUserTemplate(bob, id, { E: "6" }, "append")).rejects.toMatchObject({
      code: "forbidden",
    });
    expect(await notes()).toEqual({ READY: "YES" });
  });

  it("take what only administrators may set from nobody else, and keep what they set", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const id = await cloud.vms.allocate(alice, text('NAME = "a" A = "1"'), { hold: true });
    const notes = async () => (await cloud.vms.get(alice, id)).userTemplate;
    for (const [name, value] of [
      ["CPU_COST", "3"],
      ["NIC_DEFAULT", { BRIDGE: "br0" }],
    ] as const) {
      const refused = cloud.vms.updateUserTemplate(alice, id, { B: "2", [name]: value }, "append");
      await expect(refused, name).rejects.toMatchObject({ code: "forbidden" });
    }
    expect(await notes()).toEqual({ A: "1" });
    await cloud.vms.updateUserTemplate(SYSTEM, id, { CPU_COST: "3" }, "append");
    await cloud.vms.updateUserTemplate(alice, id, { A: "2", CPU_COST: "3" }, "append");
    expect(await notes()).toEqual({ A: "2", CPU_COST: "3" });
  });

  it("change only as whoever writes them agrees, told what was and what would be", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const id = await cloud.vms.allocate(alice, text('NAME = "a" A = "1"'), { hold: true });
    const seen: unknown[] = [];
    const becomes = (...templates: readonly unknown[]) => void seen.push(...templates);
    await cloud.vms.updateUserTemplate(alice, id, { B: "2" }, "append", { becomes });
    expect(seen).toEqual([{ A: "1" }, { A: "1", B: "2" }]);
    const refuses = () => {
      throw new GatehouseError("too_large", "no");
    };
    const refused = cloud.vms.updateUserTemplate(alice, id, { C: "3" }, "append", { becomes: refuses });
    await expect(refused).rejects.toMatchObject({ code: "too_large" });
    expect((await cloud.vms.get(alice, id)).userTemplate).toEqual({ A: "1", B: "2" });
  });

  it("are written only where the newest of them is as the writer names it", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const id = await cloud.vms.allocate(alice, text('NAME = "a" COUNT = "0" OLD = "1"'), { hold: true });
    const countIs = (count: string) => ({ precondition: (vm: Vm) => vm.userTemplate.COUNT === count });
    const raise = (from: number) =>
      cloud.vms.updateUserTemplate(alice, id, { COUNT: `${from + 1}` }, "append", countIs(`${from}`));
    const outcomes = await Promise.allSettled([raise(0), raise(0), raise(1), raise(0)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    const refused = cloud.vms.eraseUserAttribute(alice, id, ["OLD"], countIs("0"));
    await expect(refused).rejects.toMatchObject({ code: "precondition_failed" });
    await cloud.vms.eraseUserAttribute(alice, id, ["OLD"], countIs("2"));
    expect((await cloud.vms.get(alice, id)).userTemplate).toEqual({ COUNT: "2" });
  });

  it("lose single notes, whole or one inner attribute, and say when there is none", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const source = 'NAME = "a" A = "1" B = [ X = "1", Y = "2" ] C = [ X = "1" ] C = [ X = "2", Z = "3" ]';
    const id = await cloud.vms.allocate(alice, text(source), { hold: true });
    await cloud.vms.eraseUserAttribute(alice, id, ["A"]);
    await cloud.vms.eraseUserAttribute(alice, id, ["B", "X"]);
    await cloud.vms.eraseUserAttribute(alice, id, ["C", "X"]);
    const kept = { B: { Y: "2" }, C: [{}, { Z: "3" }] };
    expect((await cloud.vms.get(alice, id)).userTemplate).toEqual(kept);
    for (const path of [["A"], ["B", "X"], ["D", "X"]] as const) {
      await expect(cloud.vms.eraseUserAttribute(alice, id, path)).rejects.toMatchObject({
        code: "not_found",
      });
    }
    await expect(cloud.vms.eraseUserAttribute(bob, id, ["B"])).rejects.toMatchObject({ code: "forbidden" });
    expect((await cloud.vms.get(alice, id)).userTemplate).toEqual(kept);
  });

  it("keep snapshots, one of them active, while they run", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const id = await cloud.vms.allocate(alice, { NAME: "a" });
    await untilPhase(cloud, alice, id, "RUNNING");
    const first = await cloud.vms.createSnapshot(alice, id, "before");
    const second = await cloud.vms.createSnapshot(alice, id, "");
    expect(second).not.toBe(first);
    const shots = async () => (await cloud.vms.get(alice, id)).snapshots;
    expect(await shots()).toMatchObject([
      { id: first, name: "before", active: false },
      { id: second, active: true },
    ]);
    expect((await shots())[1]?.name).not.toBe("");
    await cloud.vms.revertSnapshot(alice, id, first);
    expect(await shots()).toMatchObject([{ active: true }, { active: false }]);
    await cloud.vms.deleteSnapshot(alice, id, first);
    expect(await shots()).toMatchObject([{ id: second }]);
    for (const gone of [
      cloud.vms.revertSnapshot(alice, id, first),
      cloud.vms.deleteSnapshot(alice, id, first),
    ])
      await expect(gone).rejects.toMatchObject({ code: "not_found" });

    await cloud.vms.act(alice, id, "poweroff");
    await untilPhase(cloud, alice, id, "POWEROFF");
    for (const late of [
      cloud.vms.createSnapshot(alice, id, "late"),
      cloud.vms.revertSnapshot(alice, id, second),
      cloud.vms.deleteSnapshot(alice, id, second),
    ]) {
      await expect(late).rejects.toMatchObject({ code: "wrong_state" });
    }
  });
}
