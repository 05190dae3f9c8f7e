import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checksum,
  ETHERTYPE,
  HOUSE_MAC,
  PROTOCOL,
  parseEthernet,
  printEthernet,
} from "../../gateway/cloud/embedded/wire/packets.ts";
import {
  MAX_SWITCHED_BYTES,
  type Place,
  type Port,
  Switch,
} from "../../gateway/cloud/embedded/wire/switch.ts";
import {
  anyIp,
  anyIp6,
  anyMac,
  arpFrame,
  GATEWAY_IP,
  ip4Frame,
  ip6Frame,
  macOf,
  placeOf,
  solicitation,
} from "../support/lan-frames.ts";

const HOUSE = HOUSE_MAC.readUIntBE(0, 6);
const ALICE = placeOf(1, 10);
const BOB = placeOf(1, 11);
/** Of another network, at Bob's address. */
const CAROL = placeOf(2, 11);
const ipOf = ({ addresses }: Place) => Number(addresses[0]?.ip);
const ip6 = ({ addresses }: Place) => String(addresses[1]?.ip);

function joined(...places: readonly Place[]) {
  const net = new Switch<string>();
  const ports = places.map((place, index) => net.join(place, `port ${index}`));
  const [alice, bob, carol] = ports;
  if (alice === undefined || bob === undefined) throw new Error("Two at least.");
  return { net, ports, alice, bob, carol };
}

const toBob = {
  destinationMac: BOB.mac,
  sourceMac: ALICE.mac,
  source: ipOf(ALICE),
  destination: ipOf(BOB),
};

