import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { PermissionBits } from "../../gateway/cloud/pools/pool.ts";
import { parseWorld, printWorld } from "../../gateway/cloud/world.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { vectorsOf } from "../../shared/template/types.ts";
import { leaseHolders, untilPhase } from "../conformance/cloud/setup.ts";
import { makeUser, testCloud, text } from "../support/embedded.ts";

const USABLE: PermissionBits = [-1, -1, -1, -1, -1, -1, 1, 0, 0];
const WIRE = `NAME = "wire" BRIDGE = "br7" VN_MAD = "dummy" VLAN_ID = "12" DNS = "10.0.0.1"
  AR = [ TYPE = "IP4", IP = "10.5.0.1", SIZE = "4" ]`;

let cloud: EmbeddedCloud;
let alice: Actor;
let bob: Actor;

beforeEach(async () => {
  ({ cloud } = await testCloud());
  alice = await makeUser(cloud, SYSTEM, "alice");
  bob = await makeUser(cloud, SYSTEM, "bob");
});

afterEach(() => cloud.close());

describe("a network template", () => {
  let id: number;

  beforeEach(async () => {
    id = await cloud.networkTemplates.allocate(SYSTEM, text(WIRE));
  });

  it("is made by administrators, and of no use to those who may not use it", async () => {
    const forbidden = { code: "forbidden" };
    await expect(cloud.networkTemplates.allocate(alice, text(WIRE))).rejects.toMatchObject({
      code: "forbidden",
      message: `User [${alice.uid}] : Not authorized to perform CREATE VNTEMPLATE.`,
    });
    await expect(cloud.networkTemplates.get(alice, id)).rejects.toMatchObject(forbidden);
    await expect(cloud.networkTemplates.update(alice, id, {}, "append")).rejects.toMatchObject(forbidden);
    await expect(cloud.networkTemplates.delete(alice, id)).rejects.toMatchObject(forbidden);
    await expect(cloud.networkTemplates.clone(alice, id, "mine")).rejects.toMatchObject(forbidden);
    await expect(cloud.networkTemplates.instantiate(alice, id, {})).rejects.toMatchObject(forbidden);
    await cloud.networkTemplates.chmod(SYSTEM, id, USABLE);
    await expect(cloud.networkTemplates.delete(alice, id)).rejects.toMatchObject(forbidden);
    await expect(cloud.networkTemplates.rename(alice, id, "x")).rejects.toMatchObject(forbidden);
    expect(await cloud.networkTemplates.list(alice)).toHaveLength(1);
  });

  it("makes networks of the asker's own, overlaid by what is given", async () => {
    await cloud.networkTemplates.chmod(SYSTEM, id, USABLE);
    const extra = text('AR = [ TYPE = "IP4", IP = "10.6.0.1", SIZE = "2" ] DNS = "10.0.0.9" NAME = "given"');
    const plain = await cloud.networkTemplates.instantiate(alice, id, {});
    const overlaid = await cloud.networkTemplates.instantiate(alice, id, { extra });
    const named = await cloud.networkTemplates.instantiate(alice, id, { name: "asked", extra });
    expect(await cloud.networks.get(alice, plain)).toMatchObject({
      ...{ name: "wire", uid: alice.uid, mode: 0o600, bridge: "br7", vnMad: "dummy", parentId: undefined },
      ranges: [{ size: 4, attributes: { IP: "10.5.0.1" } }],
      template: { VLAN_ID: "12", DNS: "10.0.0.1" },
      extra: { TEMPLATE_ID: String(id) },
    });
    const { template, ranges, name } = await cloud.networks.get(alice, overlaid);
    expect([name, template.DNS, template.AR, ranges.length, ranges[0]?.attributes.IP]).toEqual([
      ...["given", "10.0.0.9", undefined],
      ...[1, "10.6.0.1"],
    ]);
    expect((await cloud.networks.get(alice, named)).name).toBe("asked");
    await expect(cloud.networks.get(bob, named)).rejects.toMatchObject({ code: "forbidden" });
    await cloud.networkTemplates.delete(SYSTEM, id);
    await cloud.networks.delete(alice, plain);
  });

  it.each([
    'VLAN_ID = "99"',
    'BRIDGE = "br0"',
    'AR = [ TYPE = "IP4", IP = "10.6.0.1", SIZE = "2", BRIDGE = "br0" ]',
  ])("leaves the wire to administrators: %s", async (source) => {
    await cloud.networkTemplates.chmod(SYSTEM, id, USABLE);
    const extra = text(source);
    await expect(cloud.networkTemplates.instantiate(alice, id, { extra })).rejects.toMatchObject({
      code: "forbidden",
      message: expect.stringMatching(/^Template includes a restricted attribute /),
    });
    await expect(cloud.networkTemplates.instantiate(SYSTEM, id, { extra })).resolves.toBeTypeOf("number");
    const copy = await cloud.networkTemplates.clone(alice, id, "copy");
    await expect(cloud.networkTemplates.update(alice, copy, extra, "append")).rejects.toMatchObject({
      code: "forbidden",
    });
    await cloud.networkTemplates.update(alice, copy, { DNS: "10.0.0.3" }, "append");
    expect((await cloud.networkTemplates.get(alice, copy)).template).toMatchObject({
      ...{ DNS: "10.0.0.3", VLAN_ID: "12" },
    });
  });

  it("makes nothing of a wrong range, and tells of what it made", async () => {
    const events: number[] = [];
    cloud.subscribe((event) => event.kind === "network_changed" && events.push(event.id));
    const wrong = text('AR = [ TYPE = "IP4", IP = "10.6.0.999", SIZE = "2" ]');
    await expect(cloud.networkTemplates.instantiate(SYSTEM, id, { extra: wrong })).rejects.toMatchObject({
      code: "bad_request",
    });
    expect(await cloud.networks.list(SYSTEM)).toEqual([]);
    const made = await cloud.networkTemplates.instantiate(SYSTEM, id, {});
    expect(events).toEqual([made]);
  });

  it("survives a restart, and goes through an export and an import", async () => {
    await cloud.networkTemplates.update(SYSTEM, id, { NOTE: "n" }, "append");
    const before = await cloud.networkTemplates.get(SYSTEM, id);
    const world = parseWorld(JSON.parse(JSON.stringify(printWorld(cloud.exportWorld()))));
    await cloud.close();
    ({ cloud } = await testCloud({ store: memoryStore(), firstStart: false }));
    await cloud.importWorld(world);
    const { version: _before, ...kept } = before;
    expect(await cloud.networkTemplates.get(SYSTEM, id)).toMatchObject(kept);
  });
});

