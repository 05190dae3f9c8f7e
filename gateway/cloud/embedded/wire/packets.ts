/** Ethernet, ARP, IPv4, ICMP, UDP and TCP as bytes, as far as a wire speaks them. Parsers give undefined for anything else. */

export interface EthernetFrame {
  readonly destination: Buffer;
  readonly source: Buffer;
  readonly type: number;
  readonly payload: Buffer;
}

export const ETHERTYPE = { ip4: 0x0800, arp: 0x0806, ip6: 0x86dd } as const;
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 } as const;
export const TCP_FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

export const ETHERNET_HEADER = 14;
/** The house's on every wire. Locally administered, and no guest's: those begin with OpenNebula's MAC_PREFIX 02:00. */
export const HOUSE_MAC = Buffer.from([0x02, 0x67, 0x61, 0x74, 0x65, 0x01]);
export const BROADCAST_MAC = Buffer.alloc(6, 0xff);

const ARP_BYTES = 28;
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
const IP4_HEADER = 20;
const TCP_HEADER = 20;
const UDP_HEADER = 8;
const MSS_OPTION = 2;
const MSS_OPTION_BYTES = 4;
/** More fragments, or not the first: whoever fragments is not heard. */
const FRAGMENT_BITS = 0x3fff;

export function parseEthernet(frame: Buffer): EthernetFrame | undefined {
  if (frame.length < ETHERNET_HEADER) return undefined;
  return {
    destination: frame.subarray(0, 6),
    source: frame.subarray(6, 12),
    type: frame.readUInt16BE(12),
    payload: frame.subarray(ETHERNET_HEADER),
  };
}

export function printEthernet(destination: Buffer, source: Buffer, type: number, payload: Buffer): Buffer {
  const typeBytes = Buffer.from([type >> 8, type & 0xff]);
  return Buffer.concat([destination, source, typeBytes, payload]);
}

export interface ArpRequest {
  readonly senderMac: Buffer;
  readonly senderIp: number;
  readonly targetIp: number;
}

/** A question for an IPv4 address over Ethernet. */
export function parseArpRequest(bytes: Buffer): ArpRequest | undefined {
  if (bytes.length < ARP_BYTES || bytes.readBigUInt64BE(0) !== arpHead(ARP_REQUEST)) return undefined;
  return {
    senderMac: bytes.subarray(8, 14),
    senderIp: bytes.readUInt32BE(14),
    targetIp: bytes.readUInt32BE(24),
  };
}

/** Says that `targetIp` of the request is at `mac`. */
export function printArpReply(request: ArpRequest, mac: Buffer): Buffer {
  const bytes = Buffer.alloc(ARP_BYTES);
  bytes.writeBigUInt64BE(arpHead(ARP_REPLY), 0);
  mac.copy(bytes, 8);
  bytes.writeUInt32BE(request.targetIp, 14);
  request.senderMac.copy(bytes, 18);
  bytes.writeUInt32BE(request.senderIp, 24);
  return bytes;
}

/** Ethernet (1), IPv4, lengths 6 and 4, and what is asked. */
function arpHead(operation: number): bigint {
  return 0x0001_0800_0604_0000n | BigInt(operation);
}

export interface Ip4Packet {
  readonly protocol: number;
  readonly source: number;
  readonly destination: number;
  readonly payload: Buffer;
}

/** Whole packets with a right checksum. */
export function parseIp4Packet(bytes: Buffer): Ip4Packet | undefined {
  if (bytes.length < IP4_HEADER) return undefined;
  const headerBytes = ((bytes[0] ?? 0) & 0x0f) * 4;
  const totalBytes = bytes.readUInt16BE(2);
  const isSound =
    (bytes[0] ?? 0) >> 4 === 4 &&
    headerBytes >= IP4_HEADER &&
    totalBytes >= headerBytes &&
    totalBytes <= bytes.length &&
    (bytes.readUInt16BE(6) & FRAGMENT_BITS) === 0 &&
    checksum([bytes.subarray(0, headerBytes)]) === 0;
  if (!isSound) return undefined;
  return {
    protocol: bytes[9] ?? 0,
    source: bytes.readUInt32BE(12),
    destination: bytes.readUInt32BE(16),
    payload: bytes.subarray(headerBytes, totalBytes),
  };
}

export function printIp4Packet({ protocol, source, destination, payload }: Ip4Packet): Buffer {
  const header = Buffer.alloc(IP4_HEADER);
  header[0] = 0x45;
  header.writeUInt16BE(IP4_HEADER + payload.length, 2);
  header.writeUInt16BE(0x4000, 6); // do not fragment
  header[8] = 64; // time to live
  header[9] = protocol;
  header.writeUInt32BE(source, 12);
  header.writeUInt32BE(destination, 16);
  header.writeUInt16BE(checksum([header]), 10);
  return Buffer.concat([header, payload]);
}

/** The reply to an echo request; undefined for any other message. */
export function echoReply(message: Buffer): Buffer | undefined {
  if (message.length < 8 || message[0] !== 8 || message[1] !== 0 || checksum([message]) !== 0)
    return undefined;
  const reply = Buffer.from(message);
  reply[0] = 0;
  reply.writeUInt16BE(0, 2);
  reply.writeUInt16BE(checksum([reply]), 2);
  return reply;
}