describe("the switch between wires", () => {
  it("passes on what one guest sends another of its network, whatever is in it", () => {
    const { net, alice } = joined(ALICE, BOB, CAROL);
    for (const protocol of [PROTOCOL.icmp, PROTOCOL.tcp, PROTOCOL.udp, 132])
      expect(net.decide(alice, ip4Frame({ ...toBob, protocol }))).toEqual({ to: "guest", station: "port 1" });
    const full = ip4Frame({ ...toBob, payload: Buffer.alloc(1_480) });
    expect(full).toHaveLength(MAX_SWITCHED_BYTES);
    expect(net.decide(alice, full).to).toBe("guest");
    for (const bits of [0x2000, 0x2001, 0x00b9]) {
      const fragment = ip4Frame(toBob);
      fragment.writeUInt16BE(bits, 20);
      expect(net.decide(alice, fragment).to).toBe("guest");
    }
  });

  it("knows who asks for whom, and answers itself", () => {
    const { net, alice } = joined(ALICE, BOB);
    const asked = { sourceMac: ALICE.mac, senderIp: ipOf(ALICE), targetIp: ipOf(BOB) };
    for (const senderIp of [ipOf(ALICE), 0]) {
      const verdict = net.decide(alice, arpFrame({ ...asked, senderIp }));
      if (verdict.to !== "sender") throw new Error(`It goes to ${verdict.to}.`);
      const reply = parseEthernet(verdict.frame);
      expect(reply).toMatchObject({ destination: macOf(ALICE.mac), source: macOf(BOB.mac) });
      expect(reply?.payload.readUInt16BE(6)).toBe(2);
      expect(reply?.payload.readUIntBE(8, 6)).toBe(BOB.mac);
      expect(reply?.payload.readUInt32BE(14)).toBe(ipOf(BOB));
    }
    expect(net.decide(alice, arpFrame({ ...asked, targetIp: GATEWAY_IP })).to).toBe("house");
  });

  it.each<[string, Buffer]>([
    ["another's MAC", ip4Frame({ ...toBob, sourceMac: BOB.mac })],
    ["another's address", ip4Frame({ ...toBob, source: ipOf(BOB) })],
    ["an address that nobody has", ip4Frame({ ...toBob, source: 0x0a5800fe })],
    ["no address", ip4Frame({ ...toBob, source: 0 })],
    ["a MAC that is not the addressee's", ip4Frame({ ...toBob, destinationMac: CAROL.mac })],
    ["a group of receivers", ip4Frame({ ...toBob, destinationMac: 0x01005e000001, destination: 0xe0000001 })],
    ["an address of the addressee's that is not leased", ip4Frame({ ...toBob, destination: 0x0a5800fe })],
    ["itself", ip4Frame({ ...toBob, destinationMac: ALICE.mac, destination: ipOf(ALICE) })],
    ["more than an MTU", ip4Frame({ ...toBob, payload: Buffer.alloc(1_481) })],
    ["an answer to nobody's question", arp({ operation: 2, targetIp: ipOf(BOB) })],
    ["that another's address is its own", arp({ senderIp: ipOf(BOB), targetIp: ipOf(BOB) })],
    ["a question in another's name", arp({ senderMac: BOB.mac, targetIp: ipOf(BOB) })],
    ["a question from an address that it has not", arp({ senderIp: 0x0a5800fe, targetIp: ipOf(BOB) })],
    ["a question for itself", arp({ senderIp: 0, targetIp: ipOf(ALICE) })],
    ["IPv6 of no lease's", printEthernet(macOf(BOB.mac), macOf(ALICE.mac), 0x86dd, Buffer.alloc(60, 0x60))],
    ["a VLAN's frame", printEthernet(macOf(BOB.mac), macOf(ALICE.mac), 0x8100, ip4Frame(toBob).subarray(12))],
    [
      "what is no IPv4",
      printEthernet(macOf(BOB.mac), macOf(ALICE.mac), ETHERTYPE.ip4, Buffer.alloc(40, 0x60)),
    ],
  ])("passes nothing on from a guest that sends %s", (_, frame) => {
    const { net, alice } = joined(ALICE, BOB, CAROL);
    expect(net.decide(alice, frame)).toEqual({ to: "nobody" });
  });

  it("keeps networks apart, even where they have the same addresses", () => {
    const { net, alice, bob, carol } = joined(ALICE, BOB, CAROL, placeOf(2, 10));
    if (carol === undefined) throw new Error("There is no Carol.");
    const across = { ...toBob, destinationMac: CAROL.mac };
    expect(net.decide(alice, ip4Frame(across)).to).toBe("nobody");
    const [asked] = [{ sourceMac: CAROL.mac, senderIp: ipOf(CAROL), targetIp: ipOf(ALICE) }];
    const verdict = net.decide(carol, arpFrame(asked));
    expect(verdict.to === "sender" && parseEthernet(verdict.frame)?.source).toEqual(
      macOf(placeOf(2, 10).mac),
    );
    net.leave(bob);
    expect(net.decide(alice, ip4Frame(toBob)).to).toBe("nobody");
  });

  it("has a guest at the addresses of its aliases, each in its own network", () => {
    const alias = { networkId: 2, ip: 0x0a580020 };
    const { net, alice, carol } = joined({ ...ALICE, addresses: [...ALICE.addresses, alias] }, BOB, CAROL);
    if (carol === undefined) throw new Error("There is no Carol.");
    const fromCarol = { sourceMac: CAROL.mac, source: ipOf(CAROL), destinationMac: ALICE.mac };
    expect(net.decide(carol, ip4Frame({ ...fromCarol, destination: alias.ip }))).toMatchObject({
      station: "port 0",
    });
    expect(net.decide(carol, ip4Frame({ ...fromCarol, destination: ipOf(ALICE) })).to).toBe("nobody");
    const back = { ...toBob, destinationMac: CAROL.mac, destination: ipOf(CAROL) };
    expect(net.decide(alice, ip4Frame({ ...back, source: alias.ip })).to).toBe("guest");
    expect(net.decide(alice, ip4Frame({ ...back, source: ipOf(ALICE) })).to).toBe("nobody");
  });

  it("gives an address to whom it was leased last, and takes no notice when the other goes", () => {
    const { net, alice, bob } = joined(ALICE, BOB);
    const heir = net.join({ ...placeOf(1, 12), addresses: BOB.addresses }, "heir");
    const toHeir = { ...toBob, destinationMac: heir.mac };
    expect(net.decide(alice, ip4Frame(toBob)).to).toBe("nobody");
    const fromBob = { ...toBob, sourceMac: BOB.mac, source: ipOf(BOB), destinationMac: ALICE.mac };
    expect(net.decide(bob, ip4Frame({ ...fromBob, destination: ipOf(ALICE) })).to).toBe("nobody");
    net.leave(bob);
    expect(net.decide(alice, ip4Frame(toHeir))).toMatchObject({ station: "heir" });
  });

  it("leaves a guest without an address alone with the house", () => {
    const { net, alice } = joined({ ...ALICE, addresses: [] }, BOB);
    expect(net.decide(alice, ip4Frame(toBob)).to).toBe("nobody");
    const arpForBob = { sourceMac: ALICE.mac, senderIp: ipOf(ALICE), targetIp: ipOf(BOB) };
    expect(net.decide(alice, arpFrame(arpForBob)).to).toBe("nobody");
    expect(net.decide(alice, ip4Frame({ ...toBob, destinationMac: HOUSE })).to).toBe("house");
    expect(net.decide(alice, arpFrame({ ...arpForBob, targetIp: GATEWAY_IP })).to).toBe("house");
  });
});

