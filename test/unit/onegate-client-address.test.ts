import { describe, expect, it } from "vitest";
import { loadConfig } from "../../gateway/config.ts";
import { createAddressReader } from "../../gateway/onegate/fairness/client-address.ts";
import { canonicalAddress, countedAs, isNetwork } from "../../gateway/onegate/fairness/networks.ts";

/** Whose a request is, by address: X-Forwarded-For counts from trusted proxies alone, and from the right. */

describe("the address of a request", () => {
  const read = createAddressReader(["10.0.0.0/8", "192.0.2.9", "fd00::/8"]);

  it.each([
    ["nobody was told", "203.0.113.5", undefined, "203.0.113.5"],
    ["the peer is no proxy of ours", "203.0.113.5", "10.0.0.1", "203.0.113.5"],
    ["a proxy tells", "10.1.2.3", "203.0.113.7", "203.0.113.7"],
    ["a proxy that is one address tells", "192.0.2.9", "203.0.113.7", "203.0.113.7"],
    ["the neighbour of a proxy tells", "192.0.2.8", "203.0.113.7", "192.0.2.8"],
    ["the peer is IPv4 in IPv6", "::ffff:10.1.2.3", "203.0.113.7", "203.0.113.7"],
    ["an IPv6 proxy tells", "fd00::1", "2001:DB8:0:0::7", "2001:db8::7"],
    ["the client wrote a hop itself", "10.1.2.3", "127.0.0.1, 203.0.113.7", "203.0.113.7"],
    ["there are several proxies", "10.1.2.3", "198.51.100.1,203.0.113.7 , 10.9.9.9", "203.0.113.7"],
    ["all hops are proxies", "10.1.2.3", "10.0.0.1, 10.0.0.2", "10.0.0.1"],
    ["a hop is none", "10.1.2.3", "203.0.113.7, unknown", "10.1.2.3"],
    ["a hop is none, behind a proxy", "10.1.2.3", "203.0.113.7, _x, 10.0.0.2", "10.0.0.2"],
    ["the header is empty", "10.1.2.3", "", "10.1.2.3"],
    ["there are empty hops", "10.1.2.3", "203.0.113.7, ,", "10.1.2.3"],
    ["hops have ports", "10.1.2.3", "203.0.113.7:4711, 10.0.0.2:80", "203.0.113.7"],
    ["hops have brackets and ports", "10.1.2.3", "[2001:db8::7]:4711, [fd00::2]", "2001:db8::7"],
    ["brackets hold IPv4", "10.1.2.3", "[203.0.113.7]", "10.1.2.3"],
    ["a hop is IPv4 in IPv6", "10.1.2.3", "::ffff:203.0.113.7", "203.0.113.7"],
    ["a hop is quoted", "10.1.2.3", '"203.0.113.7"', "10.1.2.3"],
    ["a hop is no full address", "10.1.2.3", "203.0.113", "10.1.2.3"],
    ["a hop has leading zeros", "10.1.2.3", "203.0.113.010", "10.1.2.3"],
    ["the peer is gone", undefined, "203.0.113.7", "gone"],
  ])("when %s", (_when, peer, forwardedFor, address) => {
    expect(read(peer, forwardedFor)).toBe(address);
  });

  it("is not looked for beyond 32 proxies", () => {
    const chain = Array.from(
      { length: 10_000 },
      (_, hop) => `10.0.${Math.floor(hop / 256)}.${hop % 256}`,
    ).join(",");
    expect(read("10.1.2.3", chain)).toBe("10.0.38.240");
  });
});

it.each([
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
  ["2001:db8::9", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1", "fe80::1"],
])("%s counts as %s", (address, counted) => expect(countedAs(address)).toBe(counted));

it("an address is written in one way", () => {
  expect(
    ["2001:DB8::0:1", "::FFFF:c000:0201", "fe80::1%eth0", "192.0.2.1", "a", ""].map(canonicalAddress),
  ).toEqual(["2001:db8::1", "192.0.2.1", "fe80::1", "192.0.2.1", undefined, undefined]);
});

describe("a trusted proxy", () => {
  it.each(["10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::1", "fd00::/8", "::/128"])("may be %s", (text) =>
    expect(isNetwork(text)).toBe(true),
  );
  it.each([
    "",
    "proxy",
    "10.0.0",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0.0/-1",
    "fe80::1%eth0",
  ])("may not be %s", (text) => {
    expect(isNetwork(text)).toBe(false);
    if (text === "") return;
    const env = { GATEHOUSE_ONEGATE_TRUSTED_PROXIES: text };
    expect(() => loadConfig({ env, cwd: "/nonexistent" })).toThrow(
      `onegate.trusted_proxies is ["${text}"] (GATEHOUSE_ONEGATE_TRUSTED_PROXIES); it must be a list of addresses or CIDR ranges`,
    );
  });
});
