import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planGuest } from "../../gateway/cloud/embedded/drivers/qemu-plan.ts";
import { dhcpOf } from "../../gateway/cloud/embedded/drivers/qemu-wires.ts";
import { answerDhcp, type DhcpOffer } from "../../gateway/cloud/embedded/wire/dhcp.ts";
import {
  BROADCAST_FLAG,
  DHCP_OPTION,
  DHCP_TYPE,
  type DhcpMessage,
  parseDhcp,
  printDhcp,
} from "../../gateway/cloud/embedded/wire/dhcp-message.ts";
import {
  BROADCAST_MAC,
  ETHERTYPE,
  HOUSE_MAC,
  PROTOCOL,
  parseEthernet,
  parseIp4Packet,
  parseUdpDatagram,
  printEthernet,
  printIp4Packet,
  printUdpPacket,
} from "../../gateway/cloud/embedded/wire/packets.ts";
import type { Template } from "../../shared/template/types.ts";
import { macOf } from "../support/lan-frames.ts";

const MAC = macOf(0x02000a58000a);
const IP = 0x0a58000a;
const GATEWAY = 0x0a580001;
const LINK_LOCAL = 0xa9fe1009;
const OFFER: DhcpOffer = {
  ...{ mac: MAC, ip: IP, mask: 0xffffff00, server: GATEWAY, gateway: GATEWAY, dns: [0x01010101, 0x08080808] },
  ...{ mtu: 1_400, hostName: "web-0", onLink: [LINK_LOCAL] },
};
const BLANK: DhcpMessage = {
  ...{ operation: 1, transaction: 0xdeadbeef, flags: 0, clientIp: 0, yourIp: 0, relayIp: 0, mac: MAC },
  options: new Map(),
};

const ip = (number: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes;
};

interface Sent {
  readonly type?: number;
  readonly options?: readonly (readonly [number, Buffer])[];
  readonly message?: Partial<DhcpMessage>;
  readonly source?: number;
  readonly destination?: number;
  readonly port?: number;
  readonly sourceMac?: Buffer;
}

/** As a client sends it. */
function request(sent: Sent): Buffer {
  const { type = DHCP_TYPE.discover, options = [], message = {}, port = 67, sourceMac = MAC } = sent;
  const payload = printDhcp({
    ...BLANK,
    options: new Map([[DHCP_OPTION.type, Buffer.from([type])], ...options]),
    ...message,
  });
  const datagram = { sourcePort: 68, destinationPort: port, payload };
  const packet = printUdpPacket(sent.source ?? 0, sent.destination ?? 0xffffffff, datagram);
  return printEthernet(BROADCAST_MAC, sourceMac, ETHERTYPE.ip4, packet);
}

interface Heard {
  readonly mac: Buffer;
  readonly destination: number;
  readonly message: DhcpMessage;
}

function heard(frame: Buffer | undefined): Heard | undefined {
  if (frame === undefined) return undefined;
  const ethernet = parseEthernet(frame);
  const packet = ethernet && parseIp4Packet(ethernet.payload);
  const datagram = packet && parseUdpDatagram(packet);
  const message = datagram && parseDhcp(datagram.payload);
  if (ethernet === undefined || packet === undefined || message === undefined)
    throw new Error("It is no DHCP message.");
  expect(ethernet.source).toEqual(HOUSE_MAC);
  expect(packet).toMatchObject({ protocol: PROTOCOL.udp, source: GATEWAY });
  expect(datagram).toMatchObject({ sourcePort: 67, destinationPort: 68 });
  return { mac: ethernet.destination, destination: packet.destination, message };
}

const answer = (sent: Sent, offer = OFFER) => heard(answerDhcp(request(sent), offer));
const typeOf = ({ message }: Heard) => message.options.get(DHCP_OPTION.type)?.[0];
const optionsOf = ({ message }: Heard) =>
  Object.fromEntries([...message.options].map(([code, value]) => [code, value.toString("hex")]));

