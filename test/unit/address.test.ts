import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressesOf,
  completeRange,
  indexOfAddress,
  leaseAddresses,
  rangeEnds,
} from "../../gateway/cloud/address.ts";
import {
  formatIp4,
  formatIp6,
  formatMac,
  parseIp4,
  parseIp6,
  parseMac,
} from "../../gateway/cloud/address-text.ts";
import type { AddressRange } from "../../gateway/cloud/model.ts";
import type { Vector } from "../../shared/template/types.ts";

function range(attributes: Vector, size = 100): AddressRange {
  return { id: 0, size, nextIndex: 0, attributes: completeRange(attributes, size) };
}

const DUAL = { TYPE: "IP4_6", IP: "192.168.50.10", GLOBAL_PREFIX: "2001:db8:1::", ULA_PREFIX: "fd00:1::" };

describe("an address range", () => {
  it("hands out the addresses that OpenNebula was recorded to hand out", () => {
    expect(leaseAddresses(range(DUAL), 1)).toEqual({
      IP: "192.168.50.11",
      IP6_GLOBAL: "2001:db8:1::c0ff:fea8:320b",
      IP6_LINK: "fe80::c0ff:fea8:320b",
      IP6_ULA: "fd00:1::c0ff:fea8:320b",
      MAC: "02:00:c0:a8:32:0b",
    });
    expect(rangeEnds(range(DUAL))).toEqual({
      MAC_END: "02:00:c0:a8:32:6d",
      IP_END: "192.168.50.109",
      IP6_ULA: "fd00:1::c0ff:fea8:320a",
      IP6_ULA_END: "fd00:1::c0ff:fea8:326d",
      IP6_GLOBAL: "2001:db8:1::c0ff:fea8:320a",
      IP6_GLOBAL_END: "2001:db8:1::c0ff:fea8:326d",
    });
  });

  it("inverts the universal bit of the MAC in IPv6 addresses, whichever it was", () => {
    const local = range({ TYPE: "IP6", MAC: "50:20:20:20:20:20", GLOBAL_PREFIX: "2001:db8::" });
    expect(leaseAddresses(local, 0)).toEqual({
      IP6_GLOBAL: "2001:db8::5220:20ff:fe20:2020",
      IP6_LINK: "fe80::5220:20ff:fe20:2020",
      MAC: "50:20:20:20:20:20",
    });
  });

  it("counts static IPv6 addresses on, across a group's end, and hands out MACs alone where it is ETHER", () => {
    const fixed = range({ TYPE: "IP4_6_STATIC", IP: "10.0.0.1", IP6: "2001:db8::ffff", PREFIX_LENGTH: "64" });
    expect(leaseAddresses(fixed, 1)).toEqual({
      IP: "10.0.0.2",
      IP6: "2001:db8::1:0",
      MAC: "02:00:0a:00:00:02",
    });
    const plain = range({ TYPE: "ETHER", MAC: "02:00:ff:ff:ff:ff" });
    expect(leaseAddresses(plain, 1)).toEqual({ MAC: "02:00:00:00:00:00" });
    expect(indexOfAddress(plain, { mac: "02:00:00:00:00:00" })).toBe(1);
  });

  it("computes the end of a range that is bigger than its index", () => {
    const attributes = {
      TYPE: "IP6_STATIC",
      MAC: "02:00:00:00:00:00",
      IP6: "2001:db8::",
      SIZE: String(2n ** 64n - 1n),
    };
    expect(rangeEnds({ id: 0, size: 2 ** 32, nextIndex: 0, attributes })).toEqual({
      MAC_END: "02:00:ff:ff:ff:fe",
      IP6_END: "2001:db8::ffff:ffff:ffff:fffe",
    });
  });

  it("forwards ports where it has PORT_START and PORT_SIZE", () => {
    const forwarded = range({ TYPE: "IP4", IP: "10.0.0.1", PORT_START: "30000", PORT_SIZE: "100" });
    expect(leaseAddresses(forwarded, 2)).toMatchObject({
      EXTERNAL_PORT_RANGE: "30201:30300",
      INTERNAL_PORT_RANGE: "1-100/30201",
    });
  });

  it("finds an index by any address, and none for one that is elsewhere, half right or no address", () => {
    const dual = range(DUAL, 3);
    expect(indexOfAddress(dual, { ip: "192.168.50.12" })).toBe(2);
    expect(indexOfAddress(dual, { mac: "02:00:C0:A8:32:0C" })).toBe(2);
    expect(indexOfAddress(dual, { ip: "192.168.50.12", mac: "02:00:c0:a8:32:0c" })).toBe(2);
    for (const elsewhere of [
      { ip: "192.168.50.13" },
      { ip: "192.168.50.9" },
      { mac: "02:00:c0:a8:32:0d" },
      { mac: "04:00:c0:a8:32:0b" },
      { ip: "192.168.50.12", mac: "02:00:c0:a8:32:0b" },
      { ip: "192.168.50.012" },
      { ip6: "2001:db8:1::c0ff:fea8:320b" },
      { mac: "x" },
      {},
    ]) {
      expect(indexOfAddress(dual, elsewhere)).toBeUndefined();
    }
  });

  it("finds every index by the addresses it hands out (law)", () => {
    const types = ["IP4", "IP4_6", "IP4_6_STATIC"];
    const ranges = fc.record({
      TYPE: fc.constantFrom(...types),
      IP: fc.ipV4(),
      IP6: fc.constantFrom("2001:db8::", "2001:db8::ffff:fff0", "fd00::1"),
      GLOBAL_PREFIX: fc.constantFrom("", "2001:db8:7::", "2001:db8:0:9::"),
      MAC: fc.nat({ max: 2 ** 31 - 1 }).map((low) => formatMac(0x0200 * 2 ** 32 + low)),
    });
    fc.assert(
      fc.property(ranges, fc.nat({ max: 2 ** 20 }), (attributes, index) => {
        fc.pre((parseIp4(attributes.IP) ?? 0) + index < 2 ** 32);
        const some: AddressRange = { id: 0, size: index + 1, nextIndex: 0, attributes };
        const { IP: ip, MAC: mac, IP6: ip6 } = addressesOf(some)(index);
        expect(indexOfAddress(some, { ip })).toBe(index);
        expect(indexOfAddress(some, { ip, mac, ip6 })).toBe(index);
        expect(indexOfAddress({ ...some, size: index }, { ip })).toBeUndefined();
      }),
    );
  });
});

