/** DHCP messages (RFC 2131, 2132) as bytes. What is not one is undefined; options that come in parts are joined (RFC 3396). */

export interface DhcpMessage {
  /** 1 of a client, 2 of a server. */
  readonly operation: number;
  readonly transaction: number;
  readonly flags: number;
  /** What the client has already; 0: none. */
  readonly clientIp: number;
  readonly yourIp: number;
  /** Of a relay; 0: none. */
  readonly relayIp: number;
  /** Six bytes. */
  readonly mac: Buffer;
  /** By code, neither padding nor the end among them. */
  readonly options: ReadonlyMap<number, Buffer>;
}

export const DHCP_OPTION = {
  mask: 1,
  router: 3,
  dns: 6,
  hostName: 12,
  mtu: 26,
  requestedIp: 50,
  leaseSeconds: 51,
  type: 53,
  server: 54,
  routes: 121,
} as const;

export const DHCP_TYPE = { discover: 1, offer: 2, request: 3, ack: 5, nak: 6, inform: 8 } as const;
/** The client cannot yet hear what is sent to its address. */
export const BROADCAST_FLAG = 0x8000;

const HEAD_BYTES = 236;
const MAGIC = 0x63825363;
const ETHERNET = 0x0106; // kind of hardware, and length of its addresses
/** RFC 951: shorter ones are not taken by every client. */
const LEAST_BYTES = 300;
const MAX_OPTION_BYTES = 255;
const PAD = 0;
const END = 255;

export function parseDhcp(bytes: Buffer): DhcpMessage | undefined {
  if (bytes.length < HEAD_BYTES + 4 || bytes.readUInt16BE(1) !== ETHERNET) return undefined;
  if (bytes.readUInt32BE(HEAD_BYTES) !== MAGIC) return undefined;
  const options = parseOptions(bytes.subarray(HEAD_BYTES + 4));
  if (options === undefined) return undefined;
  return {
    operation: bytes[0] ?? 0,
    transaction: bytes.readUInt32BE(4),
    flags: bytes.readUInt16BE(10),
    clientIp: bytes.readUInt32BE(12),
    yourIp: bytes.readUInt32BE(16),
    relayIp: bytes.readUInt32BE(24),
    mac: bytes.subarray(28, 34),
    options,
  };
}

/** Undefined when one is cut short. */
function parseOptions(bytes: Buffer): ReadonlyMap<number, Buffer> | undefined {
  const options = new Map<number, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at] ?? END;
    if (code === END) break;
    if (code === PAD) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1];
    if (length === undefined || at + 2 + length > bytes.length) return undefined;
    const part = bytes.subarray(at + 2, at + 2 + length);
    const known = options.get(code);
    options.set(code, known === undefined ? part : Buffer.concat([known, part]));
    at += 2 + length;
  }
  return options;
}

export function printDhcp(message: DhcpMessage): Buffer {
  const head = Buffer.alloc(HEAD_BYTES + 4);
  head[0] = message.operation;
  head.writeUInt16BE(ETHERNET, 1);
  head.writeUInt32BE(message.transaction, 4);
  head.writeUInt16BE(message.flags, 10);
  head.writeUInt32BE(message.clientIp, 12);
  head.writeUInt32BE(message.yourIp, 16);
  head.writeUInt32BE(message.relayIp, 24);
  message.mac.copy(head, 28, 0, 6);
  head.writeUInt32BE(MAGIC, HEAD_BYTES);
  const options = [...message.options].flatMap(([code, value]) => printOption(code, value));
  const bytes = Buffer.concat([head, ...options, Buffer.from([END])]);
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, LEAST_BYTES - bytes.length))]);
}

function printOption(code: number, value: Buffer): readonly Buffer[] {
  const parts = [
    Buffer.from([code, Math.min(value.length, MAX_OPTION_BYTES)]),
    value.subarray(0, MAX_OPTION_BYTES),
  ];
  if (value.length <= MAX_OPTION_BYTES) return parts;
  return [...parts, ...printOption(code, value.subarray(MAX_OPTION_BYTES))];
}
