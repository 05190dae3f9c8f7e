/** A guest's end of a wire, made of single frames: a small TCP that a test can have misbehave. */

import { connect, createServer, type Server, type Socket } from "node:net";
import { Gate, type GateOptions } from "../../gateway/cloud/embedded/wire/gate.ts";
import { HeldBytes } from "../../gateway/cloud/embedded/wire/held-bytes.ts";
import {
  ETHERTYPE,
  type Ip4Packet,
  PROTOCOL,
  parseEthernet,
  parseIp4Packet,
  parseTcpSegment,
  printEthernet,
  printIp4Packet,
  printTcpPacket,
  TCP_FLAG,
  type TcpSegment,
} from "../../gateway/cloud/embedded/wire/packets.ts";
import { systemClock } from "../../shared/clock.ts";

export const GUEST_MAC = Buffer.from("02000a63000a", "hex");
export const GUEST_IP = 0x0a63000a;
export const GATE_IP = 0x0a630001;
export const GATE_PORT = 5030;

export interface WireGuest {
  readonly gate: Gate;
  /** Frames that the gate sent, which nobody has taken. */
  readonly frames: Buffer[];
  /** The gate's address on the wire, once ARP has told it. */
  mac(): Buffer;
  /** Sends a packet to the gate's MAC. */
  sendIp(packet: Partial<Ip4Packet> & Pick<Ip4Packet, "protocol" | "payload">): void;
  sendTcp(segment: Partial<TcpSegment>, destination?: number): void;
  /** The next segment of the gate's; it has come when this resolves. */
  next(): Promise<TcpSegment>;
  /** Resolves when the gate has sent another frame, or there is one. */
  heard(): Promise<void>;
  close(): void;
}

export function wireGuest(port: number | undefined, options: Partial<GateOptions> = {}): WireGuest {
  const frames: Buffer[] = [];
  let wake: () => void = () => {};
  const gate = new Gate({
    guestMac: GUEST_MAC,
    guestIp: GUEST_IP,
    addresses: new Set([GATE_IP]),
    port: GATE_PORT,
    connect: () => (port === undefined ? undefined : connect(port, "127.0.0.1")),
    clock: systemClock,
    hold: new HeldBytes().join(),
    randomSequence: () => 0xfffffff0,
    send: (frame) => {
      frames.push(frame);
      wake();
    },
    ...options,
  });
  const heard = (): Promise<void> =>
    frames.length > 0 ? Promise.resolve() : new Promise((resolve) => (wake = resolve));
  const mac = (): Buffer => {
    gate.hear(arpRequest(GATE_IP));
    return parseEthernet(frames.pop() ?? Buffer.alloc(0))?.source ?? Buffer.alloc(6);
  };
  const gateMac = mac();
  const guest: WireGuest = {
    gate,
    frames,
    mac,
    heard,
    sendIp(packet) {
      const whole = { source: GUEST_IP, destination: GATE_IP, ...packet };
      gate.hear(printEthernet(gateMac, GUEST_MAC, ETHERTYPE.ip4, printIp4Packet(whole)));
    },
    sendTcp(segment, destination = GATE_IP) {
      const whole = { ...BLANK, ...segment };
      const packet = printTcpPacket(GUEST_IP, destination, whole);
      gate.hear(printEthernet(gateMac, GUEST_MAC, ETHERTYPE.ip4, packet));
    },
    async next() {
      await heard();
      const frame = parseEthernet(frames.shift() ?? Buffer.alloc(0));
      const packet = parseIp4Packet(frame?.payload ?? Buffer.alloc(0));
      const segment = packet?.protocol === PROTOCOL.tcp ? parseTcpSegment(packet) : undefined;
      if (segment === undefined) throw new Error("The gate sent something that is no TCP segment.");
      return segment;
    },
    close: () => gate.close(),
  };
  return guest;
}

const BLANK: TcpSegment = {
  sourcePort: 40_000,
  destinationPort: GATE_PORT,
  sequence: 0,
  acknowledgement: 0,
  flags: TCP_FLAG.ack,
  window: 65_535,
  mss: undefined,
  payload: Buffer.alloc(0),
};

export function arpRequest(targetIp: number, mac = GUEST_MAC): Buffer {
  const bytes = Buffer.alloc(28);
  Buffer.from("0001080006040001", "hex").copy(bytes);
  mac.copy(bytes, 8);
  bytes.writeUInt32BE(GUEST_IP, 14);
  bytes.writeUInt32BE(targetIp, 24);
  return printEthernet(Buffer.alloc(6, 0xff), mac, ETHERTYPE.arp, bytes);
}

export interface ScriptedUpstream {
  readonly port: number;
  /** The next connection that is made to it. */
  accepted(): Promise<Socket>;
  close(): Promise<void>;
}

/** What stands for OneGate. */
export async function upstream(): Promise<ScriptedUpstream> {
  const sockets: Socket[] = [];
  const all: Socket[] = [];
  let wake: () => void = () => {};
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    all.push(socket);
    sockets.push(socket);
    wake();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async accepted() {
      while (sockets.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const socket = sockets.shift();
      if (socket === undefined) throw new Error("No connection.");
      return socket;
    },
    async close() {
      for (const socket of all) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
