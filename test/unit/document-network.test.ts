import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { networkFromDocument, networkToDocument } from "../../gateway/cloud/document/network.ts";
import type { JsonObject } from "../../gateway/cloud/model.ts";

function recordedNetworks(name: string): readonly unknown[] {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8")).networks;
}

const RECORDED = ["onegate-world", "oneflow-world"].flatMap(recordedNetworks);

const RANGE = { AR_ID: "0", TYPE: "IP4", IP: "10.0.0.10", SIZE: "3" };

function network(AR: unknown, more: JsonObject = {}) {
  return { VNET: { ID: "1", NAME: "net", ...more, AR_POOL: { AR } } };
}

function leased(...LEASE: unknown[]) {
  return network({ ...RANGE, LEASES: { LEASE } });
}

describe("a network document", () => {
  it("comes out as it went in, addresses computed anew", () => {
    expect(RECORDED).toHaveLength(4);
    for (const document of RECORDED) {
      const printed = networkToDocument(networkFromDocument(document));
      expect(printed).toEqual(document);
      expect(JSON.stringify(printed)).toBe(JSON.stringify(document));
    }
  });

  it("is kept small: no address, no field that repeats the template", () => {
    const { network: read, leases } = networkFromDocument(RECORDED[0]);
    expect(read).not.toHaveProperty("extra");
    expect(Object.keys(read.ranges[0]?.attributes ?? {})).toEqual([
      "GLOBAL_PREFIX",
      "IP",
      "MAC",
      "SHARED",
      "TYPE",
      "ULA_PREFIX",
    ]);
    expect(leases.get(0)).toEqual([
      { index: 0, holder: { kind: "vm", id: 1 } },
      { index: 1, holder: { kind: "vm", id: 2 } },
    ]);
  });

  it("tells each kind of holder, and an address on hold, which is no VM's", () => {
    const document = leased(
      { IP: "10.0.0.12", VNET: "7" },
      { MAC: "02:00:0a:00:00:0a", VM: "-1" },
      { IP: "10.0.0.11", VROUTER: 4 },
    );
    const read = networkFromDocument(document);
    expect(read.leases.get(0)).toEqual([
      { index: 2, holder: { kind: "network", id: 7 } },
      { index: 0, holder: { kind: "vm", id: -1 } },
      { index: 1, holder: { kind: "router", id: 4 } },
    ]);
    const printed = networkToDocument(read).VNET as JsonObject;
    // {} matches any object in toMatchObject, so what must be empty is compared on its own.
    expect(printed.UPDATED_VMS).toEqual({});
    expect(printed).toMatchObject({
      USED_LEASES: "3",
      AR_POOL: {
        AR: {
          USED_LEASES: "3",
          LEASES: {
            LEASE: [
              { IP: "10.0.0.10", MAC: "02:00:0a:00:00:0a", VM: "-1" },
              { IP: "10.0.0.11", MAC: "02:00:0a:00:00:0b", VROUTER: "4" },
              { IP: "10.0.0.12", MAC: "02:00:0a:00:00:0c", VNET: "7" },
            ],
          },
        },
      },
    });
  });

  it("lists each VM once, and only what holds a lease now", () => {
    const stale = { VM: "3" };
    const document = leased({ IP: "10.0.0.10", ...stale }, { IP: "10.0.0.12", ...stale });
    const read = networkFromDocument({
      VNET: { ...document.VNET, UPDATED_VMS: { ID: ["3", "99"] }, USED_LEASES: "40" },
    });
    expect(networkToDocument(read).VNET).toMatchObject({ UPDATED_VMS: { ID: "3" }, USED_LEASES: "2" });
  });

  it("is {} where it has no range, no lease, no parent", () => {
    const bare = networkToDocument(networkFromDocument(network([]))).VNET;
    expect(bare).toEqual(expect.objectContaining({ AR_POOL: {}, PARENT_NETWORK_ID: {}, UPDATED_VMS: {} }));
    const { AR_POOL } = networkToDocument(networkFromDocument(network(RANGE))).VNET as JsonObject;
    const empty = expect.objectContaining({ LEASES: {}, USED_LEASES: "0", NEXT_INDEX: "0" });
    expect(AR_POOL).toEqual({ AR: empty });
    expect(networkFromDocument(network(RANGE, { PARENT_NETWORK_ID: "4" })).network.parentId).toBe(4);
    expect(networkFromDocument(network(RANGE, { PARENT_NETWORK_ID: "-1" })).network.parentId).toBeUndefined();
  });

  it("keeps a SIZE that is bigger than any index", () => {
    const SIZE = "18446744073709551615";
    const read = networkFromDocument(
      network({ TYPE: "IP6_STATIC", MAC: "02:00:00:00:00:01", IP6: "2001:db8::", PREFIX_LENGTH: "64", SIZE }),
    );
    expect(read.network.ranges[0]?.size).toBe(2 ** 32);
    expect(networkToDocument(read).VNET).toMatchObject({
      AR_POOL: { AR: { SIZE, IP6_END: "2001:db8::ffff:ffff:ffff:fffe" } },
    });
  });

  it.each([
    [leased({ IP: "10.0.0.13", VM: "1" }), ".LEASES.LEASE must be one address of its range, not 10.0.0.13."],
    [
      leased({ IP: "10.0.0.10", MAC: "02:00:0a:00:00:0b", VM: "1" }),
      ".LEASES.LEASE must be one address of its range, not 10.0.0.10 02:00:0a:00:00:0b.",
    ],
    [leased({ VM: "1" }), ".LEASES.LEASE must be one address of its range, not none."],
    [
      leased({ IP: "10.0.0.10", VM: "1" }, { IP: "10.0.0.10", VM: "2" }),
      ".LEASES.LEASE[1] must be the only lease of its address: 10.0.0.10 is there twice.",
    ],
    [leased({ IP: "10.0.0.10" }), ".LEASES.LEASE must name one holder: VM, VNET or VROUTER."],
    [
      leased({ IP: "10.0.0.10", VM: "1", VROUTER: "2" }),
      ".LEASES.LEASE must name one holder: VM, VNET or VROUTER.",
    ],
    [network({ ...RANGE, IP: "10.0.0" }), '.IP must be an IPv4 address, not "10.0.0".'],
    [network({ ...RANGE, SIZE: "0" }), ".SIZE must be given: a whole number from 1."],
    [
      network([RANGE, { ...RANGE, TYPE: "IP9" }]),
      /^networks\[2\]\.VNET\.AR_POOL\.AR\[1\]\.TYPE must be one of ETHER, /,
    ],
    [
      network({ ...RANGE, NEXT_INDEX: "n" }),
      '.NEXT_INDEX must be a whole number from 0 to 2147483647, not "n".',
    ],
    [network([RANGE, RANGE]), "[1].AR_ID must be unique: 0 is there twice."],
  ])("is refused with the path of what is wrong: %j", (bad, end) => {
    const message =
      typeof end === "string" ? `networks[2].VNET.AR_POOL.AR${end}` : expect.stringMatching(end);
    expect(() => networkFromDocument(bad, "networks[2]")).toThrow(
      expect.objectContaining({ code: "bad_request", message }),
    );
  });

  it("says which parent is no network", () => {
    expect(() => networkFromDocument(network(RANGE, { PARENT_NETWORK_ID: "net" }))).toThrow(
      'VNET.PARENT_NETWORK_ID must be a whole number from 0 to 2147483647, not "net".',
    );
  });
});