describe("DHCP on a wire", () => {
  it("offers a guest the address of its lease, and all that belongs to it", () => {
    const offered = answer({});
    expect(offered).toMatchObject({ mac: MAC, destination: IP });
    expect(offered?.message).toMatchObject({ operation: 2, transaction: 0xdeadbeef, yourIp: IP });
    expect(offered && optionsOf(offered)).toEqual({
      ...{ 53: "02", 54: "0a580001", 51: "00278d00", 1: "ffffff00", 3: "0a580001" },
      ...{ 6: "0101010108080808", 12: Buffer.from("web-0").toString("hex"), 26: "0578" },
    });
  });

  it("gives it, and renews it, as it was offered", () => {
    const chosen = [
      [DHCP_OPTION.server, ip(GATEWAY)],
      [DHCP_OPTION.requestedIp, ip(IP)],
    ] as const;
    const given = answer({ type: DHCP_TYPE.request, options: chosen });
    expect(given && typeOf(given)).toBe(DHCP_TYPE.ack);
    const again = answer({ type: DHCP_TYPE.request, options: [[DHCP_OPTION.requestedIp, ip(IP)]] });
    expect(again && typeOf(again)).toBe(DHCP_TYPE.ack);
    const renewed = answer({
      ...{ type: DHCP_TYPE.request, message: { clientIp: IP, flags: BROADCAST_FLAG } },
      ...{ source: IP, destination: GATEWAY },
    });
    expect(renewed).toMatchObject({ mac: MAC, destination: IP, message: { clientIp: IP, yourIp: IP } });
  });

  it("speaks to all where a client hears nothing else", () => {
    const offered = answer({ message: { flags: BROADCAST_FLAG } });
    expect(offered).toMatchObject({ mac: BROADCAST_MAC, destination: 0xffffffff });
  });

  it("refuses an address that is not the guest's", () => {
    for (const sent of [
      { options: [[DHCP_OPTION.requestedIp, ip(IP + 1)]] as const },
      { message: { clientIp: IP + 1 } },
    ]) {
      const refused = answer({ type: DHCP_TYPE.request, ...sent });
      expect(refused && optionsOf(refused)).toEqual({ 53: "06", 54: "0a580001" });
      expect(refused).toMatchObject({ mac: BROADCAST_MAC, destination: 0xffffffff, message: { yourIp: 0 } });
    }
  });

  it("tells a guest that has its address the rest", () => {
    const told = answer({ type: DHCP_TYPE.inform, message: { clientIp: IP }, source: IP });
    expect(told && optionsOf(told)).toMatchObject({ 53: "05", 1: "ffffff00", 3: "0a580001" });
    expect(told && optionsOf(told)).not.toHaveProperty("51");
    expect(told?.message.yourIp).toBe(0);
  });

  it("leads to OneGate without a gateway, where there is none", () => {
    const alone = { ...OFFER, gateway: undefined };
    const offered = answer({}, alone);
    expect(offered && optionsOf(offered)).toMatchObject({ 121: "20a9fe100900000000" });
    expect(offered && optionsOf(offered)).not.toHaveProperty("3");
  });

  it.each<[string, Sent]>([
    ["another's MAC on the wire", { sourceMac: macOf(0x02000a58000b) }],
    ["another's MAC in the message", { message: { mac: macOf(0x02000a58000b) } }],
    ["another's address", { source: IP + 1 }],
    ["another port", { port: 68 }],
    ["another server's address", { destination: 0x0a580002 }],
    ["a relay's word", { message: { relayIp: GATEWAY } }],
    ["a reply", { message: { operation: 2 } }],
    ["no type", { message: { options: new Map() } }],
    ["a release", { type: 7 }],
    ["a request for another server", { type: DHCP_TYPE.request, options: [[DHCP_OPTION.server, ip(1)]] }],
    ["a request for nothing", { type: DHCP_TYPE.request }],
    ["another's address, to be told of", { type: DHCP_TYPE.inform, message: { clientIp: IP + 1 } }],
  ])("is silent to %s", (_, sent) => {
    expect(answer(sent)).toBeUndefined();
  });

  it("says what the context of the VM says, and nothing that is not so", () => {
    const NIC = { NIC_ID: "0", MAC: "02:00:0a:58:00:0a", IP: "10.88.0.10", NETWORK_ID: "0" };
    const offerOf = (nic: Template, context: Record<string, string>) => {
      const template = { MEMORY: "64", DISK: { SIZE: "1" }, NIC: { ...NIC, ...nic }, CONTEXT: context };
      const { nics, hostName } = planGuest({ id: 1, template });
      return nics[0] && dhcpOf(nics[0], hostName);
    };
    const said = {
      ETH0_MASK: "255.255.0.0",
      ETH0_GATEWAY: "10.88.0.1",
      ETH0_DNS: "1.1.1.1 nonsense, 8.8.8.8",
    };
    const context = { ...said, ETH0_MTU: "1400", SET_HOSTNAME: "web-0" };
    expect(offerOf({}, context)).toEqual({ ...OFFER, mask: 0xffff0000 });
    expect(offerOf({ GATEWAY: "10.88.0.2", DNS: "9.9.9.9" }, {})).toMatchObject({
      ...{ gateway: 0x0a580002, server: 0x0a580002, dns: [0x09090909], mask: 0xffffff00 },
      ...{ mtu: 1_500, hostName: undefined },
    });
    const strange = { SET_HOSTNAME: "a;reboot", ETH0_MTU: "9000", ETH0_GATEWAY: "::1" };
    expect(offerOf({}, strange)).toMatchObject({
      ...{ hostName: undefined, mtu: 1_500, gateway: undefined, server: LINK_LOCAL },
    });
    expect(offerOf({ IP: "" }, context)).toBeUndefined();
  });
});