describe("a reservation", () => {
  let parent: number;

  beforeEach(async () => {
    parent = await cloud.networks.allocate(
      SYSTEM,
      text(`NAME = "net" AR = [ TYPE = "IP4", IP = "10.0.0.1", SIZE = "6" ]
        AR = [ TYPE = "IP4", IP = "10.1.0.1", SIZE = "6" ]`),
    );
    await cloud.networks.chmod(SYSTEM, parent, USABLE);
  });

  const firstOf = async (id: number) =>
    (await cloud.networks.get(SYSTEM, id)).ranges.map(({ size, attributes }) => `${attributes.IP}+${size}`);

  it("begins at the address that is asked for, by IP or MAC, where so many are free", async () => {
    const byIp = await cloud.networks.reserve(alice, parent, {
      ...{ name: "a", size: 2, first: { ip: "10.0.0.3" } },
    });
    const byMac = await cloud.networks.reserve(alice, parent, {
      ...{ name: "b", size: 2, first: { mac: "02:00:0a:01:00:02" } },
    });
    expect([await firstOf(byIp), await firstOf(byMac)]).toEqual([["10.0.0.3+2"], ["10.1.0.2+2"]]);
    const refused = async (first: { ip: string }, size: number, rangeId?: number) =>
      await cloud.networks
        .reserve(alice, parent, { name: "c", size, first, ...(rangeId !== undefined && { rangeId }) })
        .catch((error: { code: string }) => error.code);
    expect(await refused({ ip: "10.0.0.2" }, 2)).toBe("conflict");
    expect(await refused({ ip: "10.0.0.6" }, 2)).toBe("conflict");
    expect(await refused({ ip: "10.9.0.1" }, 1)).toBe("bad_request");
    expect(await refused({ ip: "10.0.0.1" }, 1, 1)).toBe("bad_request");
    expect(await refused({ ip: "10.0.0.1" }, 1, 7)).toBe("not_found");
    expect(await cloud.networks.list(alice)).toHaveLength(3);
    expect(await leaseHolders(cloud, SYSTEM, parent)).toHaveLength(4);
  });

  it("grows, for its managers, by ranges of the same network, and gives all of them back", async () => {
    const id = await cloud.networks.reserve(alice, parent, { name: "a", size: 2 });
    const more = await cloud.networks.reserve(alice, parent, { networkId: id, size: 3, rangeId: 1 });
    expect(more).toBe(id);
    expect(await firstOf(id)).toEqual(["10.0.0.1+2", "10.1.0.1+3"]);
    expect((await cloud.networks.get(alice, id)).ranges.map((range) => range.id)).toEqual([0, 1]);
    expect(await leaseHolders(cloud, SYSTEM, parent)).toEqual(Array(5).fill(`network ${id}`));
    await expect(cloud.networks.reserve(bob, parent, { networkId: id, size: 1 })).rejects.toMatchObject({
      code: "forbidden",
    });
    const other = await cloud.networks.allocate(SYSTEM, { NAME: "other" });
    for (const networkId of [other, parent]) {
      await expect(cloud.networks.reserve(SYSTEM, parent, { networkId, size: 1 })).rejects.toMatchObject({
        code: "bad_request",
      });
    }
    await expect(cloud.networks.reserve(alice, parent, { networkId: 99, size: 1 })).rejects.toMatchObject({
      code: "not_found",
    });
    const vm = await cloud.vms.allocate(
      alice,
      { NAME: "vm", NIC: { NETWORK_ID: String(id), IP: "10.1.0.2" } },
      { hold: true },
    );
    expect(vectorsOf((await cloud.vms.get(alice, vm)).template, "NIC")[0]).toMatchObject({ AR_ID: "1" });
    await expect(cloud.networks.delete(alice, id)).rejects.toMatchObject({ code: "conflict" });
    await cloud.vms.act(alice, vm, "terminate");
    await cloud.networks.delete(alice, id);
    expect(await leaseHolders(cloud, SYSTEM, parent)).toEqual([]);
  });
});

