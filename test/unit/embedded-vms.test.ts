import { describe, expect, it } from "vitest";
import { SYSTEM, type VmAction } from "../../gateway/cloud/cloud.ts";
import { stringOf, vectorOf, vectorsOf } from "../../shared/template/types.ts";
import { makeUser, testCloud, text, vmInPhase } from "../support/embedded.ts";

const NETWORK = `NAME = "private" VN_MAD = "dummy" BRIDGE = "br0" NETWORK_ADDRESS = "10.0.0.0" NETWORK_MASK = "255.255.255.0"
  GATEWAY = "10.0.0.1" DNS = "10.0.0.2" AR = [ TYPE = "IP4", IP = "10.0.0.10", SIZE = "3" ]`;
const VM = `NAME = "web" CPU = "0.1" MEMORY = "64" NIC = [ NETWORK = "private" ]
  CONTEXT = [ NETWORK = "YES", TOKEN = "YES", GREETING = "I am $NAME" ] COLOUR = "blue"`;

async function cloudWithNetwork() {
  const { cloud, store } = await testCloud();
  const networkId = await cloud.networks.allocate(SYSTEM, text(NETWORK));
  const leases = async () =>
    [...(await cloud.networks.detail(SYSTEM, networkId)).leases.values()]
      .flat()
      .map((lease) => lease.holder.id);
  return { cloud, store, networkId, leases };
}

