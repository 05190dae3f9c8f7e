/** Every action in every phase at rest: where it leads, or that it is refused and changes nothing. */

import { expect, it } from "vitest";
import { VM_ACTIONS, type VmAction } from "../../../gateway/cloud/pools/vm-pool.ts";
import { type CloudUnderTest, phase, setAllHosts, text, untilPhase } from "./setup.ts";

/** How a new VM gets to each phase at rest. PENDING rests only while no host takes it. */
const WAYS = {
  PENDING: { hold: false, actions: [] },
  HOLD: { hold: true, actions: [] },
  RUNNING: { hold: false, actions: [] },
  POWEROFF: { hold: false, actions: ["poweroff"] },
  SUSPENDED: { hold: false, actions: ["suspend"] },
  STOPPED: { hold: false, actions: ["stop"] },
  UNDEPLOYED: { hold: false, actions: ["undeploy"] },
  DONE: { hold: false, actions: ["terminate"] },
} as const satisfies Record<string, { hold: boolean; actions: readonly VmAction[] }>;

type RestingPhase = keyof typeof WAYS;

const ALL_BUT_DONE = {
  PENDING: "DONE",
  HOLD: "DONE",
  RUNNING: "DONE",
  POWEROFF: "DONE",
  SUSPENDED: "DONE",
  STOPPED: "DONE",
  UNDEPLOYED: "DONE",
} as const;

/** Where each action comes to rest, by where it began; what is not named is refused (seed 003; core-xmlrpc.md 2). */
const OUTCOMES: Readonly<Record<VmAction, { readonly [from in RestingPhase]?: RestingPhase }>> = {
  terminate: ALL_BUT_DONE,
  "terminate-hard": ALL_BUT_DONE,
  undeploy: { RUNNING: "UNDEPLOYED", POWEROFF: "UNDEPLOYED" },
  "undeploy-hard": { RUNNING: "UNDEPLOYED", POWEROFF: "UNDEPLOYED" },
  poweroff: { RUNNING: "POWEROFF" },
  "poweroff-hard": { RUNNING: "POWEROFF" },
  reboot: { RUNNING: "RUNNING" },
  "reboot-hard": { RUNNING: "RUNNING" },
  hold: { PENDING: "HOLD" },
  release: { HOLD: "RUNNING" },
  stop: { RUNNING: "STOPPED", SUSPENDED: "STOPPED" },
  suspend: { RUNNING: "SUSPENDED" },
  resume: { POWEROFF: "RUNNING", SUSPENDED: "RUNNING", STOPPED: "RUNNING", UNDEPLOYED: "RUNNING" },
  resched: { RUNNING: "RUNNING", POWEROFF: "POWEROFF" },
  unresched: { RUNNING: "RUNNING", POWEROFF: "POWEROFF" },
};

async function vmAtRest(house: CloudUnderTest, from: RestingPhase): Promise<number> {
  const { cloud, admin } = house;
  const { hold, actions } = WAYS[from];
  const id = await cloud.vms.allocate(admin, { NAME: "vm", CPU: "0.1" }, { hold });
  if (actions.length > 0) await untilPhase(cloud, admin, id, "RUNNING");
  for (const action of actions) await cloud.vms.act(admin, id, action);
  await untilPhase(cloud, admin, id, from);
  return id;
}

