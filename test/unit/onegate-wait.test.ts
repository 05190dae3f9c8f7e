/** `?wait`: an answer is held until it is another one, or its time is over; whatever wakes it, the guest is looked at anew. */

import { beforeEach, describe, expect, it } from "vitest";
import { VM_STATE } from "../../shared/states/vm.ts";
import { ALICE, FakeCloud, ownedBy } from "../support/fake-cloud.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { type Answer, type Gate, openGate } from "../support/onegate.ts";
import { type WaitingObserver, waitingObserver } from "../support/waiting-observer.ts";

let fake: FakeCloud;
let clock: ManualClock;
let observer: WaitingObserver;
let gate: Gate;

beforeEach(() => {
  fake = new FakeCloud();
  clock = manualClock();
  observer = waitingObserver();
  fake.addService(3, { front: [7, 8], back: [9] });
  fake.addVm(20);
  gate = openGate(fake, { clock, observer });
});

/** Sends a request, and comes back once it waits. */
async function held(
  vmId: number,
  path: string,
  headers: Record<string, string> = {},
): Promise<Promise<Answer>[]> {
  const before = observer.waitingNow();
  const answer = gate.askAs(vmId, path, { headers });
  await Promise.race([observer.reaches(before + 1), answer.then(({ status }) => fail(path, status))]);
  return [answer];
}

function fail(path: string, status: number): never {
  throw new Error(`${path} was answered ${status} at once`);
}

async function etagOf(vmId: number, path: string): Promise<string> {
  return (await gate.askAs(vmId, path)).headers.get("etag") ?? "";
}

describe("wait", () => {
  it("is 1 to 60 whole seconds, once", async () => {
    for (const wait of ["0", "61", "-1", "1.5", "01", "", "x", "1e1", "999"]) {
      const { status, body } = await gate.askAs(7, `/vm?wait=${wait}`);
      expect([wait, status]).toEqual([wait, 400]);
      expect(body).toContain("1 to 60");
    }
    expect((await gate.askAs(7, "/vm?wait=1&wait=2")).status).toBe(400);
    expect((await gate.ask("/vm?wait=x")).status).toBe(401);
  });

  it("answers at once what the client does not have", async () => {
    const { status, headers } = await gate.askAs(7, "/vm?wait=60", {
      headers: { "If-None-Match": '"other"' },
    });
    expect([status, headers.get("etag")]).toEqual([200, await etagOf(7, "/vm")]);
    expect(clock.waiting()).toBe(0);
  });

  it("is answered with the change, once it comes", async () => {
    const etag = await etagOf(7, "/vm");
    const [answer] = await held(7, "/vm?wait=60", { "If-None-Match": etag });
    fake.change(7, { userTemplate: { ...fake.vm(7).userTemplate, READY: "YES" } });
    expect(await answer).toMatchObject({ status: 200, body: expect.stringContaining('"READY":"YES"') });
    expect([observer.waitingNow(), clock.waiting(), fake.listeners.size]).toEqual([0, 0, 0]);
  });

  it("needs no ETag: then it waits for another answer than there was on arrival", async () => {
    const [answer] = await held(7, "/vm?wait=60");
    fake.change(7, { name: "renamed" });
    expect((await answer)?.body).toContain("renamed");
  });

  it("is not answered by what does not show in the answer", async () => {
    const [answer] = await held(7, "/service?wait=5");
    fake.change(8, { userTemplate: { ...fake.vm(8).userTemplate, SECRET: "x" } });
    fake.change(20, { name: "elsewhere" });
    await turns();
    expect(observer.waitingNow()).toBe(1);
    fake.change(8, { name: "renamed" });
    expect((await answer)?.body).toContain("renamed");
  });

  it("ends in time: 304 for a client that has it, else 200, and never early", async () => {
    const etag = await etagOf(7, "/vm");
    const [known] = await held(7, "/vm?wait=2", { "If-None-Match": etag });
    const [unknown] = await held(7, "/vm?wait=2");
    clock.advance(1_999);
    await turns();
    expect(observer.waitingNow()).toBe(2);
    clock.advance(251);
    expect(await known).toMatchObject({ status: 304, body: "" });
    expect(await unknown).toMatchObject({ status: 200 });
    expect((await unknown)?.headers.get("etag")).toBe(etag);
  });

  it("keeps one timer, however many wait", async () => {
    for (let one = 0; one < 20; one += 1) await held(7, "/vm?wait=60");
    expect(clock.waiting()).toBe(1);
    fake.change(7, { name: "renamed" });
    await observer.reaches(0);
    expect(clock.waiting()).toBe(0);
  });

  it("is counted without the time it slept", async () => {
    const [answer] = await held(7, "/vm?wait=60");
    clock.advance(30_000);
    fake.change(7, { name: "renamed" });
    await answer;
    expect(observer.requests.at(-1)).toMatchObject({ route: "/vm", vmId: 7, status: 200, durationMs: 0 });
  });

  it("means nothing to a write", async () => {
    expect((await gate.askAs(7, "/vm?wait=nonsense", { method: "PUT", body: "A=1" })).status).toBe(200);
  });
});

