/**
 * The virtual networks between wires: to whom a guest's frame goes. Leases alone say who is where, so there is nothing to learn and
 * nothing to poison; a frame reaches one guest at most, and only from a sender that is who it says. Pure: frames in, verdicts out.
 */

import {
  isForGuests,
  parseIp6Head,
  parseSolicitation,
  printAdvertisement,
  type Solicitation,
  UNSPECIFIED6,
} from "./ip6.ts";
import {
  ETHERNET_HEADER,
  ETHERTYPE,
  HOUSE_MAC,
  parseArpRequest,
  printArpReply,
  printEthernet,
} from "./packets.ts";

/** An IPv4 address as a number, an IPv6 address as 32 hexadecimal digits. */
export type AddressKey = number | string;

/** An address that a guest may use on a virtual network. */
export interface NetworkAddress {
  readonly networkId: number;
  readonly ip: AddressKey;
}

/** What the cloud gave an interface. */
export interface Place {
  /** As a number. */
  readonly mac: number;
  /** That of its lease, and those of the aliases on it; none: it reaches no guest. */
  readonly addresses: readonly NetworkAddress[];
  /** Those that are the house's on its wire, whoever leases them. */
  readonly houseIps: ReadonlySet<number>;
}

export type Verdict<Station> =
  | { readonly to: "guest"; readonly station: Station }
  /** An answer for the sender. */
  | { readonly to: "sender"; readonly frame: Buffer }
  /** For what the house itself has on the wire. */
  | { readonly to: "house" }
  | { readonly to: "nobody" };

/** An interface that has joined; `station` is what stands for it outside. */
export interface Port<Station> extends Place {
  readonly station: Station;
}

/** An MTU of 1500, as the guests' contexts and DHCP have it unless they say less. */
export const MAX_SWITCHED_BYTES = ETHERNET_HEADER + 1_500;

const LEAST_IP4_FRAME = ETHERNET_HEADER + 20;
const HOUSE = { to: "house" } as const;
const NOBODY = { to: "nobody" } as const;
const HOUSE_MAC_NUMBER = HOUSE_MAC.readUIntBE(0, 6);

export class Switch<Station> {
  /** By network, then by address. */
  readonly #holders = new Map<number, Map<AddressKey, Port<Station>>>();

  /** An address that another port had is this one's from now on: leases are given once, so that one is of the past. */
  join(place: Place, station: Station): Port<Station> {
    const port = { ...place, station };
    for (const { networkId, ip } of place.addresses) {
      const network = this.#holders.get(networkId) ?? new Map<AddressKey, Port<Station>>();
      network.set(ip, port);
      this.#holders.set(networkId, network);
    }
    return port;
  }

  /** Has other addresses from now on. */
  move(port: Port<Station>, addresses: readonly NetworkAddress[]): Port<Station> {
    this.leave(port);
    return this.join({ ...port, addresses }, port.station);
  }

  leave(port: Port<Station>): void {
    for (const { networkId, ip } of port.addresses) {
      const network = this.#holders.get(networkId);
      if (network?.get(ip) === port) network.delete(ip);
      if (network?.size === 0) this.#holders.delete(networkId);
    }
  }

  /** Where a frame of this port's goes. */
  decide(port: Port<Station>, frame: Buffer): Verdict<Station> {
    if (frame.length < ETHERNET_HEADER || frame.length > MAX_SWITCHED_BYTES) return NOBODY;
    if (frame.readUIntBE(6, 6) !== port.mac) return NOBODY;
    switch (frame.readUInt16BE(12)) {
      case ETHERTYPE.ip4:
        return this.#decideIp4(port, frame);
      case ETHERTYPE.arp:
        return this.#decideArp(port, frame);
      case ETHERTYPE.ip6:
        return this.#decideIp6(port, frame);
      default:
        return NOBODY;
    }
  }