describe("DHCP's laws", () => {
  const anyBytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes));
  const number = (bits: number) => fc.nat(2 ** bits - 1);
  const anyMessage: fc.Arbitrary<DhcpMessage> = fc.record({
    ...{ operation: number(8), transaction: number(32), flags: number(16), clientIp: number(32) },
    ...{ yourIp: number(32), relayIp: number(32) },
    mac: fc.uint8Array({ minLength: 6, maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
    options: fc
      .array(fc.tuple(fc.integer({ min: 1, max: 254 }), anyBytes(600)), { maxLength: 6 })
      .map((entries) => new Map(entries)),
  });

  it("a message is read as it was written", () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(parseDhcp(printDhcp(message))).toEqual(message);
      }),
    );
  });

  it("a message that is cut or turned anywhere is none, or another, and no fault", () => {
    const whole = printDhcp({ ...BLANK, options: new Map([[53, Buffer.from([1])]]) });
    for (let length = 0; length < whole.length; length += 1) {
      const message = parseDhcp(whole.subarray(0, length));
      if (length < 243) expect(message?.options.get(53)).toBeUndefined();
    }
    fc.assert(
      fc.property(anyMessage, fc.array(fc.tuple(fc.nat(400), number(8))), (message, turned) => {
        const bytes = printDhcp(message);
        for (const [at, value] of turned) if (at < bytes.length) bytes[at] = value;
        parseDhcp(bytes);
      }),
    );
  });

  it("whatever is sent, what is answered is this guest's address, to this guest, from the house", () => {
    const anySent = fc.record({
      ...{ type: fc.integer({ min: 0, max: 9 }), source: fc.constantFrom(0, IP, IP + 1) },
      destination: fc.constantFrom(0xffffffff, GATEWAY, IP),
      message: fc.record({ clientIp: fc.constantFrom(0, IP, IP + 1), flags: number(16) }),
      options: fc.array(
        fc.tuple(
          fc.constantFrom(50, 54, 55, 57, 61),
          fc.oneof(anyBytes(8), fc.constantFrom(ip(IP), ip(GATEWAY))),
        ),
        { maxLength: 3 },
      ),
    });
    let answered = 0;
    fc.assert(
      fc.property(anySent, fc.array(fc.tuple(fc.nat(300), number(8)), { maxLength: 2 }), (sent, turned) => {
        const frame = request(sent);
        for (const [at, value] of turned) frame[14 + at] = value;
        const said = heard(answerDhcp(frame, OFFER));
        if (said === undefined) return;
        answered += 1;
        expect([MAC.toString("hex"), "ffffffffffff"]).toContain(said.mac.toString("hex"));
        expect([0, IP]).toContain(said.message.yourIp);
        expect(said.message.mac).toEqual(MAC);
      }),
      { numRuns: 2_000 },
    );
    expect(answered).toBeGreaterThan(20);
  });
});

describe("UDP", () => {
  it("is read as it was written; a wrong sum and a wrong length are seen, no sum is none", () => {
    const sent = { sourcePort: 1, destinationPort: 2, payload: Buffer.from("odd") };
    const bytes = printUdpPacket(IP, GATEWAY, sent);
    const read = (packet: Buffer) => {
      const parsed = parseIp4Packet(packet);
      return parsed && parseUdpDatagram(parsed);
    };
    expect(read(bytes)).toEqual(sent);
    for (let at = 20; at < bytes.length; at += 1) {
      const turned = Buffer.from(bytes);
      turned[at] = (turned[at] ?? 0) ^ 1;
      expect(read(turned), `byte ${at}`).toBeUndefined();
    }
    const unsummed = Buffer.from(bytes);
    unsummed.writeUInt16BE(0, 26);
    expect(read(unsummed)).toEqual(sent);
    const tooShort = printIp4Packet({
      protocol: 17,
      source: IP,
      destination: GATEWAY,
      payload: Buffer.alloc(7),
    });
    expect(read(tooShort)).toBeUndefined();
  });
});
