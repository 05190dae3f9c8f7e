import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FrameReader, MAX_FRAME_BYTES, printFrame } from "../../gateway/cloud/embedded/wire/frame-reader.ts";
import { MAX_GATE_CONNECTIONS } from "../../gateway/cloud/embedded/wire/gate.ts";
import {
  checksum,
  ETHERTYPE,
  echoReply,
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
import { manualClock } from "../support/manual-clock.ts";
import {
  arpRequest,
  GATE_IP,
  GATE_PORT,
  GUEST_IP,
  GUEST_MAC,
  type ScriptedUpstream,
  upstream,
  type WireGuest,
  wireGuest,
} from "../support/wire-guest.ts";

const { syn: SYN, ack: ACK, fin: FIN, rst: RST } = TCP_FLAG;

describe("packets", () => {
  it("read as they were written, and not with a bit turned over", () => {
    const segment: TcpSegment = {
      ...{ sourcePort: 1, destinationPort: 2, sequence: 0xffffffff, acknowledgement: 7, flags: SYN | ACK },
      ...{ window: 3, mss: 1460, payload: Buffer.from("odd") },
    };
    const bytes = printTcpPacket(GUEST_IP, GATE_IP, segment);
    const packet = parseIp4Packet(bytes);
    expect(packet && parseTcpSegment(packet)).toEqual(segment);
    for (let at = 0; at < bytes.length; at += 1) {
      const turned = Buffer.from(bytes);
      turned[at] = (turned[at] ?? 0) ^ 1;
      const read = parseIp4Packet(turned);
      expect(read && parseTcpSegment(read), `byte ${at}`).toBeUndefined();
    }
  });

  it("are nothing when they are cut short, anywhere", () => {
    const bytes = printTcpPacket(GUEST_IP, GATE_IP, {
      ...{ sourcePort: 1, destinationPort: 2, sequence: 0, acknowledgement: 0, flags: SYN },
      ...{ window: 3, mss: 1460, payload: Buffer.alloc(0) },
    });
    for (let length = 0; length < bytes.length; length += 1)
      expect(parseIp4Packet(bytes.subarray(0, length))).toBeUndefined();
    expect(parseEthernet(Buffer.alloc(13))).toBeUndefined();
  });

  it("are not heard in fragments", () => {
    const bytes = printIp4Packet({ protocol: 6, source: 1, destination: 2, payload: Buffer.alloc(40) });
    bytes.writeUInt16BE(0x2000, 6);
    bytes.writeUInt16BE(0, 10);
    bytes.writeUInt16BE(checksum([bytes.subarray(0, 20)]), 10);
    expect(checksum([bytes.subarray(0, 20)])).toBe(0);
    expect(parseIp4Packet(bytes)).toBeUndefined();
  });

  it("with options that lie about their length end there", () => {
    const segment = {
      ...{ sourcePort: 1, destinationPort: 2, sequence: 0, acknowledgement: 0, flags: SYN },
      window: 3,
    };
    const bytes = printTcpPacket(GUEST_IP, GATE_IP, { ...segment, mss: 1460, payload: Buffer.alloc(0) });
    for (const length of [0, 1, 3, 200]) {
      const payload = Buffer.from(bytes.subarray(20));
      payload[21] = length;
      payload.writeUInt16BE(0, 16);
      const head = Buffer.alloc(12);
      head.writeUInt32BE(GUEST_IP, 0);
      head.writeUInt32BE(GATE_IP, 4);
      head[9] = 6;
      head.writeUInt16BE(payload.length, 10);
      payload.writeUInt16BE(checksum([head, payload]), 16);
      const read = parseTcpSegment({ protocol: 6, source: GUEST_IP, destination: GATE_IP, payload });
      expect(read).toMatchObject({ mss: undefined });
    }
  });
});

describe("frames on QEMU's socket", () => {
  it("are whole, however the bytes come", () => {
    const sent = [Buffer.from("one"), Buffer.alloc(0), Buffer.alloc(1_514, 7)];
    const bytes = Buffer.concat(sent.map(printFrame));
    for (const size of [1, 3, 5, 1_000, bytes.length]) {
      const reader = new FrameReader();
      const frames: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size)
        frames.push(...reader.push(bytes.subarray(at, at + size)));
      expect(frames).toEqual(sent);
    }
  });

  it("are no longer than a guest can send", () => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(MAX_FRAME_BYTES + 1);
    expect(() => new FrameReader().push(length)).toThrow(`at most ${MAX_FRAME_BYTES} are allowed`);
  });
});