describe("a new address range", () => {
  it("gets its MAC from its first IPv4 address, or from the caller where it has none", () => {
    expect(completeRange({ TYPE: "IP4", IP: "10.0.0.10" }, 1)).toMatchObject({ MAC: "02:00:0a:00:00:0a" });
    expect(completeRange({ TYPE: "ETHER" }, 1, () => "02:00:01:02:03:04")).toMatchObject({
      MAC: "02:00:01:02:03:04",
    });
  });

  it.each([
    [{ TYPE: "ETHER" }, 1, "MAC must be given in a range of type ETHER."],
    [{ TYPE: "IP5" }, 1, 'TYPE must be one of ETHER, IP4, IP6, IP4_6, IP6_STATIC, IP4_6_STATIC, not "IP5".'],
    [
      { TYPE: "toString" },
      1,
      'TYPE must be one of ETHER, IP4, IP6, IP4_6, IP6_STATIC, IP4_6_STATIC, not "toString".',
    ],
    [{ TYPE: "IP4", IP: "10.0.0.300" }, 1, 'IP must be an IPv4 address, not "10.0.0.300".'],
    [{ TYPE: "IP4", IP: "10.0.0.1", MAC: "02-00" }, 1, 'MAC must be a MAC address, not "02-00".'],
    [{ TYPE: "IP4", IP: "255.255.255.250" }, 7, "SIZE must be at most 6 from 255.255.255.250 on, not 7."],
    [
      { TYPE: "IP6", MAC: "02:00:00:00:00:01", ULA_PREFIX: "fd00" },
      1,
      'ULA_PREFIX must be an IPv6 address, not "fd00".',
    ],
  ])("is refused when it makes no sense: %j of %i", (attributes, size, message) => {
    expect(() => completeRange(attributes as Vector, size)).toThrow(message);
  });
});

describe("address texts", () => {
  it("keep their number", () => {
    fc.assert(fc.property(fc.nat({ max: 2 ** 32 - 1 }), (ip) => parseIp4(formatIp4(ip)) === ip));
    fc.assert(fc.property(fc.maxSafeNat(), (mac) => parseMac(formatMac(mac % 2 ** 48)) === mac % 2 ** 48));
    fc.assert(fc.property(fc.bigInt(0n, 2n ** 128n - 1n), (ip) => parseIp6(formatIp6(ip)) === ip));
    fc.assert(
      fc.property(fc.ipV6(), (text) => parseIp6(formatIp6(parseIp6(text) ?? -1n)) === parseIp6(text)),
    );
  });

  it.each([
    ["2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
    ["fe80::", "fe80::"],
  ])("print IPv6 as inet_ntop does: %s", (text, printed) => {
    expect(formatIp6(parseIp6(text) ?? -1n)).toBe(printed);
  });

  it("are refused when they are of another kind, have a zone, or too few parts", () => {
    expect(["fe80::1%eth0", "1::2::3", "10.0.0.1", ""].map(parseIp6)).toEqual(Array(4).fill(undefined));
    expect(["02:00:0a:00:00", "02:00:0a:00:00:0g", "020:0:0:0:0:0"].map(parseMac)).toEqual(
      Array(3).fill(undefined),
    );
  });
});
