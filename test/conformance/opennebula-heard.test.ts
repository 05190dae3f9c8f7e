/** What others do at an OpenNebula is heard by its hooks alone: whoever listens here looks once, and never again. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import { HOST_STATE } from "../../shared/states/host.ts";
import { vmStateText } from "../../shared/states/vm.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { type HookedCore, serveHookedCore } from "../support/core-hooks.ts";
import { testCloud, vmInPhase } from "../support/embedded.ts";
import { remoteCloud } from "../support/opennebula.ts";

/** Beyond the end of every test. */
const NEVER_MS = 3_600_000;

describe("who hears the hooks of an OpenNebula", () => {
  let embedded: EmbeddedCloud;
  let core: HookedCore;
  /** Somebody else's way to the same core. */
  let other: Cloud;
  let events: CloudEvent[];
  let close: () => Promise<void>;

  beforeEach(async () => {
    const { cloud, store } = await testCloud();
    embedded = cloud;
    core = await serveHookedCore(embedded);
    const elsewhere = await remoteCloud(core);
    const listener = await remoteCloud(core, { hooks: core.hooks.endpoint, pollMs: NEVER_MS });
    other = elsewhere;
    events = [];
    listener.subscribe((event) => events.push(event));
    // One look when it begins to listen, which asks for windows beforehand, and one when it is connected.
    const calls = () => core.calls.filter((method) => method === "one.vrouterpool.info").length;
    await expect.poll(calls, { timeout: 30_000 }).toBe(3);
    await core.heard();
    close = async () => {
      for (const one of [listener, elsewhere, core, embedded, store]) await one.close();
    };
  });

  afterEach(async () => await close());

  /** What is told of one change. */
  async function told(change: () => Promise<unknown>): Promise<readonly CloudEvent[]> {
    const before = events.length;
    await change();
    await core.heard();
    return events.slice(before);
  }

  /** Of VMs: what each event says of one, and that it begins where the one before ended. */
  function life(id: number): readonly string[] {
    let last: unknown;
    return events.flatMap((event) => {
      if (!("vm" in event) || event.vm.id !== id) return [];
      expect(event.previous).toEqual(last);
      last = event.vm;
      return [`${event.kind} ${event.vm.name} ${vmStateText(event.vm.state, event.vm.lcmState)}`];
    });
  }

  it("is told of a VM's life from its making to its end", async () => {
    let id = -1;
    await told(async () => {
      id = await other.vms.allocate(SYSTEM, { NAME: "vm" }, { hold: true });
    });
    await told(() => other.vms.updateUserTemplate(SYSTEM, id, { READY: "YES" }, "append"));
    await told(() => other.vms.rename(SYSTEM, id, "renamed"));
    await told(async () => {
      await other.vms.act(SYSTEM, id, "release");
      await vmInPhase(embedded, SYSTEM, id, "RUNNING");
    });
    await told(async () => {
      await other.vms.act(SYSTEM, id, "terminate-hard");
      await vmInPhase(embedded, SYSTEM, id, "DONE");
    });
    const [first, updated, renamed, ...moves] = life(id);
    expect([first, updated, renamed]).toEqual([
      "vm_state vm HOLD",
      "vm_updated vm HOLD",
      "vm_updated renamed HOLD",
    ]);
    expect(moves).toContain("vm_state renamed RUNNING");
    expect(moves.at(-1)).toBe("vm_state renamed DONE");
  });

  it("is told of a document's making, its changes by whatever call, and its end", async () => {
    const { documents } = other;
    let id = -1;
    const make = async () => {
      id = await documents.allocate(SYSTEM, { type: 100, name: "service", body: { state: 1 } });
    };
    const changes = [
      make,
      () => documents.update(SYSTEM, id, { state: 2 }),
      () => documents.updateTemplate(SYSTEM, id, { NOTE: "x" }, "append"),
      () => documents.rename(SYSTEM, id, "renamed"),
      () => documents.chmod(SYSTEM, id, [1, 1, -1, 1, -1, -1, -1, -1, -1]),
      () => documents.delete(SYSTEM, id),
    ];
    let last: unknown;
    for (const change of changes) {
      const [event, ...more] = await told(change);
      expect(more).toEqual([]);
      expect(event).toMatchObject({ kind: "document_changed", id, previous: last });
      last = event?.kind === "document_changed" ? event.document : "another event";
    }
    expect(last).toBeUndefined();
  });

  it("is told of hosts that change their state", async () => {
    const [host] = await other.hosts.list(SYSTEM);
    const id = host?.id ?? -1;
    expect(await told(() => other.hosts.setState(SYSTEM, id, "disabled"))).toMatchObject([
      { kind: "host_state", host: { id, state: HOST_STATE.DISABLED } },
    ]);
    expect(await told(() => other.hosts.setState(SYSTEM, id, "enabled"))).toMatchObject([
      { kind: "host_state", host: { id, state: HOST_STATE.MONITORED } },
    ]);
  });

  it("is told of networks and routers that others make, change and end", async () => {
    const { networks, routers } = other;
    const range = 'AR = [ TYPE = "IP4", IP = "10.9.0.1", SIZE = "100" ]';
    const text = parseTemplate(`NAME = "n" BRIDGE = "b" VN_MAD = "dummy" ${range}`);
    let [network, router] = [-1, -1];
    const changes: readonly (readonly [() => Promise<unknown>, string])[] = [
      [async () => (network = await networks.allocate(SYSTEM, text)), "network_changed n"],
      [() => networks.rename(SYSTEM, network, "m"), "network_changed m"],
      [() => networks.hold(SYSTEM, network, { ip: "10.9.0.5" }), "network_changed m"],
      [() => networks.release(SYSTEM, network, { ip: "10.9.0.5" }), "network_changed m"],
      [() => networks.delete(SYSTEM, network), "network_changed nothing"],
      [async () => (router = await routers.allocate(SYSTEM, { NAME: "r" })), "router_changed r"],
      [() => routers.rename(SYSTEM, router, "s"), "router_changed s"],
      [() => routers.delete(SYSTEM, router), "router_changed nothing"],
    ];
    for (const [change, what] of changes) expect((await told(change)).map(named)).toEqual([what]);
  });
});

function named(event: CloudEvent): string {
  if (event.kind === "network_changed") return `${event.kind} ${event.network?.name ?? "nothing"}`;
  if (event.kind === "router_changed") return `${event.kind} ${event.router?.name ?? "nothing"}`;
  return event.kind;
}