describe("a virtual router's VMs", () => {
  it("are numbered, and elect their master by an id that they share", async () => {
    const templateId = await cloud.templates.allocate(
      alice,
      text('NAME = "node" CONTEXT = [ NETWORK = "YES" ]'),
    );
    const router = await cloud.routers.allocate(alice, { NAME: "edge" });
    const own = await cloud.routers.allocate(alice, {
      ...{ NAME: "own", KEEPALIVED_ID: "77", KEEPALIVED_PASSWORD: "pw" },
    });
    const named = await cloud.routers.instantiate(alice, router, {
      count: 2,
      templateId,
      name: "r_%i_x",
      hold: true,
    });
    const unnamed = await cloud.routers.instantiate(alice, own, { count: 2, templateId, hold: true });
    const vms = await Promise.all([...named, ...unnamed].map((id) => cloud.vms.get(alice, id)));
    expect(vms.map(({ name }) => name)).toEqual(["r_0_x", "r_1_x", "vr-own-0", "vr-own-1"]);
    expect(vms.map(({ template }) => template.VROUTER_KEEPALIVED_ID)).toEqual(["1", "1", "77", "77"]);
    expect(vms[3]?.template.CONTEXT).toMatchObject({
      ...{ VROUTER_ID: String(own), VROUTER_KEEPALIVED_ID: "77", VROUTER_KEEPALIVED_PASSWORD: "pw" },
    });
  });
});

