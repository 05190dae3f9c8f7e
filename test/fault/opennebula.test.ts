import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import type { OpenNebulaCloud } from "../../gateway/cloud/opennebula/opennebula-cloud.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { vectorsOf } from "../../shared/template/types.ts";
import { makeUser, testCloud, vmInPhase } from "../support/embedded.ts";
import { type FaultyCore, startFaultyCore } from "../support/faulty-core.ts";
import { type RemoteCloudOptions, remoteCloud, type ServedCore, serveCore } from "../support/opennebula.ts";

const INSTANTIATE = "one.template.instantiate";
/** No other time of the house's is as long. */
const TIMEOUT_MS = 250;
const OF_SERVICE = { SERVICE_ID: "7", ROLE_NAME: "front" };

let embedded: EmbeddedCloud;
let served: ServedCore;
let core: FaultyCore;
let cloud: OpenNebulaCloud;
let alice: Actor;
let templateId: number;
const opened: OpenNebulaCloud[] = [];

async function open(options: RemoteCloudOptions = {}): Promise<OpenNebulaCloud> {
  const times = { timeoutMs: TIMEOUT_MS, settleMs: 300, cacheMs: 0 };
  const remote = await remoteCloud(core, { ...times, clock: patientClock(), ...options });
  opened.push(remote);
  return remote;
}

/** A call is out of time only while the core leaves one unanswered: a slow machine is no silent core. */
function patientClock(): Clock {
  const outOfTime = (work: () => void): (() => void) => {
    let cancel = () => {};
    const look = () => {
      cancel = systemClock.after(TIMEOUT_MS, () => (core.unanswered() > 0 ? work() : look()));
    };
    look();
    return () => cancel();
  };
  return {
    ...systemClock,
    after: (delayMs, work) => (delayMs === TIMEOUT_MS ? outOfTime(work) : systemClock.after(delayMs, work)),
  };
}

beforeEach(async () => {
  ({ cloud: embedded } = await testCloud());
  served = await serveCore(embedded);
  core = await startFaultyCore(served);
  alice = await makeUser(embedded, SYSTEM, "alice");
  templateId = await embedded.templates.allocate(alice, { NAME: "t", CPU: "0.1", MEMORY: "64" });
  cloud = await open();
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await core.close();
  await served.close();
  await embedded.close();
});

const vmsOf = async () => (await embedded.vms.list(SYSTEM)).map(({ id }) => id);
const instantiate = (name = "front_0") =>
  cloud.templates.instantiate(alice, templateId, { name, extra: OF_SERVICE, hold: true });

/** Tries until the core is asked again. */
async function onceBack<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      expect(error).toMatchObject({ code: "unavailable" });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