describe("the gate at the end of a wire", () => {
  let server: ScriptedUpstream;
  let guest: WireGuest;

  beforeEach(async () => {
    server = await upstream();
    guest = wireGuest(server.port);
  });

  afterEach(async () => {
    guest.close();
    await server.close();
  });

  /** Opens a connection as a guest does; `sequence` and `acknowledgement` are the guest's from then on. */
  async function open(sourcePort = 40_000, mss: number | undefined = 1_000) {
    guest.sendTcp({ sourcePort, sequence: 100, flags: SYN, mss });
    const socket = await server.accepted();
    const answer = await guest.next();
    expect(answer).toMatchObject({
      flags: SYN | ACK,
      acknowledgement: 101,
      sourcePort: GATE_PORT,
      mss: 1460,
    });
    const mine = { sourcePort, sequence: 101, acknowledgement: (answer.sequence + 1) >>> 0 };
    guest.sendTcp(mine);
    return { socket, mine };
  }

  async function bytesAt(socket: Socket, count: number): Promise<string> {
    let text = "";
    while (text.length < count) text += String((await once(socket, "data"))[0]);
    return text;
  }

  it("answers for its own addresses, and for no other", () => {
    expect(guest.mac()).toHaveLength(6);
    guest.gate.hear(arpRequest(GATE_IP + 1));
    guest.gate.hear(arpRequest(GUEST_IP));
    guest.gate.hear(arpRequest(GATE_IP, Buffer.from("020000000001", "hex")));
    expect(guest.frames).toEqual([]);
  });

  it("answers an echo", () => {
    const request = Buffer.from("0800000000010001abcd", "hex");
    request.writeUInt16BE(checksum([request]), 2);
    guest.sendIp({ protocol: PROTOCOL.icmp, payload: request });
    const packet = parseIp4Packet(
      parseEthernet(guest.frames[0] ?? Buffer.alloc(0))?.payload ?? Buffer.alloc(0),
    );
    expect(packet).toMatchObject({ source: GATE_IP, destination: GUEST_IP });
    expect(packet?.payload.subarray(4).toString("hex")).toBe("00010001abcd");
    expect(echoReply(Buffer.from("0000000000010001", "hex"))).toBeUndefined();
  });

  it("carries a request and its answer, past the end of sequence numbers, and both ends", async () => {
    const { socket, mine } = await open();
    guest.sendTcp({ ...mine, payload: Buffer.from("GET /vm") });
    expect(await guest.next()).toMatchObject({ flags: ACK, acknowledgement: 108 });
    expect(await bytesAt(socket, 7)).toBe("GET /vm");
    socket.end("x".repeat(2_500));
    let text = "";
    let segment = await guest.next();
    let acknowledgement = mine.acknowledgement;
    while ((segment.flags & FIN) === 0) {
      expect(segment.sequence).toBe(acknowledgement);
      expect(segment.payload.length).toBeLessThanOrEqual(1_000);
      text += segment.payload.toString();
      acknowledgement = (acknowledgement + segment.payload.length) >>> 0;
      guest.sendTcp({ ...mine, sequence: 108, acknowledgement });
      segment = await guest.next();
    }
    expect(text).toBe("x".repeat(2_500));
    expect(acknowledgement).toBeLessThan(mine.acknowledgement);
    const end = once(socket, "end");
    guest.sendTcp({ ...mine, sequence: 108, acknowledgement: acknowledgement + 1, flags: ACK | FIN });
    socket.resume();
    await end;
    expect(guest.gate.size).toBe(0);
  });

  it("refuses every other port and every other address, so nothing else of the machine is reached", async () => {
    for (const destinationPort of [22, 2_474, 2_633, 5_031, server.port]) {
      guest.sendTcp({ destinationPort, sequence: 5, flags: SYN });
      expect(await guest.next()).toMatchObject({
        flags: RST | ACK,
        acknowledgement: 6,
        sourcePort: destinationPort,
      });
    }
    for (const address of [0x7f000001, 0x0a630002, 0xa9fea9fe, 0x08080808])
      guest.sendTcp({ sequence: 5, flags: SYN }, address);
    guest.sendIp({ protocol: 17, payload: Buffer.alloc(20) });
    expect(guest.frames).toEqual([]);
    expect(guest.gate.size).toBe(0);
  });

  it("hears nobody who gives another's address", () => {
    guest.sendIp({
      protocol: PROTOCOL.icmp,
      source: GUEST_IP + 1,
      payload: Buffer.from("0800f7ff00000000", "hex"),
    });
    const gateMac = guest.mac();
    const packet = printTcpPacket(GUEST_IP, GATE_IP, {
      ...{ sourcePort: 1, destinationPort: GATE_PORT, sequence: 0, acknowledgement: 0, flags: SYN },
      ...{ window: 3, mss: 1460, payload: Buffer.alloc(0) },
    });
    guest.gate.hear(printEthernet(gateMac, Buffer.from("020000000001", "hex"), ETHERTYPE.ip4, packet));
    guest.gate.hear(printEthernet(Buffer.alloc(6, 0xff), GUEST_MAC, ETHERTYPE.ip4, packet));
    expect(guest.frames).toEqual([]);
    expect(guest.gate.size).toBe(0);
  });

  it("takes bytes in their order, each once, whatever a guest sends twice or too early", async () => {
    const { socket, mine } = await open();
    const send = (sequence: number, text: string) =>
      guest.sendTcp({ ...mine, sequence, payload: Buffer.from(text) });
    send(104, "def");
    send(101, "abc");
    send(101, "abc");
    send(103, "cdef");
    send(90, "zzz");
    expect(await bytesAt(socket, 6)).toBe("abcdef");
    const acknowledged = [];
    for (let count = 0; count < 5; count += 1) acknowledged.push((await guest.next()).acknowledgement);
    expect(acknowledged).toEqual([101, 104, 104, 107, 107]);
  });

  it("sends no more than a guest has room for, and again what it did not acknowledge", async () => {
    const clock = manualClock();
    guest.close();
    guest = wireGuest(server.port, { clock });
    const { socket, mine } = await open();
    guest.sendTcp({ ...mine, window: 1_500 });
    socket.write("y".repeat(3_000));
    const sizes = [(await guest.next()).payload.length, (await guest.next()).payload.length];
    expect(sizes).toEqual([1_000, 500]);
    expect(guest.frames).toEqual([]);
    clock.advance(500);
    expect(await guest.next()).toMatchObject({ sequence: mine.acknowledgement, payload: { length: 1_000 } });
    // It had come all the same: what is acknowledged beyond the step back is not sent a third time.
    const acknowledgement = (mine.acknowledgement + 1_500) >>> 0;
    guest.sendTcp({ ...mine, acknowledgement, window: 0 });
    expect(guest.frames).toEqual([]);
    clock.advance(500);
    expect(await guest.next()).toMatchObject({ sequence: acknowledgement, payload: { length: 1 } });
    guest.sendTcp({ ...mine, acknowledgement, window: 65_535 });
    expect((await guest.next()).sequence).toBe((acknowledgement + 1) >>> 0);
  });

  it("gives a guest up that acknowledges nothing any more", async () => {
    const clock = manualClock();
    guest.close();
    guest = wireGuest(server.port, { clock });
    const { socket } = await open();
    socket.write("y");
    const closed = once(socket, "end");
    socket.resume();
    for (let retry = 0; retry < 10; retry += 1) {
      await guest.heard();
      guest.frames.length = 0;
      if (guest.gate.size === 0) break;
      clock.advance(500 * 2 ** 9);
    }
    await closed;
    expect(guest.gate.size).toBe(0);
  });

  it("does not keep a place for ever for a guest that never ends its half", async () => {
    const clock = manualClock();
    guest.close();
    guest = wireGuest(server.port, { clock });
    const { socket, mine } = await open();
    socket.end();
    const last = await guest.next();
    expect(last).toMatchObject({ flags: FIN | ACK, sequence: mine.acknowledgement });
    guest.sendTcp({ ...mine, acknowledgement: (last.sequence + 1) >>> 0 });
    expect(guest.gate.size).toBe(1);
    clock.advance(60_000);
    expect(await guest.next()).toMatchObject({ flags: RST | ACK });
    expect(guest.gate.size).toBe(0);
    expect(clock.waiting()).toBe(0);
  });

  it("begins anew with a guest that was reset, from the same port", async () => {
    const { socket } = await open();
    const closed = once(socket, "end");
    socket.resume();
    guest.sendTcp({ sequence: 9_000, flags: SYN, mss: 1_000 });
    await closed;
    await server.accepted();
    expect(await guest.next()).toMatchObject({ flags: SYN | ACK, acknowledgement: 9_001 });
    expect(guest.gate.size).toBe(1);
  });

  it("resets what it does not know, so that a guest finds out that the house began anew", async () => {
    guest.sendTcp({ sequence: 500, acknowledgement: 77, payload: Buffer.from("PUT /vm") });
    expect(await guest.next()).toMatchObject({ flags: RST, sequence: 77 });
    guest.sendTcp({ flags: RST });
    expect(guest.frames).toEqual([]);
  });

  it("refuses connections beyond its bound, and while OneGate is not there", async () => {
    for (let port = 0; port < MAX_GATE_CONNECTIONS; port += 1)
      guest.sendTcp({ sourcePort: 1_000 + port, sequence: 1, flags: SYN });
    expect(guest.gate.size).toBe(MAX_GATE_CONNECTIONS);
    guest.sendTcp({ sourcePort: 5_000, sequence: 1, flags: SYN });
    expect(await guest.next()).toMatchObject({ flags: RST | ACK, destinationPort: 5_000 });
    const alone = wireGuest(undefined);
    alone.sendTcp({ sequence: 1, flags: SYN });
    expect(await alone.next()).toMatchObject({ flags: RST | ACK });
  });

  it("resets the guest's connection when OneGate's is broken off", async () => {
    const { socket, mine } = await open();
    socket.resetAndDestroy();
    expect(await guest.next()).toMatchObject({ flags: RST | ACK, sequence: mine.acknowledgement });
    expect(guest.gate.size).toBe(0);
  });

  it("has a guest wait that sends faster than OneGate reads", async () => {
    const { socket, mine } = await open();
    socket.pause();
    let sequence = mine.sequence;
    let window = 65_535;
    for (let count = 0; window > 0; count += 1) {
      expect(count).toBeLessThan(100_000);
      const payload = Buffer.alloc(Math.min(1_000, window));
      guest.sendTcp({ ...mine, sequence, payload });
      ({ acknowledgement: sequence, window } = await guest.next());
    }
    guest.frames.length = 0;
    socket.resume();
    const opened = await guest.next();
    expect(opened.window).toBeGreaterThan(0);
  });
});