describe("a virtual router's interfaces", () => {
  let network: number;
  let router: number;
  let vmIds: readonly number[];

  beforeEach(async () => {
    network = await cloud.networks.allocate(SYSTEM, text(WIRE));
    await cloud.networks.chmod(SYSTEM, network, USABLE);
    const templateId = await cloud.templates.allocate(
      alice,
      text('NAME = "node" CONTEXT = [ NETWORK = "YES" ]'),
    );
    router = await cloud.routers.allocate(alice, text('NAME = "edge" NIC = [ NETWORK = "wire" ]'));
    vmIds = await cloud.routers.instantiate(alice, router, { count: 1, templateId });
    for (const id of vmIds) await untilPhase(cloud, alice, id, "RUNNING");
  });

  const nicsOf = async (id: number) => vectorsOf((await cloud.vms.get(SYSTEM, id)).template, "NIC");

  it("come to its VMs too, and go from them, with every address", async () => {
    const [vmId = -1] = vmIds;
    const floating = text('NIC = [ NETWORK = "wire", FLOATING_IP = "YES" ]');
    expect(await cloud.routers.attachNic(alice, router, floating)).toBe(1);
    const [, own] = vectorsOf((await cloud.routers.get(alice, router)).template, "NIC");
    expect(own).toMatchObject({ NIC_ID: "1", VROUTER_IP: "10.5.0.2" });
    expect((await nicsOf(vmId))[1]).toMatchObject({ NIC_ID: "1", IP: "10.5.0.3", VROUTER_IP: "10.5.0.2" });
    expect((await cloud.vms.get(alice, vmId)).template.CONTEXT).toMatchObject({
      ETH1_VROUTER_IP: "10.5.0.2",
    });
    expect(await leaseHolders(cloud, SYSTEM, network)).toEqual([
      `vm ${vmId}`,
      `router ${router}`,
      `vm ${vmId}`,
    ]);
    await cloud.routers.detachNic(alice, router, 1);
    expect(await nicsOf(vmId)).toHaveLength(1);
    expect(await leaseHolders(cloud, SYSTEM, network)).toEqual([`vm ${vmId}`]);
    await expect(cloud.routers.detachNic(alice, router, 1)).rejects.toMatchObject({ code: "not_found" });
  });

  it("stay as they are when one VM cannot have one, or the asker may not", async () => {
    const [vmId = -1] = vmIds;
    const nic = text('NIC = [ NETWORK = "wire", FLOATING_IP = "YES" ]');
    await expect(cloud.routers.attachNic(bob, router, nic)).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.routers.detachNic(bob, router, 0)).rejects.toMatchObject({ code: "forbidden" });
    const wire = text('NIC = [ NETWORK = "wire", VLAN_ID = "7" ]');
    await expect(cloud.routers.attachNic(alice, router, wire)).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.routers.allocate(alice, { NAME: "r", ...wire })).rejects.toMatchObject({
      code: "forbidden",
    });
    await cloud.vms.act(alice, vmId, "suspend");
    await untilPhase(cloud, alice, vmId, "SUSPENDED");
    await expect(cloud.routers.attachNic(alice, router, nic)).rejects.toMatchObject({ code: "wrong_state" });
    await expect(cloud.routers.detachNic(alice, router, 0)).rejects.toMatchObject({ code: "wrong_state" });
    await cloud.vms.act(alice, vmId, "resume");
    await untilPhase(cloud, alice, vmId, "RUNNING");
    await cloud.vms.attachNic(alice, vmId, text('NIC = [ NETWORK = "wire" ]'));
    await expect(cloud.routers.attachNic(alice, router, nic)).rejects.toMatchObject({ code: "conflict" });
    expect(vectorsOf((await cloud.routers.get(alice, router)).template, "NIC")).toHaveLength(1);
    expect(await leaseHolders(cloud, SYSTEM, network)).toEqual([`vm ${vmId}`, `vm ${vmId}`]);
  });
});

describe("a document", () => {
  it("changes body and other attributes in one write, or the body alone", async () => {
    const id = await cloud.documents.allocate(alice, {
      type: 100,
      name: "s",
      body: { a: 1 },
      template: { NOTE: "1" },
    });
    let changes = 0;
    cloud.subscribe((event) => {
      if (event.kind === "document_changed") changes += 1;
    });
    await cloud.documents.update(alice, id, { a: 2 }, { GATEHOUSE: "{}" });
    expect(await cloud.documents.get(alice, id)).toMatchObject({
      body: { a: 2 },
      template: { GATEHOUSE: "{}" },
    });
    expect((await cloud.documents.get(alice, id)).template.NOTE).toBeUndefined();
    await cloud.documents.update(alice, id, { a: 3 });
    expect(await cloud.documents.get(alice, id)).toMatchObject({
      body: { a: 3 },
      template: { GATEHOUSE: "{}" },
    });
    expect(changes).toBe(2);
    await expect(cloud.documents.update(bob, id, {}, {})).rejects.toMatchObject({ code: "forbidden" });
    await expect(cloud.documents.update(alice, id, {}, { BODY: "{}" })).rejects.toMatchObject({
      code: "bad_request",
    });
  });
});