describe("a core that fails while it is read", () => {
  it.each([
    ["silent", "nobody answered within 0.25 s"],
    ["cut", "the connection was cut"],
    ["half", "the connection was cut"],
    ["garbage", "not in the form"],
    ["http_500", "HTTP 500"],
    ["endless", "larger than|within 0.25 s"],
  ] as const)("%s is unavailable, with the reason, and is asked again", async (fault, reason) => {
    const id = await instantiate();
    // Over an idle connection that is cut, a read is tried again.
    core.fail(fault, fault === "cut" || fault === "half" ? 2 : 1, "one.vm.info");
    const failed = cloud.vms.get(alice, id);
    await expect(failed).rejects.toMatchObject({ code: "unavailable" });
    await expect(failed).rejects.toThrow(new RegExp(reason));
    expect(await cloud.vms.get(alice, id)).toMatchObject({ id, name: "front_0" });
  });

  it.each([
    ["is cut off", (answer: string) => answer.replaceAll("&lt;/VM&gt;", "")],
    ["is empty", (answer: string) => answer.replace(/<string>[\s\S]*?<\/string>/, "<string></string>")],
    ["is another's", (answer: string) => answer.replace(/ID&gt;\d+/, "ID&gt;4711")],
    ["is deeper than any", (answer: string) => answer.replace("&lt;TEMPLATE", "&lt;a&gt;".repeat(100))],
  ])("is unavailable when the XML in its answer %s, and it is not the caller's fault", async (_, change) => {
    const id = await instantiate();
    core.rewrite(change);
    await expect(cloud.vms.get(alice, id)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/did not answer one\.vm\.info|answered with 4711/),
    });
  });

  it("is not asked by everybody while it is away, and is found again", async () => {
    let standsAt: number | undefined;
    const clock = { ...patientClock(), elapsed: () => standsAt ?? systemClock.elapsed() };
    cloud = await open({ clock });
    const id = await instantiate();
    await core.stop();
    standsAt = clock.elapsed();
    for (let count = 0; count < 5; count += 1) {
      await expect(cloud.vms.get(alice, id)).rejects.toMatchObject({ code: "unavailable" });
    }
    await expect(cloud.vms.get(alice, id)).rejects.toThrow("asked again in a moment");
    await core.start();
    standsAt = undefined;
    expect((await onceBack(() => cloud.vms.get(alice, id))).id).toBe(id);
    expect(core.calls.filter((method) => method === "one.vm.info").length).toBeLessThan(6);
  });

  it("has no more calls to work on at a time than was agreed", async () => {
    const few = await open({ maxCalls: 2 });
    const asked = await Promise.all(Array.from({ length: 20 }, (_, uid) => few.users.actor(uid)));
    expect(asked[alice.uid]).toEqual(alice);
    expect(core.peak()).toBe(2);
  });

  it("never says that nobody is there, nor that a password is wrong", async () => {
    await core.stop();
    await expect(cloud.users.actor(alice.uid)).rejects.toMatchObject({ code: "unavailable" });
    await expect(cloud.users.authenticate("alice", "alicepw")).rejects.toMatchObject({ code: "unavailable" });
    await expect(cloud.users.named("alice")).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is read again over a new connection when it had closed the idle one", async () => {
    const id = await instantiate();
    await cloud.vms.get(alice, id);
    await core.stop();
    await core.start();
    expect(await cloud.vms.get(alice, id)).toMatchObject({ id });
  });
});