  #decideIp4(port: Port<Station>, frame: Buffer): Verdict<Station> {
    const destinationMac = frame.readUIntBE(0, 6);
    // A broadcast is for DHCP, and no guest's business.
    if (destinationMac === HOUSE_MAC_NUMBER || destinationMac === 0xffffffffffff) return HOUSE;
    if (!isWholeIp4(frame)) return NOBODY;
    return this.#pass(port, frame.readUInt32BE(26), frame.readUInt32BE(30), destinationMac);
  }

  /** Neighbour discovery is answered here as ARP is; the house itself has no IPv6. */
  #decideIp6(port: Port<Station>, frame: Buffer): Verdict<Station> {
    const head = parseIp6Head(frame);
    if (head === undefined) return NOBODY;
    const question = parseSolicitation(frame, head);
    if (question !== undefined) return this.#advertise(port, question);
    if (!isForGuests(head)) return NOBODY;
    return this.#pass(port, head.source, head.destination, frame.readUIntBE(0, 6));
  }

  #advertise(port: Port<Station>, question: Solicitation): Verdict<Station> {
    const { source, target } = question;
    for (const { networkId, ip } of port.addresses) {
      // RFC 4862: who looks whether its address is free asks from none.
      if (source !== ip && source !== UNSPECIFIED6) continue;
      const peer = this.#peer(port, networkId, ip, target);
      if (peer === undefined) continue;
      const frame = printAdvertisement(question, macBytes(port.mac), macBytes(peer.mac));
      return { to: "sender", frame };
    }
    return NOBODY;
  }

  #pass(port: Port<Station>, source: AddressKey, destination: AddressKey, mac: number): Verdict<Station> {
    for (const { networkId, ip } of port.addresses) {
      const peer = ip === source ? this.#peer(port, networkId, ip, destination) : undefined;
      if (peer?.mac === mac) return { to: "guest", station: peer.station };
    }
    return NOBODY;
  }

  /** Answered here, with what the leases say, so no guest hears what another says of addresses. */
  #decideArp(port: Port<Station>, frame: Buffer): Verdict<Station> {
    const request = parseArpRequest(frame.subarray(ETHERNET_HEADER));
    if (request === undefined || request.senderMac.readUIntBE(0, 6) !== port.mac) return NOBODY;
    const { senderIp, targetIp } = request;
    if (port.houseIps.has(targetIp)) return HOUSE;
    for (const { networkId, ip } of port.addresses) {
      // RFC 5227: who has no address yet asks from 0.
      if (senderIp !== ip && senderIp !== 0) continue;
      const peer = this.#peer(port, networkId, ip, targetIp);
      if (peer === undefined) continue;
      const mac = macBytes(peer.mac);
      const reply = printArpReply(request, mac);
      return { to: "sender", frame: printEthernet(request.senderMac, mac, ETHERTYPE.arp, reply) };
    }
    return NOBODY;
  }

  /** Who has `ip` on a network where `own` is still this port's. */
  #peer(port: Port<Station>, networkId: number, own: AddressKey, ip: AddressKey): Port<Station> | undefined {
    const network = this.#holders.get(networkId);
    if (network?.get(own) !== port) return undefined;
    const peer = network.get(ip);
    return peer === port ? undefined : peer;
  }
}

/** Its header's lengths agree with the frame's; what is in it is for its receiver to judge. */
function isWholeIp4(frame: Buffer): boolean {
  if (frame.length < LEAST_IP4_FRAME) return false;
  const head = frame[ETHERNET_HEADER] ?? 0;
  const headerBytes = (head & 0x0f) * 4;
  const totalBytes = frame.readUInt16BE(16);
  return (
    head >> 4 === 4 &&
    headerBytes >= 20 &&
    totalBytes >= headerBytes &&
    totalBytes <= frame.length - ETHERNET_HEADER
  );
}

function macBytes(mac: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(mac, 0, 6);
  return bytes;
}
