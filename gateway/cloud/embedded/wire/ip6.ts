/**
 * IPv6 as bytes, as far as the switch must know it: who sends to whom, and neighbour discovery (RFC 4861), which the switch answers
 * itself. Addresses are 32 hexadecimal digits, to compare by.
 */

import { checksum, ETHERNET_HEADER, ETHERTYPE, printEthernet } from "./packets.ts";

export interface Ip6Head {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** Of an ICMPv6 message without extension headers before it; else undefined. */
  readonly icmpType: number | undefined;
  readonly hopLimit: number;
}

/** A question who has an address. */
export interface Solicitation {
  readonly source: string;
  readonly target: string;
}

const HEADER = 40;
const PAYLOAD = ETHERNET_HEADER + HEADER;
const ICMP6 = 58;
const PLAIN_PROTOCOLS: ReadonlySet<number> = new Set([6, 17, ICMP6]);
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
/** Solicitations and advertisements of routers and neighbours, and redirects. */
const DISCOVERY_TYPES = { first: 133, last: 137 } as const;
/** What no router has passed on: neighbour discovery counts only so. */
const DISCOVERY_HOP_LIMIT = 255;
const SOLICITED = 0x40;
const OVERRIDE = 0x20;
export const UNSPECIFIED6 = "0".repeat(32);
const ALL_NODES = "ff020000000000000000000000000001";
const ALL_NODES_MAC = Buffer.from("333300000001", "hex");

/** Of a frame whose packet is whole. */
export function parseIp6Head(frame: Buffer): Ip6Head | undefined {
  if (frame.length < PAYLOAD || (frame[ETHERNET_HEADER] ?? 0) >> 4 !== 6) return undefined;
  if (frame.readUInt16BE(18) > frame.length - PAYLOAD) return undefined;
  const protocol = frame[20] ?? 0;
  return {
    source: frame.toString("hex", 22, 38),
    destination: frame.toString("hex", 38, PAYLOAD),
    protocol,
    icmpType: protocol === ICMP6 ? frame[PAYLOAD] : undefined,
    hopLimit: frame[21] ?? 0,
  };
}

/** May one guest send it to another? Not what tells of neighbours and routers, however it is wrapped. */
export function isForGuests({ protocol, icmpType = 0, hopLimit }: Ip6Head): boolean {
  // Behind other headers it would have to have this hop limit, too.
  if (!PLAIN_PROTOCOLS.has(protocol)) return hopLimit < DISCOVERY_HOP_LIMIT;
  return icmpType < DISCOVERY_TYPES.first || icmpType > DISCOVERY_TYPES.last;
}

export function parseSolicitation(frame: Buffer, head: Ip6Head): Solicitation | undefined {
  const isWhole = frame.length >= PAYLOAD + 24 && frame[PAYLOAD + 1] === 0;
  if (head.icmpType !== SOLICITATION || head.hopLimit !== DISCOVERY_HOP_LIMIT || !isWhole) return undefined;
  return { source: head.source, target: frame.toString("hex", PAYLOAD + 8, PAYLOAD + 24) };
}

/** Tells the guest with `guestMac`, who asked, that `mac` has the address. */
export function printAdvertisement({ source, target }: Solicitation, guestMac: Buffer, mac: Buffer): Buffer {
  const isUnspecified = source === UNSPECIFIED6;
  const destination = isUnspecified ? ALL_NODES : source;
  const message = Buffer.alloc(32);
  message[0] = ADVERTISEMENT;
  message[4] = isUnspecified ? OVERRIDE : SOLICITED | OVERRIDE;
  message.write(target, 8, "hex");
  message[24] = 2; // the target's address on the link
  message[25] = 1; // in units of eight bytes
  mac.copy(message, 26);
  const addresses = Buffer.from(target + destination, "hex");
  const pseudo = Buffer.from([0, 0, 0, message.length, 0, 0, 0, ICMP6]);
  message.writeUInt16BE(checksum([addresses, pseudo, message]), 2);
  const head = Buffer.from([0x60, 0, 0, 0, 0, message.length, ICMP6, DISCOVERY_HOP_LIMIT]);
  const packet = Buffer.concat([head, addresses, message]);
  return printEthernet(isUnspecified ? ALL_NODES_MAC : guestMac, mac, ETHERTYPE.ip6, packet);
}