export function vmActionTests(current: () => CloudUnderTest): void {
  const phases = Object.keys(WAYS) as RestingPhase[];

  it.each(phases)("in %s lead where OpenNebula's lead, or are refused with the phase", async (from) => {
    const { cloud, admin } = current();
    if (from === "PENDING") await setAllHosts(current(), "disabled");
    for (const action of VM_ACTIONS) {
      const id = await vmAtRest(current(), from);
      const to = OUTCOMES[action][from];
      const acted = cloud.vms.act(admin, id, action);
      if (to === undefined) {
        await expect(acted, action).rejects.toMatchObject({ code: "wrong_state" });
        await expect(acted, action).rejects.toThrow(from);
        expect(phase(await cloud.vms.get(admin, id)), action).toBe(from);
      } else {
        await acted;
        const rested = await untilPhase(cloud, admin, id, to);
        expect(rested.etime > 0, action).toBe(to === "DONE");
      }
    }
  });

  it("take MANAGE, and to mark for rescheduling ADMIN", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.vms.allocate(alice, { NAME: "hers" });
    await untilPhase(cloud, alice, id, "RUNNING");
    await cloud.vms.chmod(alice, id, [-1, -1, -1, 1, 0, 0, 0, 0, 0]);
    for (const action of VM_ACTIONS) {
      const right = action.endsWith("resched") ? "ADMIN" : "MANAGE";
      await expect(cloud.vms.act(bob, id, action), action).rejects.toMatchObject({
        code: "forbidden",
        message: `User [${bob.uid}] : Not authorized to perform ${right} VM [${id}].`,
      });
      await expect(cloud.vms.act(bob, 999_999, action), action).rejects.toMatchObject({ code: "not_found" });
    }
    await expect(cloud.vms.act(alice, id, "resched")).rejects.toMatchObject({ code: "forbidden" });
    await cloud.vms.act(admin, id, "resched");
    expect(await cloud.vms.get(alice, id)).toMatchObject({ resched: true });
    await cloud.vms.act(admin, id, "unresched");
    expect(await cloud.vms.get(alice, id)).toMatchObject({ resched: false });
    await cloud.vms.act(alice, id, "poweroff");
    await untilPhase(cloud, alice, id, "POWEROFF");
  });

  it("are recovered from by administrators: delete ends a VM, retry is for one that failed", async () => {
    const { cloud, admin, user } = current();
    const alice = await user("alice");
    const id = await cloud.vms.allocate(alice, { NAME: "vm" });
    await untilPhase(cloud, alice, id, "RUNNING");
    await expect(cloud.vms.recover(alice, id, "delete")).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.vms.recover(admin, id, "retry")).rejects.toMatchObject({ code: "wrong_state" });
    expect(phase(await cloud.vms.get(alice, id))).toBe("RUNNING");
    await cloud.vms.recover(admin, id, "delete");
    await untilPhase(cloud, alice, id, "DONE");
    await expect(cloud.vms.recover(admin, id, "delete")).rejects.toMatchObject({ code: "wrong_state" });
  });

  it("write a history: one record a stay, ended when the VM leaves the host", async () => {
    const { cloud, admin } = current();
    const id = await vmAtRest(current(), "UNDEPLOYED");
    expect((await cloud.vms.get(admin, id)).history).toMatchObject([{ seq: 0, uid: admin.uid }]);
    await cloud.vms.act(admin, id, "resume");
    const back = await untilPhase(cloud, admin, id, "RUNNING");
    expect(back.history).toMatchObject([{ seq: 0 }, { seq: 1, etime: 0 }]);
    expect(back.history[0]?.etime).toBeGreaterThan(0);
    await cloud.vms.act(admin, id, "suspend");
    await untilPhase(cloud, admin, id, "SUSPENDED");
    await cloud.vms.act(admin, id, "resume");
    expect((await untilPhase(cloud, admin, id, "RUNNING")).history).toHaveLength(2);
  });

  it("keep the VM's addresses until it is DONE", async () => {
    const { cloud, admin } = current();
    const range = 'AR = [ TYPE = "IP4", IP = "10.0.0.1", SIZE = "9" ]';
    const networkId = await cloud.networks.allocate(
      admin,
      text(`NAME = "n" VN_MAD = "dummy" BRIDGE = "b" ${range}`),
    );
    const id = await cloud.vms.allocate(admin, { NAME: "vm", NIC: { NETWORK_ID: String(networkId) } });
    const used = async () =>
      [...(await cloud.networks.detail(admin, networkId)).leases.values()].flat().length;
    await untilPhase(cloud, admin, id, "RUNNING");
    for (const [action, rest] of [
      ["suspend", "SUSPENDED"],
      ["stop", "STOPPED"],
      ["resume", "RUNNING"],
      ["undeploy", "UNDEPLOYED"],
      ["resume", "RUNNING"],
      ["poweroff", "POWEROFF"],
    ] as const) {
      await cloud.vms.act(admin, id, action);
      await untilPhase(cloud, admin, id, rest);
      expect(await used(), rest).toBe(1);
    }
    await cloud.vms.act(admin, id, "terminate");
    await untilPhase(cloud, admin, id, "DONE");
    expect(await used()).toBe(0);
  });
}
