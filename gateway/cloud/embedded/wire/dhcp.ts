/** DHCP on a wire (RFC 2131): one guest, and the one address that its lease says. What it is told here its context tells too. */

import {
  BROADCAST_FLAG,
  DHCP_OPTION,
  DHCP_TYPE,
  type DhcpMessage,
  parseDhcp,
  printDhcp,
} from "./dhcp-message.ts";
import {
  BROADCAST_MAC,
  ETHERNET_HEADER,
  ETHERTYPE,
  HOUSE_MAC,
  PROTOCOL,
  parseEthernet,
  parseIp4Packet,
  parseUdpDatagram,
  printEthernet,
  printUdpPacket,
} from "./packets.ts";

/** What a guest may have; addresses as numbers. */
export interface DhcpOffer {
  readonly mac: Buffer;
  readonly ip: number;
  readonly mask: number;
  /** One of the house's addresses on the wire. */
  readonly server: number;
  readonly gateway: number | undefined;
  readonly dns: readonly number[];
  readonly mtu: number;
  readonly hostName: string | undefined;
  /** Reached without a gateway; told only where there is none. */
  readonly onLink: readonly number[];
}

/** Where a frame has the protocol of its packet. */
const PROTOCOL_AT = ETHERNET_HEADER + 9;
const SERVER_PORT = 67;
const CLIENT_PORT = 68;
const BOOT_REQUEST = 1;
const BOOT_REPLY = 2;
const LIMITED_BROADCAST = 0xffffffff;
/** Thirty days. An address is the VM's as long as its interface is; a guest shall outlive a house that is away for long. */
const LEASE_SECONDS = 30 * 24 * 3_600;

/** The frame to answer a guest's with; undefined when it is no request, or none of this guest's. */
export function answerDhcp(bytes: Buffer, offer: DhcpOffer): Buffer | undefined {
  const request = requestIn(bytes, offer);
  const reply = request && replyTo(request, offer);
  if (request === undefined || reply === undefined) return undefined;
  const isRefusal = typeOf(reply) === DHCP_TYPE.nak;
  const isBroadcast = isRefusal || (request.clientIp === 0 && (request.flags & BROADCAST_FLAG) !== 0);
  const destination = isBroadcast ? LIMITED_BROADCAST : offer.ip;
  const packet = printUdpPacket(offer.server, destination, {
    sourcePort: SERVER_PORT,
    destinationPort: CLIENT_PORT,
    payload: printDhcp(reply),
  });
  return printEthernet(isBroadcast ? BROADCAST_MAC : offer.mac, HOUSE_MAC, ETHERTYPE.ip4, packet);
}

function requestIn(bytes: Buffer, { mac, ip, server }: DhcpOffer): DhcpMessage | undefined {
  // Most of what guests send the house is TCP.
  if (bytes[PROTOCOL_AT] !== PROTOCOL.udp) return undefined;
  const frame = parseEthernet(bytes);
  if (frame?.type !== ETHERTYPE.ip4 || !frame.source.equals(mac)) return undefined;
  const packet = parseIp4Packet(frame.payload);
  if (packet?.protocol !== PROTOCOL.udp || (packet.source !== 0 && packet.source !== ip)) return undefined;
  if (packet.destination !== LIMITED_BROADCAST && packet.destination !== server) return undefined;
  const datagram = parseUdpDatagram(packet);
  if (datagram?.destinationPort !== SERVER_PORT) return undefined;
  const message = parseDhcp(datagram.payload);
  const isOwn = message?.operation === BOOT_REQUEST && message.relayIp === 0 && message.mac.equals(mac);
  return isOwn ? message : undefined;
}

/** RFC 2131, 4.3. */
function replyTo(request: DhcpMessage, offer: DhcpOffer): DhcpMessage | undefined {
  switch (typeOf(request)) {
    case DHCP_TYPE.discover:
      return reply(request, offer, DHCP_TYPE.offer);
    case DHCP_TYPE.request:
      return replyToRequest(request, offer);
    case DHCP_TYPE.inform:
      return request.clientIp === offer.ip ? reply(request, offer, DHCP_TYPE.ack) : undefined;
    default:
      return undefined;
  }
}

function replyToRequest(request: DhcpMessage, offer: DhcpOffer): DhcpMessage | undefined {
  const server = addressIn(request, DHCP_OPTION.server);
  // It has chosen another server; there is none, but that is its own affair.
  if (server !== undefined && server !== offer.server) return undefined;
  const wanted = addressIn(request, DHCP_OPTION.requestedIp) ?? request.clientIp;
  if (wanted === offer.ip) return reply(request, offer, DHCP_TYPE.ack);
  return wanted === 0 ? undefined : refusal(request, offer);
}

function reply(request: DhcpMessage, offer: DhcpOffer, type: number): DhcpMessage {
  const isInform = typeOf(request) === DHCP_TYPE.inform;
  return {
    ...blankReply(request),
    clientIp: request.clientIp,
    yourIp: isInform ? 0 : offer.ip,
    options: new Map([
      [DHCP_OPTION.type, Buffer.from([type])],
      [DHCP_OPTION.server, addresses([offer.server])],
      ...(isInform ? [] : [[DHCP_OPTION.leaseSeconds, addresses([LEASE_SECONDS])] as const]),
      ...offeredOptions(offer),
    ]),
  };
}

function refusal(request: DhcpMessage, { server }: DhcpOffer): DhcpMessage {
  const options = new Map([
    [DHCP_OPTION.type, Buffer.from([DHCP_TYPE.nak])],
    [DHCP_OPTION.server, addresses([server])],
  ]);
  return { ...blankReply(request), options };
}

function blankReply({ transaction, flags, mac }: DhcpMessage): Omit<DhcpMessage, "options"> {
  return { operation: BOOT_REPLY, transaction, flags, clientIp: 0, yourIp: 0, relayIp: 0, mac };
}

function offeredOptions(offer: DhcpOffer): readonly (readonly [number, Buffer])[] {
  const { mask, gateway, dns, mtu, hostName, onLink } = offer;
  const mtuBytes = Buffer.alloc(2);
  mtuBytes.writeUInt16BE(mtu);
  // RFC 3442: a client that reads routes does not read the router, so it is one or the other.
  const ways: readonly (readonly [number, Buffer])[] =
    gateway === undefined
      ? [[DHCP_OPTION.routes, Buffer.concat(onLink.map(onLinkRoute))]]
      : [[DHCP_OPTION.router, addresses([gateway])]];
  return [
    [DHCP_OPTION.mask, addresses([mask])],
    ...ways,
    ...(dns.length === 0 ? [] : [[DHCP_OPTION.dns, addresses(dns)] as const]),
    ...(hostName === undefined ? [] : [[DHCP_OPTION.hostName, Buffer.from(hostName)] as const]),
    [DHCP_OPTION.mtu, mtuBytes],
  ];
}

/** RFC 3442: a host's route, and no router on the way. */
function onLinkRoute(ip: number): Buffer {
  return Buffer.concat([Buffer.from([32]), addresses([ip, 0])]);
}

function typeOf({ options }: DhcpMessage): number | undefined {
  const type = options.get(DHCP_OPTION.type);
  return type?.length === 1 ? type[0] : undefined;
}

function addressIn({ options }: DhcpMessage, code: number): number | undefined {
  const value = options.get(code);
  return value?.length === 4 ? value.readUInt32BE(0) : undefined;
}

/** Any 32-bit numbers. */
function addresses(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number, 4 * index);
  return bytes;
}
