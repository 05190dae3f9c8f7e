/** Events: each change of a VM once, in order, each beginning where the one before ended, and never before it can be read. */

import { expect, it } from "vitest";
import type { CloudEvent } from "../../../gateway/cloud/cloud.ts";
import type { Vm } from "../../../gateway/cloud/model.ts";
import { HOST_STATE } from "../../../shared/states/host.ts";
import { type CloudUnderTest, phase, recordEvents, setAllHosts, text, untilPhase } from "./setup.ts";

type VmEvent = Extract<CloudEvent, { readonly vm: Vm }>;

function ofVm(events: readonly CloudEvent[], id: number): readonly VmEvent[] {
  return events.filter((event): event is VmEvent => "vm" in event && event.vm.id === id);
}

const isMove = ({ kind }: VmEvent) => kind === "vm_state";

export function eventTests(current: () => CloudUnderTest): void {
  it("tell a VM's life from its making to its end, without a gap", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const events = recordEvents(cloud);
    const id = await cloud.vms.allocate(alice, { NAME: "vm" });
    await untilPhase(cloud, alice, id, "RUNNING");
    await cloud.vms.updateUserTemplate(alice, id, { READY: "YES" }, "append");
    await cloud.vms.rename(alice, id, "renamed");
    await cloud.vms.act(alice, id, "suspend");
    await untilPhase(cloud, alice, id, "SUSPENDED");
    await cloud.vms.act(alice, id, "resume");
    await untilPhase(cloud, alice, id, "RUNNING");
    await cloud.vms.act(alice, id, "terminate");
    await untilPhase(cloud, alice, id, "DONE");

    const told = ofVm(events, id);
    expect(told[0]?.previous).toBeUndefined();
    for (const [index, event] of told.entries()) {
      if (index === 0) continue;
      expect(event.previous, `before event ${index}`).toEqual(told[index - 1]?.vm);
      expect(event.vm.version).toBeGreaterThan(event.previous?.version ?? 0);
      const moved = event.previous !== undefined && phase(event.previous) !== phase(event.vm);
      expect(isMove(event), `event ${index} is ${event.kind}`).toBe(moved);
    }
    const moves = told.filter(isMove).map(({ vm }) => phase(vm));
    const atRest = ["PENDING", "RUNNING", "SUSPENDED", "RUNNING", "DONE"];
    expect(moves.filter((name) => atRest.includes(name))).toEqual(atRest);
    expect(told.at(-1)?.vm).toEqual(await cloud.vms.get(alice, id));
  });

  it("come when what they tell can be read, and before the caller goes on", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const late: string[] = [];
    cloud.subscribe((event) => {
      if (!("vm" in event)) return;
      const readable = cloud.vms.peek(alice, event.vm.id);
      if (readable !== undefined && readable.version < event.vm.version) late.push(phase(event.vm));
    });
    const events = recordEvents(cloud);
    const id = await cloud.vms.allocate(alice, { NAME: "vm" }, { hold: true });
    expect(ofVm(events, id).map(({ vm }) => phase(vm))).toEqual(["HOLD"]);
    await cloud.vms.updateUserTemplate(alice, id, { A: "1" }, "append");
    expect(ofVm(events, id).at(-1)).toMatchObject({ kind: "vm_updated", vm: { userTemplate: { A: "1" } } });
    await cloud.vms.act(alice, id, "release");
    await untilPhase(cloud, alice, id, "RUNNING");
    expect(late).toEqual([]);
  });

  it("tell nothing of what was refused", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const bob = await user("bob");
    const id = await cloud.vms.allocate(alice, { NAME: "vm" }, { hold: true });
    const events = recordEvents(cloud);
    for (const refused of [
      cloud.vms.allocate(alice, text('NAME = "a" NIC = [ NETWORK = "nowhere" ]')),
      cloud.vms.act(alice, id, "suspend"),
      cloud.vms.act(bob, id, "release"),
      cloud.vms.updateUserTemplate(bob, id, { A: "1" }, "append"),
      cloud.vms.eraseUserAttribute(alice, id, ["NONE"]),
    ]) {
      await expect(refused).rejects.toThrow();
    }
    expect(events).toEqual([]);
  });

  it("tell of hosts that change their state, and of networks that are made", async () => {
    const { cloud, admin } = current();
    const events = recordEvents(cloud);
    const [hostId = -1] = await setAllHosts(current(), "disabled");
    await setAllHosts(current(), "enabled");
    const told = events.flatMap((event) =>
      event.kind === "host_state" && event.host.id === hostId ? [event.host.state] : [],
    );
    expect(told).toEqual([HOST_STATE.DISABLED, HOST_STATE.MONITORED]);
    const networkId = await cloud.networks.allocate(admin, text('NAME = "n" BRIDGE = "b" VN_MAD = "dummy"'));
    expect(events.at(-1)).toMatchObject({ kind: "network_state", network: { id: networkId } });
  });

  it("reach every listener until it unsubscribes", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const left: CloudEvent[] = [];
    const stayed: CloudEvent[] = [];
    const unsubscribe = cloud.subscribe((event) => left.push(event));
    cloud.subscribe((event) => stayed.push(event));
    await cloud.vms.allocate(alice, { NAME: "first" }, { hold: true });
    unsubscribe();
    await cloud.vms.allocate(alice, { NAME: "second" }, { hold: true });
    expect([left.length, stayed.length]).toEqual([1, 2]);
  });
}