describe("a core that does not know the house's server", () => {
  it("is unavailable, and no user is told that it is them", async () => {
    await embedded.users.setPassword(SYSTEM, (await embedded.users.named("serveradmin"))?.id ?? -1, "other");
    const failed = cloud.vms.list(SYSTEM);
    await expect(failed).rejects.toMatchObject({ code: "unavailable" });
    await expect(failed).rejects.toThrow("auth_file");
    await expect(cloud.users.named("alice")).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("a VM whose making was not answered", () => {
  it.each(["done_and_cut", "half"] as const)("%s: is found by name, service and role", async (fault) => {
    core.fail(fault, 1, INSTANTIATE);
    const id = await instantiate();
    expect(await vmsOf()).toEqual([id]);
    expect(core.calls.filter((method) => method === INSTANTIATE)).toHaveLength(1);
  });

  it("is not made again by the house itself when it cannot be found", async () => {
    core.fail("cut", 1, INSTANTIATE);
    await expect(instantiate()).rejects.toMatchObject({ code: "unavailable" });
    await expect(vmsOf()).resolves.toEqual([]);
    expect(core.calls.filter((method) => method === INSTANTIATE)).toHaveLength(1);
    // Whoever asks again has it made, once.
    const id = await instantiate();
    expect(await vmsOf()).toEqual([id]);
  });

  it("is found by whoever asks again, when the core was away in between", async () => {
    core.fail("done_and_cut", 1, INSTANTIATE);
    core.fail("silent", 1_000, "one.vmpool.infoextended");
    await expect(instantiate()).rejects.toMatchObject({ code: "unavailable" });
    const [made] = await vmsOf();
    core.heal();
    expect(await onceBack(() => instantiate())).toBe(made);
    expect(await vmsOf()).toEqual([made]);
  });

  it("is one for each of two calls alike", async () => {
    core.fail("done_and_cut", 2, INSTANTIATE);
    const ids = await Promise.all([instantiate(), instantiate()]);
    expect(new Set(ids).size).toBe(2);
    expect((await vmsOf()).toSorted()).toEqual(ids.toSorted());
  });

  it("is not mistaken for another's, or an older one", async () => {
    const bob = await makeUser(embedded, SYSTEM, "bob");
    await embedded.vms.allocate(bob, { NAME: "front_0", ...OF_SERVICE }, { hold: true });
    const older = await instantiate();
    core.fail("cut", 1, INSTANTIATE);
    await expect(instantiate()).rejects.toMatchObject({ code: "unavailable" });
    expect(await instantiate()).not.toBe(older);
  });
});

describe("other things whose making was not answered", () => {
  it("are found: documents, routers, reservations, and VMs of routers", async () => {
    core.fail("done_and_cut", 1, "one.document.allocate");
    const body = { state: 1, text: 'a "b" \\ c' };
    const document = await cloud.documents.allocate(alice, { type: 100, name: "svc", body });
    expect((await embedded.documents.list(SYSTEM)).map(({ id }) => id)).toEqual([document]);

    const network = await embedded.networks.allocate(SYSTEM, {
      NAME: "net",
      BRIDGE: "br0",
      VN_MAD: "dummy",
      AR: { TYPE: "IP4", IP: "10.0.0.1", SIZE: "9" },
    });
    await embedded.networks.chmod(SYSTEM, network, [1, 1, 0, 1, 0, 0, 1, 0, 0]);
    core.fail("done_and_cut", 1, "one.vn.reserve");
    const reserved = await cloud.networks.reserve(alice, network, { name: "mine", size: 4 });
    expect(await embedded.networks.get(alice, reserved)).toMatchObject({ name: "mine", parentId: network });

    core.fail("done_and_cut", 1, "one.vrouter.allocate");
    const router = await cloud.routers.allocate(alice, { NAME: "edge" });
    core.fail("done_and_cut", 1, "one.vrouter.instantiate");
    const vms = await cloud.routers.instantiate(alice, router, { count: 2, templateId, hold: true });
    expect((await embedded.routers.get(alice, router)).vmIds).toEqual(vms);
    expect(await embedded.routers.list(SYSTEM)).toHaveLength(1);
  });
});

describe("VMs of a router that were made, and then the core was out of order", () => {
  it("are found by whoever asks again", async () => {
    const router = await cloud.routers.allocate(alice, { NAME: "edge" });
    const make = () => cloud.routers.instantiate(alice, router, { count: 2, templateId, hold: true });
    core.fail("done_and_out_of_order", 1, "one.vrouter.instantiate");
    await expect(make()).rejects.toMatchObject({ name: "UnknownOutcome", code: "unavailable" });
    core.heal();
    const vms = await onceBack(make);
    expect((await embedded.routers.get(alice, router)).vmIds).toEqual(vms);
    expect(vms).toHaveLength(2);
  });
});

describe("a call that adds something", () => {
  interface Adding {
    readonly method: string;
    readonly add: (vmId: number, networkId: number) => Promise<unknown>;
    readonly count: (vmId: number, networkId: number) => Promise<number>;
  }

  const ADDING: readonly Adding[] = [
    {
      method: "one.vm.attachnic",
      add: (vmId, network) => cloud.vms.attachNic(SYSTEM, vmId, { NIC: { NETWORK_ID: String(network) } }),
      count: async (vmId) => vectorsOf((await embedded.vms.get(SYSTEM, vmId)).template, "NIC").length,
    },
    {
      method: "one.vm.schedadd",
      add: (vmId) => cloud.vms.schedule(SYSTEM, vmId, { action: "poweroff", time: 4_000_000_000 }),
      count: async (vmId) => (await embedded.vms.get(SYSTEM, vmId)).scheduledActions?.length ?? 0,
    },
    {
      method: "one.vn.add_ar",
      add: (_, network) =>
        cloud.networks.addRange(SYSTEM, network, { TYPE: "IP4", IP: "10.1.0.1", SIZE: "5" }),
      count: async (_, network) => (await embedded.networks.get(SYSTEM, network)).ranges.length - 1,
    },
  ];

  it.each(
    ADDING.flatMap((adding) =>
      (["done_and_cut", "done_and_out_of_order"] as const).map((fault) => ({ ...adding, fault })),
    ),
  )(
    "$method, $fault: is made once, and whoever is not told its id is told that it may be done",
    async ({ method, add, count, fault }) => {
      const id = await embedded.vms.allocate(SYSTEM, { NAME: "vm", CPU: "0.1", MEMORY: "64" });
      await vmInPhase(embedded, SYSTEM, id, "RUNNING");
      const range = { TYPE: "IP4", IP: "10.0.0.1", SIZE: "9" };
      const network = await embedded.networks.allocate(SYSTEM, {
        NAME: "net",
        BRIDGE: "br0",
        VN_MAD: "dummy",
        AR: range,
      });
      core.fail(fault, 1, method);
      const told = await add(id, network).catch((error: unknown) => error);
      expect(typeof told === "number" || (told instanceof Error && told.message.includes("unknown"))).toBe(
        true,
      );
      expect(core.calls.filter((call) => call === method)).toHaveLength(1);
      expect(await count(id, network)).toBe(1);
    },
  );
});

describe("a change that was not answered", () => {
  it("is said to be unknown, is not repeated, and nothing old is given by peek", async () => {
    cloud = await open({ cacheMs: 60_000 });
    const id = await instantiate();
    expect(cloud.vms.peek(alice, id)).toBeDefined();
    core.fail("done_and_cut", 1, "one.vm.update");
    const update = cloud.vms.updateUserTemplate(alice, id, { READY: "YES" }, "append");
    await expect(update).rejects.toMatchObject({ code: "unavailable" });
    await expect(update).rejects.toThrow("whether it was done is unknown");
    expect(cloud.vms.peek(alice, id)).toBeUndefined();
    expect(core.calls.filter((method) => method === "one.vm.update")).toHaveLength(1);
    expect((await cloud.vms.get(alice, id)).userTemplate).toMatchObject({ READY: "YES" });
  });

  it("that never reached the core is plainly unavailable", async () => {
    const id = await instantiate();
    await core.stop();
    await expect(cloud.vms.act(alice, id, "release")).rejects.toThrow("did not answer one.vm.action");
  });
});

describe("a document that anybody wrote and nobody can read", () => {
  it("hides no other, neither in a list nor from who listens", async () => {
    const good = await cloud.documents.allocate(alice, { type: 100, name: "good", body: { state: 1 } });
    await embedded.documents.allocate(alice, { type: 100, name: "bad", body: { marker: 1 } });
    core.rewrite((answer) => answer.replaceAll('{"marker":1}', "{broken"));
    expect((await cloud.documents.list(alice)).map(({ id }) => id)).toEqual([good]);
    const events: CloudEvent[] = [];
    cloud.subscribe((event) => events.push(event));
    await cloud.documents.update(alice, good, { state: 2 });
    expect(events).toMatchObject([{ kind: "document_changed", id: good, document: { body: { state: 2 } } }]);
  });
});

describe("who listens to a core that goes and comes", () => {
  it("hears of what this house does first when it is back, although it was away when listening began", async () => {
    const id = await instantiate();
    const late = await open({ pollMs: 3_600_000 });
    await late.vms.get(alice, id);
    await core.stop();
    const told = new Promise<CloudEvent>((resolve) => late.subscribe(resolve));
    await expect(late.vms.get(alice, id)).rejects.toMatchObject({ code: "unavailable" });
    await core.start();
    await onceBack(() => late.vms.updateUserTemplate(alice, id, { A: "1" }, "append"));
    expect(await told).toMatchObject({ kind: "vm_updated", vm: { userTemplate: { A: "1" } } });
  });

  it("hears what changed meanwhile, each once", async () => {
    const id = await instantiate();
    const events: CloudEvent[] = [];
    cloud.subscribe((event) => events.push(event));
    await cloud.vms.updateUserTemplate(alice, id, { A: "1" }, "append");
    await core.stop();
    await embedded.vms.act(alice, id, "release");
    await vmInPhase(embedded, SYSTEM, id, "RUNNING");
    const other = await embedded.vms.allocate(alice, { NAME: "other" }, { hold: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    const seen = new Set<number>();
    cloud.subscribe((event) => {
      if (event.kind === "vm_state") seen.add(event.vm.id);
      if (seen.size === 2) resolve();
    });
    await core.start();
    await promise;
    const told = events.flatMap((event) => ("vm" in event ? [`${event.kind} ${event.vm.id}`] : []));
    expect(told.toSorted()).toEqual([`vm_updated ${id}`, `vm_state ${id}`, `vm_state ${other}`].toSorted());
  });
});
