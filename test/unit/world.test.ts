import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../gateway/cloud/model.ts";
import { parseWorld, printWorld } from "../../gateway/cloud/world.ts";

type Documents = Readonly<Record<string, readonly JsonObject[]>>;

function readWorld(name: string): Documents {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8"));
}

const ONEGATE = readWorld("onegate-world");
const ONEFLOW = readWorld("oneflow-world");

const vm = (fields: JsonObject) => ({ VM: { ID: "1", ...fields } });
const user = (ID: string, NAME: string, more: JsonObject = {}) => ({ USER: { ID, NAME, GID: "1", ...more } });
const network = (LEASE: JsonObject) => ({
  VNET: {
    ID: "0",
    NAME: "n",
    AR_POOL: { AR: { TYPE: "IP4", IP: "10.0.0.1", SIZE: "9", LEASES: { LEASE } } },
  },
});

describe("a world", () => {
  it.each([{ world: ONEGATE }, { world: ONEFLOW }])(
    "comes out as it went in, to the order of its names",
    ({ world }) => {
      const printed = printWorld(parseWorld(world));
      expect(printed).toEqual(world);
      expect(JSON.stringify(printed)).toBe(JSON.stringify(world));
    },
  );

  it("may leave out any kinds, and what is exported of it can be imported again (law)", () => {
    const keys = Object.keys(ONEGATE);
    fc.assert(
      fc.property(fc.boolean(), fc.subarray(keys), (isOneflow, chosen) => {
        const world = isOneflow ? ONEFLOW : ONEGATE;
        const part = Object.fromEntries(chosen.map((key) => [key, world[key]]));
        const read = parseWorld(part);
        expect(parseWorld(printWorld(read))).toEqual(read);
      }),
    );
  });

  it("has all pools, empty where they are missing", () => {
    expect(Object.values(parseWorld({}))).toEqual(Array(11).fill([]));
    expect(Object.keys(printWorld(parseWorld({})))).toEqual(Object.keys(ONEGATE));
  });

  it("keeps addresses for routers and other networks, and frees those of VMs, when it brings no VM", () => {
    const { vms: _left, ...rest } = ONEGATE;
    const read = parseWorld(rest);
    const leases = read.networks.flatMap((contents) => [...contents.leases.values()].flat());
    expect(leases).toEqual([{ index: 1, holder: { kind: "router", id: 0 } }]);
    expect(read.routers[0]?.vmIds).toEqual([]);
  });

  it("fills in owners' names from its users and groups", () => {
    const read = parseWorld({
      users: [user("4", "dora", { GID: "100" })],
      groups: [{ GROUP: { ID: "100", NAME: "web" } }],
      vms: [vm({ UID: "4", GID: "100" }), vm({ ID: "2" })],
      services: [{ DOCUMENT: { ID: "3", UID: "4", GID: "1", TEMPLATE: { BODY: { name: "s" } } } }],
    });
    expect(read.users[0]).toMatchObject({ gname: "web" });
    expect(read.vms).toMatchObject([
      { uname: "dora", gname: "web" },
      { uname: "oneadmin", gname: "oneadmin" },
    ]);
    expect(read.services[0]).toMatchObject({ type: 100, uname: "dora", gname: "users" });
  });

  it("keeps an address on hold, which is leased to VM -1", () => {
    const read = parseWorld({ networks: [network({ IP: "10.0.0.3", VM: "-1" })], vms: [vm({})] });
    expect(read.networks[0]?.leases.get(0)).toEqual([{ index: 2, holder: { kind: "vm", id: -1 } }]);
    expect(parseWorld({ networks: [network({ IP: "10.0.0.3", VM: "-1" })] }).networks).toEqual(read.networks);
  });

  it("accepts an owner who is gone, as OpenNebula leaves them behind", () => {
    const left = vm({ UID: "77", UNAME: "gone", GID: "1", GNAME: "users" });
    expect(parseWorld({ users: [user("4", "dora")], vms: [left] }).vms[0]).toMatchObject({ uname: "gone" });
  });

  it.each([
    ["a list", [], "The world must be a JSON object of arrays."],
    [
      "an unknown key",
      { vmgroups: [] },
      "vmgroups is no part of a world; there are users, groups, hosts, networks, network_templates, routers, templates, vm_groups, vms, service_templates, services.",
    ],
    ["a pool that is no array", { vms: {} }, "vms must be an array."],
    [
      "a bad field",
      { vms: [vm({}), vm({ ID: "2", STATE: "x" })] },
      'vms[1].VM.STATE must be a whole number, not "x".',
    ],
    ["an id twice", { vms: [vm({}), vm({})] }, "vms[1] has id 1, as vms[0] has."],
    [
      "a network's id twice",
      { networks: [network({ IP: "10.0.0.1", VM: "-1" }), network({ IP: "10.0.0.1", VM: "-1" })] },
      "networks[1] has id 0, as networks[0] has.",
    ],
    [
      "a service with its template's id",
      {
        service_templates: [{ DOCUMENT: { ID: "3", NAME: "a", TEMPLATE: { BODY: { n: 1 } } } }],
        services: [{ DOCUMENT: { ID: "3", NAME: "b", TEMPLATE: { BODY: { n: 1 } } } }],
      },
      "services[0] has id 3, as service_templates[0] has.",
    ],
    [
      "a user's name twice",
      { users: [user("2", "a"), user("3", "a")] },
      "users[1] has name a, as users[0] has.",
    ],
    [
      "a lease of a VM it lacks",
      { networks: [network({ IP: "10.0.0.3", VM: "9" })], vms: [vm({})] },
      "networks[0].VNET.AR_POOL leases address 2 of range 0 to VM 9, which is not in the world.",
    ],
    [
      "a reservation by a network it lacks",
      { networks: [network({ IP: "10.0.0.3", VNET: "9" })] },
      "networks[0].VNET.AR_POOL leases address 2 of range 0 to network 9, which is not in the world.",
    ],
    [
      "a router's VM it lacks",
      { routers: [{ VROUTER: { ID: "0", NAME: "r", VMS: { ID: "9" } } }], vms: [vm({})] },
      "routers[0].VROUTER.VMS names VM 9, which is not in the world.",
    ],
    [
      "a VM on a host it lacks",
      {
        hosts: [{ HOST: { ID: "0", NAME: "h" } }],
        vms: [vm({ STATE: "3", HISTORY_RECORDS: { HISTORY: { HID: "8" } } })],
      },
      "vms[0].VM.HISTORY_RECORDS ends on host 8, which is not in the world.",
    ],
    [
      "a user's group it lacks",
      {
        groups: [{ GROUP: { ID: "1", NAME: "users" } }],
        users: [user("2", "a", { GNAME: "x", GROUPS: { ID: ["1", "5"] } })],
      },
      "users[0].USER.GROUPS names group 5, which is not in the world.",
    ],
    [
      "an owner of whom nothing tells the name",
      { vms: [vm({ UID: "5" })] },
      "vms[0].VM.UNAME must be given: the world has no user 5.",
    ],
    [
      "a service among the templates",
      {
        service_templates: [{ DOCUMENT: { ID: "1", NAME: "s", TYPE: "100", TEMPLATE: { BODY: { n: 1 } } } }],
      },
      "service_templates[0].DOCUMENT.TYPE must be 101 here, not 100.",
    ],
    [
      "a service without a body",
      { services: [{ DOCUMENT: { ID: "1", NAME: "s" } }] },
      "services[0].DOCUMENT.TEMPLATE.BODY must be given.",
    ],
  ])("is refused with the path: %s", (_what, bad, message) => {
    expect(() => parseWorld(bad)).toThrow(expect.objectContaining({ code: "bad_request", message }));
  });
});