describe("what wakes whom", () => {
  const document = () => fake.documents.get(3);

  it("/vms/ID: that VM, and the document that lets it be seen", async () => {
    const [first] = await held(7, "/vms/9?wait=60");
    fake.change(9, { name: "renamed" });
    expect((await first)?.body).toContain("renamed");
    const [second] = await held(7, "/vms/9?wait=60");
    changeService({ roles: [{ name: "front", cardinality: 1, state: 2, nodes: [{ deploy_id: 7 }] }] });
    expect(await second).toMatchObject({ status: 400, body: "Service 3 does not contain VM 9." });
  });

  it("/service: its document, and a VM that joins or leaves it", async () => {
    const [first] = await held(7, "/service?wait=60");
    changeService({ state: 7 });
    expect((await first)?.body).toContain('"state":7');
    const [second] = await held(7, "/service?wait=60");
    fake.change(9, { uname: "bob", userTemplate: {} });
    expect((await second)?.body).toContain('"UNAME":"bob"');
  });

  it("/service?extended: everything about its VMs", async () => {
    const [answer] = await held(7, "/service?extended&wait=60");
    fake.change(8, { userTemplate: { ...fake.vm(8).userTemplate, DB: "10.0.0.9" } });
    expect((await answer)?.body).toContain("10.0.0.9");
  });

  it("/vrouter and /vnet/ID: the router, the network, and VMs with an address there", async () => {
    fake.addNetwork(1, {}, [{ index: 0, holder: { kind: "vm", id: 30 } }]);
    fake.addRouter(0, [30], { NIC: { NETWORK_ID: "1" } });
    const nic = { NETWORK_ID: "1", MAC: "02:00:0a:00:01:01", NAME: "NIC0" };
    fake.change(30, { template: { ...fake.vm(30).template, NIC: nic } });

    const [router] = await held(30, "/vrouter?wait=60");
    const previous = fake.routers.get(0);
    const renamed = { ...ownedBy(ALICE, 0, "renamed"), vmIds: [30], template: { NIC: { NETWORK_ID: "1" } } };
    fake.routers.set(0, renamed);
    fake.tell({ kind: "router_changed", id: 0, router: renamed, previous });
    expect((await router)?.body).toContain("renamed");

    const [extended] = await held(30, "/vnet/1?extended=true&wait=60");
    fake.change(30, { template: { ...fake.vm(30).template, NIC: { ...nic, NAME: "NIC9" } } });
    expect((await extended)?.body).toContain("NIC9");

    const [network] = await held(30, "/vnet/1?wait=60");
    fake.leases.set(1, []);
    fake.tell({
      kind: "network_changed",
      id: 1,
      network: fake.networks.get(1),
      previous: fake.networks.get(1),
    });
    expect((await network)?.body).toContain('"USED_LEASES":"0"');
  });

  it("a single value: whatever wakes its document, when the value is another one", async () => {
    const [answer] = await held(7, "/vms/9/USER_TEMPLATE/ROLE_NAME?wait=60");
    fake.change(9, { userTemplate: { ...fake.vm(9).userTemplate, READY: "YES" } });
    await turns();
    expect(observer.waitingNow()).toBe(1);
    fake.change(9, { userTemplate: { ...fake.vm(9).userTemplate, ROLE_NAME: "other" } });
    expect(await answer).toMatchObject({ status: 200, body: "other" });
  });

  function changeService(part: object): void {
    const previous = document();
    if (previous === undefined) throw new Error("there is no service");
    const changed = { ...previous, version: previous.version + 1, body: { ...previous.body, ...part } };
    fake.documents.set(3, changed);
    fake.tell({ kind: "document_changed", id: 3, document: changed, previous });
  }
});

