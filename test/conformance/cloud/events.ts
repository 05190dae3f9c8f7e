/** Events: each change of an object once, in order, each beginning where the one before ended, and never before it can be read. */

import { expect, it } from "vitest";
import type { CloudEvent } from "../../../gateway/cloud/event.ts";
import type { Network, Vm } from "../../../gateway/cloud/model.ts";
import { HOST_STATE } from "../../../shared/states/host.ts";
import { type CloudUnderTest, phase, recordEvents, setAllHosts, text, untilPhase } from "./setup.ts";

type VmEvent = Extract<CloudEvent, { readonly vm: Vm }>;

function ofVm(events: readonly CloudEvent[], id: number): readonly VmEvent[] {
  return events.filter((event): event is VmEvent => "vm" in event && event.vm.id === id);
}

function ofKind<K extends CloudEvent["kind"]>(
  events: readonly CloudEvent[],
  kind: K,
): readonly Extract<CloudEvent, { kind: K }>[] {
  return events.filter((event): event is Extract<CloudEvent, { kind: K }> => event.kind === kind);
}

/** The first made it, and each begins where the one before ended. */
function expectNoGap(told: readonly { readonly now: unknown; readonly previous: unknown }[]): void {
  const before = told.map((_, index) => (index === 0 ? undefined : told[index - 1]?.now));
  expect(told.map(({ previous }) => previous)).toEqual(before);
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
    const waitedFor = ["RUNNING", "SUSPENDED", "RUNNING", "DONE"];
    const atRest = current().seesAllMoves === false ? waitedFor : ["PENDING", ...waitedFor];
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
    expect(events.at(-1)).toMatchObject({ kind: "network_changed", id: networkId, previous: undefined });
  });

  it("tell of a document's making, its changes by whatever call, and its end, without a gap", async () => {
    const { cloud, user } = current();
    const alice = await user("alice");
    const events = recordEvents(cloud);
    const { documents } = cloud;
    const id = await documents.allocate(alice, { type: 100, name: "service", body: { state: 1 } });
    await documents.update(alice, id, { state: 2 });
    await documents.updateTemplate(alice, id, { NOTE: "x" }, "append");
    await documents.rename(alice, id, "renamed");
    await documents.chmod(alice, id, [1, 1, -1, 1, -1, -1, -1, -1, -1]);
    const last = await documents.get(alice, id);
    await documents.delete(alice, id);

    const told = ofKind(events, "document_changed").filter((event) => event.id === id);
    expect(told).toHaveLength(6);
    expectNoGap(told.map(({ document, previous }) => ({ now: document, previous })));
    expect(told.at(-1)).toMatchObject({ document: undefined, previous: last });
  });

  it("tell of routers, also of those whose VMs change", async () => {
    const { cloud, admin } = current();
    const events = recordEvents(cloud);
    const templateId = await cloud.templates.allocate(admin, { NAME: "t" });
    const id = await cloud.routers.allocate(admin, { NAME: "router" });
    const [vmId = -1] = await cloud.routers.instantiate(admin, id, { count: 1, templateId, hold: true });
    await cloud.vms.act(admin, vmId, "terminate-hard");
    await untilPhase(cloud, admin, vmId, "DONE");
    await cloud.routers.delete(admin, id);

    const told = ofKind(events, "router_changed").filter((event) => event.id === id);
    expect(told.map(({ router }) => router?.vmIds)).toEqual([[], [vmId], [], undefined]);
    expectNoGap(told.map(({ router, previous }) => ({ now: router, previous })));
  });

  it("tell of a network whose template or leases change, once for each change", async () => {
    const { cloud, admin } = current();
    const range = 'AR = [ TYPE = "IP4", IP = "10.9.0.1", SIZE = "100" ]';
    const id = await cloud.networks.allocate(
      admin,
      text(`NAME = "n" BRIDGE = "b" VN_MAD = "dummy" ${range}`),
    );
    const told: string[] = [];
    const of = (network: Network | undefined) => network?.name ?? "nothing";
    cloud.subscribe((event) => {
      if (event.kind === "network_changed" && event.id === id)
        told.push(`${of(event.previous)} to ${of(event.network)}`);
    });
    await cloud.networks.rename(admin, id, "m");
    await cloud.networks.hold(admin, id, { ip: "10.9.0.5" });
    await cloud.networks.release(admin, id, { ip: "10.9.0.5" });
    const reserved = await cloud.networks.reserve(admin, id, { name: "part", size: 10 });
    await cloud.networks.delete(admin, reserved);
    await cloud.networks.delete(admin, id);
    expect(told).toEqual(["n to m", "m to m", "m to m", "m to m", "m to m", "m to nothing"]);
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