describe("VMs of the embedded cloud", () => {
  it("boot by themselves, with a lease, a completed context and their notes apart", async () => {
    const { cloud, leases } = await cloudWithNetwork();
    const id = await cloud.vms.allocate(SYSTEM, text(VM));
    const vm = await vmInPhase(cloud, SYSTEM, id, "RUNNING");

    expect(vm.name).toBe("web");
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
    expect(vectorOf(vm.template, "CONTEXT")).toMatchObject({
      GREETING: "I am web",
      ETH0_IP: "10.0.0.10",
      ETH0_GATEWAY: "10.0.0.1",
      VMID: String(id),
      ONEGATE_ENDPOINT: "http://127.0.0.1:5030",
    });
    expect(stringOf(vm.template, "CREATED_BY")).toBe("0");
    expect(vm.history).toMatchObject([{ seq: 0, hostName: "host0", vmMad: "dummy", etime: 0 }]);
    expect(await leases()).toEqual([id]);
  });

  it("hold until they are released", async () => {
    const { cloud } = await cloudWithNetwork();
    const id = await cloud.vms.allocate(SYSTEM, text(VM), { hold: true });
    expect(await vmInPhase(cloud, SYSTEM, id, "HOLD")).toMatchObject({ history: [] });
    await cloud.vms.act(SYSTEM, id, "release");
    await vmInPhase(cloud, SYSTEM, id, "RUNNING");
  });

  it.each<readonly [VmAction, string, string]>([
    ["suspend", "SUSPENDED", "RUNNING"],
    ["stop", "STOPPED", "RUNNING"],
    ["poweroff", "POWEROFF", "RUNNING"],
    ["poweroff-hard", "POWEROFF", "RUNNING"],
    ["undeploy", "UNDEPLOYED", "RUNNING"],
    ["undeploy-hard", "UNDEPLOYED", "RUNNING"],
  ])("%s leads to %s, keeps the lease, and resume leads back", async (action, rest, back) => {
    const { cloud, leases } = await cloudWithNetwork();
    const id = await cloud.vms.allocate(SYSTEM, text(VM));
    await vmInPhase(cloud, SYSTEM, id, "RUNNING");
    await cloud.vms.act(SYSTEM, id, action);
    await vmInPhase(cloud, SYSTEM, id, rest);
    expect(await leases()).toEqual([id]);
    await cloud.vms.act(SYSTEM, id, "resume");
    await vmInPhase(cloud, SYSTEM, id, back);
  });

  it.each<VmAction>(["terminate", "terminate-hard"])(
    "%s ends them and gives their addresses back",
    async (action) => {
      const { cloud, leases } = await cloudWithNetwork();
      const id = await cloud.vms.allocate(SYSTEM, text(VM));
      await vmInPhase(cloud, SYSTEM, id, "RUNNING");
      await cloud.vms.act(SYSTEM, id, action);
      const vm = await vmInPhase(cloud, SYSTEM, id, "DONE");
      expect(vm.etime).toBeGreaterThan(0);
      expect(await leases()).toEqual([]);
    },
  );

  it("refuse an action in the wrong state, with the state and what is allowed", async () => {
    const { cloud } = await cloudWithNetwork();
    const id = await cloud.vms.allocate(SYSTEM, text(VM));
    await vmInPhase(cloud, SYSTEM, id, "RUNNING");
    await expect(cloud.vms.act(SYSTEM, id, "hold")).rejects.toMatchObject({
      code: "wrong_state",
      message:
        'Error performing action "hold": This action is not available for state RUNNING (only for PENDING).',
    });
  });

  it("are refused when no address is free, and nothing is half made", async () => {
    const { cloud, leases } = await cloudWithNetwork();
    for (let count = 0; count < 3; count += 1) await cloud.vms.allocate(SYSTEM, text(VM));
    await expect(cloud.vms.allocate(SYSTEM, text(VM))).rejects.toMatchObject({ code: "conflict" });
    expect(await cloud.vms.list(SYSTEM)).toHaveLength(3);
    expect(await leases()).toHaveLength(3);
  });

  it("take a wanted address, once", async () => {
    const { cloud } = await cloudWithNetwork();
    const wanted = text(`NAME = "a" NIC = [ NETWORK = "private", IP = "10.0.0.12" ]`);
    const id = await cloud.vms.allocate(SYSTEM, wanted);
    expect(vectorsOf((await cloud.vms.get(SYSTEM, id)).template, "NIC")).toMatchObject([{ IP: "10.0.0.12" }]);
    await expect(cloud.vms.allocate(SYSTEM, wanted)).rejects.toMatchObject({ code: "conflict" });
  });

  it("get and lose interfaces while they run, aliases with their parent, and the context follows", async () => {
    const { cloud, leases } = await cloudWithNetwork();
    const id = await cloud.vms.allocate(SYSTEM, text(VM));
    await vmInPhase(cloud, SYSTEM, id, "RUNNING");
    const nicId = await cloud.vms.attachNic(
      SYSTEM,
      id,
      text('NIC = [ NETWORK = "private", NAME = "second" ]'),
    );
    await cloud.vms.attachNic(SYSTEM, id, text('NIC_ALIAS = [ NETWORK = "private", PARENT = "second" ]'));
    expect(await leases()).toEqual([id, id, id]);
    const vm = await cloud.vms.get(SYSTEM, id);
    expect(vectorsOf(vm.template, "NIC")).toMatchObject([{ NIC_ID: "0" }, { NIC_ID: "1", NAME: "second" }]);
    expect(vectorsOf(vm.template, "NIC_ALIAS")).toMatchObject([
      { PARENT: "second", PARENT_ID: "1", IP: "10.0.0.12" },
    ]);
    expect(vectorOf(vm.template, "CONTEXT")).toMatchObject({ ETH1_IP: "10.0.0.11" });

    await cloud.vms.detachNic(SYSTEM, id, nicId);
    expect(await leases()).toEqual([id]);
    expect(vectorOf((await cloud.vms.get(SYSTEM, id)).template, "CONTEXT")?.ETH1_IP).toBeUndefined();
    await expect(cloud.vms.detachNic(SYSTEM, id, nicId)).rejects.toMatchObject({ code: "not_found" });
  });

  it("belong to who made them: others see nothing, and chmod opens them bit by bit", async () => {
    const { cloud } = await testCloud();
    const alice = await makeUser(cloud, SYSTEM, "alice");
    const bob = await makeUser(cloud, SYSTEM, "bob");
    const id = await cloud.vms.allocate(alice, text('NAME = "mine"'));
    await expect(cloud.vms.get(bob, id)).rejects.toMatchObject({
      code: "forbidden",
      message: `User [${bob.uid}] : Not authorized to perform USE VM [${id}].`,
    });
    expect(await cloud.vms.list(bob)).toEqual([]);
    await cloud.vms.chmod(alice, id, [-1, -1, -1, 1, -1, -1, -1, -1, -1]);
    expect((await cloud.vms.get(bob, id)).mode).toBe(0o640);
    await expect(cloud.vms.updateUserTemplate(bob, id, { A: "1" }, "append")).rejects.toMatchObject({
      code: "forbidden",
    });
    await expect(cloud.vms.act(alice, id, "resched")).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.vms.chown(alice, id, { uid: bob.uid })).rejects.toMatchObject({ code: "forbidden" });
    await cloud.vms.chown(SYSTEM, id, { uid: bob.uid });
    expect(await cloud.vms.get(bob, id)).toMatchObject({ uname: "bob" });
  });

  it("cannot claim to be made by someone else, or from another's template", async () => {
    const { cloud } = await testCloud();
    const alice = await makeUser(cloud, SYSTEM, "alice");
    const forged = text('NAME = "forged" CREATED_BY = "0" TEMPLATE_UID = "0" VMID = "99"');
    const id = await cloud.vms.allocate(alice, forged);
    const { template, userTemplate } = await cloud.vms.get(alice, id);
    expect(template).toMatchObject({ CREATED_BY: String(alice.uid), VMID: String(id) });
    expect(template.TEMPLATE_UID).toBeUndefined();
    expect(userTemplate).toEqual({});
  });

  it("go on where they were when the house stopped in the middle", async () => {
    const { store, cloud } = await testCloud();
    const held: (() => void)[] = [];
    const id = await cloud.vms.allocate(SYSTEM, text('NAME = "a"'), { hold: true });
    cloud.subscribe((event) => {
      if (event.kind === "vm_state" && event.vm.lcmState === 2) held.push(() => undefined);
    });
    await cloud.close();
    // PENDING in the store, and nobody at work: a new life over the same store must place and boot it.
    await cloud.vms.act(SYSTEM, id, "release");
    const next = await testCloud({ store });
    await vmInPhase(next.cloud, SYSTEM, id, "RUNNING");
  });

  it("keep snapshots as records where a driver has none", async () => {
    const { cloud } = await testCloud();
    const id = await cloud.vms.allocate(SYSTEM, text('NAME = "a"'));
    await vmInPhase(cloud, SYSTEM, id, "RUNNING");
    expect(await cloud.vms.createSnapshot(SYSTEM, id, "before")).toBe(0);
    expect(await cloud.vms.createSnapshot(SYSTEM, id, "")).toBe(1);
    await cloud.vms.revertSnapshot(SYSTEM, id, 0);
    expect((await cloud.vms.get(SYSTEM, id)).snapshots).toMatchObject([
      { name: "before", active: true },
      { active: false },
    ]);
    await cloud.vms.deleteSnapshot(SYSTEM, id, 0);
    await expect(cloud.vms.revertSnapshot(SYSTEM, id, 0)).rejects.toMatchObject({ code: "not_found" });
  });
});
