/** Frames and places for tests of what lies between wires. */

import fc from "fast-check";
import { ETHERTYPE, printEthernet, printIp4Packet } from "../../gateway/cloud/embedded/wire/packets.ts";
import type { Place } from "../../gateway/cloud/embedded/wire/switch.ts";

export const GATEWAY_IP = 0x0a580001;

export function macOf(number: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(number, 0, 6);
  return bytes;
}

/** The guest `host` of a network, as the cloud numbers it. */
export function placeOf(networkId: number, host: number, more: Partial<Place> = {}): Place {
  return {
    mac: 0x0200_0000_0000 + networkId * 0x10000 + host,
    addresses: [
      { networkId, ip: 0x0a580000 + host },
      { networkId, ip: ip6Of(networkId, host) },
    ],
    houseIps: new Set([GATEWAY_IP]),
    ...more,
  };
}

export interface SentPacket {
  readonly destinationMac: number;
  readonly sourceMac: number;
  readonly source: number;
  readonly destination: number;
  readonly protocol?: number;
  readonly payload?: Buffer;
}

export function ip4Frame({ destinationMac, sourceMac, protocol = 6, payload, ...ips }: SentPacket): Buffer {
  const packet = printIp4Packet({ ...ips, protocol, payload: payload ?? Buffer.from("payload") });
  return printEthernet(macOf(destinationMac), macOf(sourceMac), ETHERTYPE.ip4, packet);
}

export interface SentIp6 {
  readonly destinationMac: number;
  readonly sourceMac: number;
  /** 32 hexadecimal digits. */
  readonly source: string;
  readonly destination: string;
  readonly protocol?: number;
  readonly hopLimit?: number;
  readonly payload?: Buffer;
}

export function ip6Frame(sent: SentIp6): Buffer {
  const { protocol = 6, hopLimit = 64, payload = Buffer.from("payload") } = sent;
  const head = Buffer.from([0x60, 0, 0, 0, 0, 0, protocol, hopLimit]);
  head.writeUInt16BE(payload.length, 4);
  const packet = Buffer.concat([head, Buffer.from(sent.source + sent.destination, "hex"), payload]);
  return printEthernet(macOf(sent.destinationMac), macOf(sent.sourceMac), ETHERTYPE.ip6, packet);
}

/** A neighbour solicitation; nobody on a wire looks at its sum. */
export function solicitation(sourceMac: number, source: string, target: string): Buffer {
  const payload = Buffer.concat([Buffer.from([135, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(target, "hex")]);
  const group = `ff0200000000000000000001ff${target.slice(-6)}`;
  const to = { destinationMac: 0x3333ff000000 + Number.parseInt(target.slice(-6), 16), destination: group };
  return ip6Frame({ ...to, sourceMac, source, protocol: 58, hopLimit: 255, payload });
}

/** The link-local address of a guest, as its lease has it. */
export function ip6Of(networkId: number, host: number): string {
  return `fe80000000000000000000fffe${(networkId * 0x10000 + host).toString(16).padStart(6, "0")}`;
}

export interface SentArp {
  readonly operation?: number;
  readonly sourceMac: number;
  readonly senderMac?: number;
  readonly senderIp: number;
  readonly targetIp: number;
  readonly destinationMac?: number;
}

export function arpFrame(sent: SentArp): Buffer {
  const { operation = 1, sourceMac, senderMac = sourceMac, senderIp, targetIp } = sent;
  const bytes = Buffer.alloc(28);
  bytes.writeBigUInt64BE(0x0001_0800_0604_0000n | BigInt(operation), 0);
  macOf(senderMac).copy(bytes, 8);
  bytes.writeUInt32BE(senderIp, 14);
  bytes.writeUInt32BE(targetIp, 24);
  return printEthernet(macOf(sent.destinationMac ?? 0xffffffffffff), macOf(sourceMac), ETHERTYPE.arp, bytes);
}

/** Few enough to meet: addresses of all guests, the house's, groups, and one that is nobody's. */
export function anyMac(known: readonly number[]): fc.Arbitrary<number> {
  return fc.constantFrom(...known, 0xffffffffffff, 0x01005e000001, 0x0267_6174_6501, 0x0200_dead_beef);
}

export function anyIp6(known: readonly string[]): fc.Arbitrary<string> {
  return fc.constantFrom(
    ...known,
    "0".repeat(32),
    "ff020000000000000000000000000001",
    "20010db8".padEnd(32, "0"),
  );
}

export function anyIp(known: readonly number[]): fc.Arbitrary<number> {
  return fc.constantFrom(...known, 0, 0xffffffff, 0x0a5800ff, 0xe0000001, 0x7f000001, GATEWAY_IP, 0x08080808);
}