const toBob6 = { destinationMac: BOB.mac, sourceMac: ALICE.mac, source: ip6(ALICE), destination: ip6(BOB) };

describe("the switch between wires, for IPv6", () => {
  it("passes on what one guest sends another, and nothing between networks", () => {
    const { net, alice } = joined(ALICE, BOB, CAROL);
    for (const protocol of [6, 17, 58, 44, 0])
      expect(net.decide(alice, ip6Frame({ ...toBob6, protocol }))).toMatchObject({ station: "port 1" });
    const across = { ...toBob6, destinationMac: CAROL.mac, destination: ip6(CAROL) };
    expect(net.decide(alice, ip6Frame(across)).to).toBe("nobody");
  });

  it("answers who asks for a neighbour, with a right sum", () => {
    const { net, alice } = joined(ALICE, BOB);
    for (const source of [ip6(ALICE), "0".repeat(32)]) {
      const verdict = net.decide(alice, solicitation(ALICE.mac, source, ip6(BOB)));
      if (verdict.to !== "sender") throw new Error(`It goes to ${verdict.to}.`);
      const { frame } = verdict;
      const isProbe = source !== ip6(ALICE);
      expect(frame.readUIntBE(0, 6)).toBe(isProbe ? 0x333300000001 : ALICE.mac);
      expect(frame.readUIntBE(6, 6)).toBe(BOB.mac);
      expect(frame.toString("hex", 22, 38)).toBe(ip6(BOB));
      expect(frame.toString("hex", 54, 56)).toBe("8800");
      expect(frame[58]).toBe(isProbe ? 0x20 : 0x60);
      expect(frame.toString("hex", 62, 80)).toBe(`${ip6(BOB)}0201`);
      expect(frame.readUIntBE(80, 6)).toBe(BOB.mac);
      const pseudo = Buffer.from([0, 0, 0, 32, 0, 0, 0, 58]);
      expect(checksum([frame.subarray(22, 54), pseudo, frame.subarray(54)])).toBe(0);
    }
  });

  it.each<[string, Buffer]>([
    ["another's address", ip6Frame({ ...toBob6, source: ip6(BOB) })],
    ["no address", ip6Frame({ ...toBob6, source: "0".repeat(32) })],
    ["an address that is not leased", ip6Frame({ ...toBob6, source: "20010db8".padEnd(32, "0") })],
    ["a group of receivers", ip6Frame({ ...toBob6, destinationMac: 0x333300000001 })],
    ["an advertisement", discovery(136)],
    ["a router's advertisement", discovery(134)],
    ["a redirect", discovery(137)],
    ["discovery behind other headers", ip6Frame({ ...toBob6, protocol: 60, hopLimit: 255 })],
    ["a question for itself", solicitation(ALICE.mac, "0".repeat(32), ip6(ALICE))],
    ["a question in another's name", solicitation(ALICE.mac, ip6(BOB), ip6(BOB))],
    ["a question for another network's", solicitation(ALICE.mac, ip6(ALICE), ip6(CAROL))],
    [
      "a question from afar",
      ip6Frame({ ...toBob6, protocol: 58, hopLimit: 64, payload: Buffer.alloc(24, 135) }),
    ],
    ["a packet that is cut", ip6Frame(toBob6).subarray(0, -1)],
  ])("passes nothing on from a guest that sends %s", (_, frame) => {
    const { net, alice } = joined(ALICE, BOB, CAROL);
    expect(net.decide(alice, frame)).toEqual({ to: "nobody" });
  });
});