describe("a guest that waits", () => {
  it("gets the refusal it would get now: its VM ended", async () => {
    const [answer] = await held(7, "/vm?wait=60");
    fake.change(7, { state: VM_STATE.DONE });
    expect(await answer).toMatchObject({ status: 401 });
  });

  it("gets the refusal it would get now: its token is no longer good, seen at the next wake", async () => {
    const [answer] = await held(7, "/vm?wait=10");
    const alice = fake.users.get(ALICE.uid);
    if (alice === undefined) throw new Error("there is no alice");
    fake.users.set(ALICE.uid, {
      ...alice,
      template: { TOKEN_PASSWORD: "another one of the right length 1" },
    });
    clock.advance(10_250);
    expect(await answer).toMatchObject({ status: 401 });
  });

  it("gets the refusal it would get now: it left its service", async () => {
    const [answer] = await held(7, "/service?wait=60");
    fake.change(7, { userTemplate: {} });
    expect(await answer).toMatchObject({ status: 400, body: "Empty or invalid SERVICE_ID" });
  });

  it("follows its VM into another service", async () => {
    fake.addService(4, { other: [40, 7] });
    fake.change(7, { userTemplate: { SERVICE_ID: "3" } });
    const [answer] = await held(7, "/service/state?wait=60");
    fake.change(7, { userTemplate: { SERVICE_ID: "4" } });
    await turns();
    expect(observer.waitingNow()).toBe(1);
    const previous = fake.documents.get(4);
    if (previous === undefined) throw new Error("there is no service");
    const changed = { ...previous, body: { ...previous.body, state: 9 } };
    fake.documents.set(4, changed);
    fake.tell({ kind: "document_changed", id: 4, document: changed, previous });
    expect((await answer)?.body).toBe("9");
  });

  it("may have so many requests waiting at a time, and others are none the worse", async () => {
    gate = openGate(fake, { clock, observer, settings: { limits: { waitersPerVm: 2 } } });
    await held(7, "/vm?wait=60");
    const [second] = await held(7, "/vm?wait=1");
    const { status, body, headers } = await gate.askAs(7, "/vm?wait=60");
    expect([status, headers.get("retry-after")]).toEqual([429, "5"]);
    expect(body).toBe("VM 7 has 2 requests that wait for a change, and no VM may have more.");
    expect(observer.requests.at(-1)?.limit).toBe("waiters");
    await held(8, "/vm?wait=60");
    clock.advance(1_250);
    await second;
    await held(7, "/vm?wait=60");
  });

  it("is answered at once while the house closes, and shall then connect anew", async () => {
    const closing = new AbortController();
    gate = openGate(fake, { clock, observer, closing: closing.signal });
    const etag = await etagOf(7, "/vm");
    const [known] = await held(7, "/vm?wait=60", { "If-None-Match": etag });
    const [unknown] = await held(7, "/vm?wait=60");
    closing.abort();
    expect((await known)?.status).toBe(304);
    expect((await unknown)?.status).toBe(200);
    const late = await gate.askAs(7, "/vm?wait=60");
    expect([late.status, late.headers.get("connection")]).toEqual([200, "close"]);
  });

  it("never misses a change, at whatever moment of its arrival that comes", async () => {
    for (const answersFromMemory of [true, false]) {
      fake = new FakeCloud({ answersFromMemory });
      fake.addService(3, { front: [7, 8] });
      gate = openGate(fake, { clock, observer });
      for (let moment = 0; moment < 40; moment += 1) {
        const etag = await etagOf(7, "/service");
        const answer = gate.askAs(7, "/service?wait=60", { headers: { "If-None-Match": etag } });
        for (let turn = 0; turn < moment; turn += 1) await Promise.resolve();
        fake.change(8, { name: `name${moment}` });
        expect((await answer).body, `at moment ${moment}`).toContain(`"name${moment}"`);
      }
    }
  });
});

/** Long enough for whoever is woken to have looked. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
