/**
 * What stands at the end of a guest's wire: OneGate, and nothing else. It answers ARP and echo for its addresses and takes TCP
 * connections to one port; every other connection is refused, and every other packet has no one to go to.
 */

import type { Socket } from "node:net";
import type { Clock } from "../../../../shared/clock.ts";
import type { Hold } from "./held-bytes.ts";
import {
  ETHERTYPE,
  echoReply,
  HOUSE_MAC,
  type Ip4Packet,
  PROTOCOL,
  parseArpRequest,
  parseEthernet,
  parseIp4Packet,
  parseTcpSegment,
  printArpReply,
  printEthernet,
  printIp4Packet,
  printTcpPacket,
  TCP_FLAG,
  type TcpSegment,
} from "./packets.ts";
import { TcpConnection } from "./tcp-connection.ts";

export interface GateOptions {
  /** The guest's; frames under another are not heard. */
  readonly guestMac: Buffer;
  /** The guest's; packets from another are not heard. Undefined: it has none of its own. */
  readonly guestIp: number | undefined;
  /** Where OneGate is, for this guest. */
  readonly addresses: ReadonlySet<number>;
  readonly port: number;
  /** Begins a connection to OneGate; undefined while there is none. */
  readonly connect: () => Socket | undefined;
  readonly clock: Clock;
  /** What its connections keep counts here. */
  readonly hold: Hold;
  /** Four random bytes as a number. */
  readonly randomSequence: () => number;
  readonly send: (frame: Buffer) => void;
}

/** A guest needs a handful: its agent, a waiting request, a command or two. */
export const MAX_GATE_CONNECTIONS = 32;

export class Gate {
  readonly #options: GateOptions;
  readonly #connections = new Map<string, TcpConnection>();

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Connections at this moment. */
  get size(): number {
    return this.#connections.size;
  }

  hear(bytes: Buffer): void {
    const frame = parseEthernet(bytes);
    if (frame === undefined || !frame.source.equals(this.#options.guestMac)) return;
    if (frame.type === ETHERTYPE.arp) this.#heardArp(frame.payload);
    else if (frame.type === ETHERTYPE.ip4 && frame.destination.equals(HOUSE_MAC))
      this.#heardIp4(frame.payload);
  }

  /** The wire is cut: guests hear of it when they next say something. */
  close(): void {
    for (const connection of [...this.#connections.values()]) connection.drop();
  }

  #heardArp(bytes: Buffer): void {
    const request = parseArpRequest(bytes);
    if (request === undefined || !this.#options.addresses.has(request.targetIp)) return;
    this.#send(ETHERTYPE.arp, printArpReply(request, HOUSE_MAC));
  }

  #heardIp4(bytes: Buffer): void {
    const packet = parseIp4Packet(bytes);
    const { guestIp, addresses } = this.#options;
    if (packet === undefined || !addresses.has(packet.destination)) return;
    if (guestIp !== undefined && packet.source !== guestIp) return;
    if (packet.protocol === PROTOCOL.icmp) this.#heardEcho(packet);
    else if (packet.protocol === PROTOCOL.tcp) this.#heardTcp(packet);
  }

  #heardEcho({ source, destination, payload }: Ip4Packet): void {
    const reply = echoReply(payload);
    if (reply === undefined) return;
    const packet = { protocol: PROTOCOL.icmp, source: destination, destination: source, payload: reply };
    this.#send(ETHERTYPE.ip4, printIp4Packet(packet));
  }

  #heardTcp(packet: Ip4Packet): void {
    const segment = parseTcpSegment(packet);
    if (segment === undefined) return;
    const key = `${packet.source}:${segment.sourcePort}:${packet.destination}`;
    const known = segment.destinationPort === this.#options.port ? this.#connections.get(key) : undefined;
    const isSyn = (segment.flags & (TCP_FLAG.syn | TCP_FLAG.ack | TCP_FLAG.rst)) === TCP_FLAG.syn;
    // A guest that was reset begins anew from the same port.
    const isAnew = known !== undefined && isSyn && !known.began(segment);
    if (isAnew) known.drop();
    else if (known !== undefined) {
      known.hear(segment);
      return;
    }
    if (isSyn && this.#begin(key, packet, segment)) return;
    if ((segment.flags & TCP_FLAG.rst) === 0) this.#refuse(packet, segment);
  }

  /** False when it cannot. */
  #begin(key: string, packet: Ip4Packet, syn: TcpSegment): boolean {
    const { port, connect, clock, randomSequence, hold } = this.#options;
    if (syn.destinationPort !== port || this.#connections.size >= MAX_GATE_CONNECTIONS) return false;
    const upstream = connect();
    if (upstream === undefined) return false;
    const connection: TcpConnection = new TcpConnection({
      syn,
      initialSequence: randomSequence(),
      upstream,
      clock,
      send: (segment) => this.#reply(packet, { ...segment, ...portsBack(syn) }),
      onKept: (bytes) => hold.keep(connection, bytes),
      onEnd: () => {
        if (this.#connections.get(key) === connection) this.#connections.delete(key);
      },
    });
    this.#connections.set(key, connection);
    return true;
  }

  /** RFC 9293, 3.5.2: a reset that the sender takes for one to its segment. */
  #refuse(packet: Ip4Packet, segment: TcpSegment): void {
    const length =
      segment.payload.length +
      (segment.flags & TCP_FLAG.syn ? 1 : 0) +
      (segment.flags & TCP_FLAG.fin ? 1 : 0);
    const hasAck = (segment.flags & TCP_FLAG.ack) !== 0;
    this.#reply(packet, {
      ...portsBack(segment),
      sequence: hasAck ? segment.acknowledgement : 0,
      acknowledgement: hasAck ? 0 : (segment.sequence + length) >>> 0,
      flags: hasAck ? TCP_FLAG.rst : TCP_FLAG.rst | TCP_FLAG.ack,
      window: 0,
      mss: undefined,
      payload: Buffer.alloc(0),
    });
  }

  #reply(packet: Ip4Packet, segment: TcpSegment): void {
    this.#send(ETHERTYPE.ip4, printTcpPacket(packet.destination, packet.source, segment));
  }

  #send(type: number, payload: Buffer): void {
    this.#options.send(printEthernet(this.#options.guestMac, HOUSE_MAC, type, payload));
  }
}

function portsBack({
  sourcePort,
  destinationPort,
}: TcpSegment): Pick<TcpSegment, "sourcePort" | "destinationPort"> {
  return { sourcePort: destinationPort, destinationPort: sourcePort };
}