function discovery(type: number): Buffer {
  return ip6Frame({ ...toBob6, protocol: 58, hopLimit: 255, payload: Buffer.from([type, 0, 0, 0]) });
}

function arp(changes: Partial<Parameters<typeof arpFrame>[0]>): Buffer {
  return arpFrame({ sourceMac: ALICE.mac, senderIp: ipOf(ALICE), targetIp: GATEWAY_IP, ...changes });
}

interface Addressed {
  readonly from: number | string;
  readonly to: number | string;
  /** Who has `to`? */
  readonly isQuestion: boolean;
}

/** Read in a way of its own. */
function addressesIn(frame: Buffer): Addressed {
  const type = frame.readUInt16BE(12);
  if (type === ETHERTYPE.arp)
    return { from: frame.readUInt32BE(28), to: frame.readUInt32BE(38), isQuestion: true };
  if (type === ETHERTYPE.ip4)
    return { from: frame.readUInt32BE(26), to: frame.readUInt32BE(30), isQuestion: false };
  const isQuestion = frame[20] === 58 && frame[54] === 135;
  const to = isQuestion ? frame.toString("hex", 62, 78) : frame.toString("hex", 38, 54);
  return { from: frame.toString("hex", 22, 38), to, isQuestion };
}

describe("the switch's laws", () => {
  /** Some guests in two networks, some with an alias, one without a lease. */
  const PLACES = [
    ...[10, 11, 12].map((host) => placeOf(1, host)),
    ...[10, 13].map((host) => placeOf(2, host)),
    placeOf(1, 14, { addresses: [...placeOf(1, 14).addresses, { networkId: 2, ip: 0x0a580030 }] }),
    placeOf(1, 15, { addresses: [] }),
  ];
  const macs = PLACES.map(({ mac }) => mac);
  const all = [...new Set(PLACES.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)))];
  const ips = all.filter((ip) => typeof ip === "number");
  const ips6 = all.filter((ip) => typeof ip === "string");

  const index = fc.nat(PLACES.length - 1);
  const anyAddress = (at: number) => Number(PLACES[at]?.addresses[0]?.ip ?? 0x0a58000f);
  const anyAddress6 = (at: number) => String(PLACES[at]?.addresses[1]?.ip).padEnd(32, "0");
  const bytesUpTo = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));

  /** Half of all tell none. */
  const orNone = <Lies>(lies: fc.Arbitrary<Lies>) => fc.oneof(fc.constant({}), lies);

  /** What `from` may send `to` if they are of one network, but for some lies. */
  const packets = (from: number, to: number) =>
    orNone(
      fc.record(
        {
          ...{ destinationMac: anyMac(macs), sourceMac: anyMac(macs) },
          ...{ source: anyIp(ips), destination: anyIp(ips) },
          ...{ protocol: fc.integer({ min: 0, max: 255 }), payload: bytesUpTo(1_600) },
        },
        { requiredKeys: [] },
      ),
    ).map((lies) =>
      ip4Frame({
        ...{ destinationMac: macs[to] ?? 0, sourceMac: macs[from] ?? 0 },
        ...{ source: anyAddress(from), destination: anyAddress(to), ...lies },
      }),
    );
  const questions = (from: number, to: number) =>
    orNone(
      fc.record(
        {
          ...{ operation: fc.constantFrom(0, 1, 2, 3), sourceMac: anyMac(macs), senderMac: anyMac(macs) },
          ...{ senderIp: anyIp(ips), targetIp: anyIp(ips), destinationMac: anyMac(macs) },
        },
        { requiredKeys: [] },
      ),
    ).map((lies) =>
      arpFrame({
        ...{ sourceMac: macs[from] ?? 0, senderIp: anyAddress(from), targetIp: anyAddress(to), ...lies },
      }),
    );
  const packets6 = (from: number, to: number) =>
    orNone(
      fc.record(
        {
          ...{ destinationMac: anyMac(macs), sourceMac: anyMac(macs) },
          ...{ source: anyIp6(ips6), destination: anyIp6(ips6), hopLimit: fc.constantFrom(64, 255) },
          ...{ protocol: fc.integer({ min: 0, max: 255 }), payload: bytesUpTo(100) },
        },
        { requiredKeys: [] },
      ),
    ).map((lies) =>
      ip6Frame({
        ...{ destinationMac: macs[to] ?? 0, sourceMac: macs[from] ?? 0 },
        ...{ source: anyAddress6(from), destination: anyAddress6(to), ...lies },
      }),
    );
  const questions6 = (from: number, to: number) =>
    fc
      .tuple(anyIp6([anyAddress6(from), ...ips6]), anyIp6([anyAddress6(to), ...ips6]))
      .map(([source, target]) => solicitation(macs[from] ?? 0, source, target));

  /** By which guest, and with a few bytes turned. */
  const anySent = fc.tuple(index, index).chain(([from, to]) =>
    fc.record({
      from: fc.constant(from),
      frame: fc
        .tuple(
          fc.oneof(
            ...[packets(from, to), questions(from, to), packets6(from, to), questions6(from, to)],
            bytesUpTo(200),
          ),
          fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 0, max: 255 })), { maxLength: 2 }),
        )
        .map(([frame, turned]) => {
          for (const [at, value] of turned) if (at < frame.length) frame[at] = value;
          return frame;
        }),
    }),
  );

  function expectLawful(
    port: Port<string>,
    frame: Buffer,
    net: Switch<string>,
    ports: readonly Port<string>[],
  ) {
    const before = Buffer.from(frame);
    const verdict = net.decide(port, frame);
    expect(frame.equals(before)).toBe(true);
    if (verdict.to === "nobody") return;
    expect(frame.readUIntBE(6, 6)).toBe(port.mac);
    if (verdict.to === "house") return;
    const { from, to, isQuestion } = addressesIn(frame);
    expect(isQuestion).toBe(verdict.to === "sender");
    // In one network the sender has what it says, and the addressee what is asked for.
    const mac = verdict.to === "sender" ? verdict.frame.readUIntBE(6, 6) : frame.readUIntBE(0, 6);
    const isUnknown = from === 0 || from === "0".repeat(32);
    const shared = port.addresses
      .filter(({ ip }) => ip === from || (isQuestion && isUnknown))
      .flatMap(({ networkId }) =>
        ports.filter((peer) =>
          peer.addresses.some((address) => address.networkId === networkId && address.ip === to),
        ),
      );
    const addressee = shared.find((peer) => peer.mac === mac);
    expect(addressee).toBeDefined();
    expect(addressee).not.toBe(port);
    if (verdict.to === "guest") expect(verdict.station).toBe(addressee?.station);
    else expect([port.mac, 0x333300000001]).toContain(verdict.frame.readUIntBE(0, 6));
  }

  it("hold for whatever bytes come: to the lease's addressee alone, from nobody else than who it says, without a fault", () => {
    const { net, ports } = joined(...PLACES);
    const seen = { guest: 0, sender: 0, house: 0, nobody: 0 };
    const property = fc.property(anySent, ({ from, frame }) => {
      const port = ports[from];
      if (port === undefined) return;
      expectLawful(port, frame, net, ports);
      seen[net.decide(port, frame).to] += 1;
    });
    fc.assert(property, { numRuns: 20_000 });
    // They were not all refused for something that has nothing to do with it.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(30);
  });
});