export interface TcpSegment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  /** Of TCP_FLAG. */
  readonly flags: number;
  readonly window: number;
  /** The maximum segment size that a SYN offers. */
  readonly mss: number | undefined;
  readonly payload: Buffer;
}

export function parseTcpSegment({ source, destination, payload: bytes }: Ip4Packet): TcpSegment | undefined {
  if (bytes.length < TCP_HEADER) return undefined;
  const headerBytes = ((bytes[12] ?? 0) >> 4) * 4;
  if (headerBytes < TCP_HEADER || headerBytes > bytes.length) return undefined;
  if (checksum([pseudoHeader(source, destination, PROTOCOL.tcp, bytes.length), bytes]) !== 0)
    return undefined;
  return {
    sourcePort: bytes.readUInt16BE(0),
    destinationPort: bytes.readUInt16BE(2),
    sequence: bytes.readUInt32BE(4),
    acknowledgement: bytes.readUInt32BE(8),
    flags: bytes[13] ?? 0,
    window: bytes.readUInt16BE(14),
    mss: mssOf(bytes.subarray(TCP_HEADER, headerBytes)),
    payload: bytes.subarray(headerBytes),
  };
}

/** As a whole IPv4 packet, whose addresses are in its checksum. */
export function printTcpPacket(source: number, destination: number, segment: TcpSegment): Buffer {
  const optionBytes = segment.mss === undefined ? 0 : MSS_OPTION_BYTES;
  const header = Buffer.alloc(TCP_HEADER + optionBytes);
  header.writeUInt16BE(segment.sourcePort, 0);
  header.writeUInt16BE(segment.destinationPort, 2);
  header.writeUInt32BE(segment.sequence, 4);
  header.writeUInt32BE(segment.acknowledgement, 8);
  header[12] = (header.length / 4) << 4;
  header[13] = segment.flags;
  header.writeUInt16BE(segment.window, 14);
  if (segment.mss !== undefined) {
    header[TCP_HEADER] = MSS_OPTION;
    header[TCP_HEADER + 1] = MSS_OPTION_BYTES;
    header.writeUInt16BE(segment.mss, TCP_HEADER + 2);
  }
  const payload = Buffer.concat([header, segment.payload]);
  payload.writeUInt16BE(
    checksum([pseudoHeader(source, destination, PROTOCOL.tcp, payload.length), payload]),
    16,
  );
  return printIp4Packet({ protocol: PROTOCOL.tcp, source, destination, payload });
}

export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Buffer;
}

/** One without a checksum is as good as one with a right one. */
export function parseUdpDatagram({
  source,
  destination,
  payload: bytes,
}: Ip4Packet): UdpDatagram | undefined {
  if (bytes.length < UDP_HEADER) return undefined;
  const length = bytes.readUInt16BE(4);
  if (length < UDP_HEADER || length > bytes.length) return undefined;
  const datagram = bytes.subarray(0, length);
  const head = pseudoHeader(source, destination, PROTOCOL.udp, length);
  if (bytes.readUInt16BE(6) !== 0 && checksum([head, datagram]) !== 0) return undefined;
  return {
    sourcePort: bytes.readUInt16BE(0),
    destinationPort: bytes.readUInt16BE(2),
    payload: datagram.subarray(UDP_HEADER),
  };
}

/** As a whole IPv4 packet, whose addresses are in its checksum. */
export function printUdpPacket(source: number, destination: number, datagram: UdpDatagram): Buffer {
  const header = Buffer.alloc(UDP_HEADER);
  header.writeUInt16BE(datagram.sourcePort, 0);
  header.writeUInt16BE(datagram.destinationPort, 2);
  header.writeUInt16BE(UDP_HEADER + datagram.payload.length, 4);
  const payload = Buffer.concat([header, datagram.payload]);
  const sum = checksum([pseudoHeader(source, destination, PROTOCOL.udp, payload.length), payload]);
  // RFC 768: no sum at all is written as 0, so 0 as 65535.
  payload.writeUInt16BE(sum || 0xffff, 6);
  return printIp4Packet({ protocol: PROTOCOL.udp, source, destination, payload });
}

function mssOf(options: Buffer): number | undefined {
  for (let at = 0; at < options.length; ) {
    const kind = options[at] ?? 0;
    if (kind === 0) return undefined;
    if (kind === 1) {
      at += 1;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) return undefined;
    if (kind === MSS_OPTION && length === MSS_OPTION_BYTES) return options.readUInt16BE(at + 2);
    at += length;
  }
  return undefined;
}

function pseudoHeader(source: number, destination: number, protocol: number, bytes: number): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32BE(source, 0);
  header.writeUInt32BE(destination, 4);
  header[9] = protocol;
  header.writeUInt16BE(bytes, 10);
  return header;
}

/** The Internet checksum (RFC 1071) over parts of even length, but for the last: 0 over what carries a right one. */
export function checksum(parts: readonly Buffer[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at + 1 < part.length; at += 2) sum += part.readUInt16BE(at);
    if (part.length % 2 === 1) sum += (part.at(-1) ?? 0) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
