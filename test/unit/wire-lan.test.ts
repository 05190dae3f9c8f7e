import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { leasedNics, planGuest } from "../../gateway/cloud/embedded/drivers/qemu-plan.ts";
import { openWires } from "../../gateway/cloud/embedded/drivers/qemu-wires.ts";
import { FairShare, SAVED_US, TURN_MS, TURN_US } from "../../gateway/cloud/embedded/wire/fair-share.ts";
import { FrameReader, printFrame } from "../../gateway/cloud/embedded/wire/frame-reader.ts";
import { type Lan, newLan } from "../../gateway/cloud/embedded/wire/lan.ts";
import { MAX_QUEUED_BYTES, newSender, Outlet } from "../../gateway/cloud/embedded/wire/outlet.ts";
import {
  ETHERTYPE,
  HOUSE_MAC,
  printEthernet,
  printTcpPacket,
  TCP_FLAG,
} from "../../gateway/cloud/embedded/wire/packets.ts";
import { openWire, type Wire } from "../../gateway/cloud/embedded/wire/wire.ts";
import { systemClock } from "../../shared/clock.ts";
import { qemuWirePath } from "../../shared/guests/qemu-layout.ts";
import type { Template } from "../../shared/template/types.ts";
import { arpFrame, GATEWAY_IP, ip4Frame, macOf, placeOf } from "../support/lan-frames.ts";
import { manualClock } from "../support/manual-clock.ts";

/** What an outlet wrote, batch by batch; `take` makes room for the next. */
function slowSink() {
  const batches: (readonly Buffer[])[] = [];
  let taken: (() => void) | undefined;
  return {
    batches,
    frames: () => batches.flat(),
    write(bytes: Buffer, done: () => void) {
      batches.push(new FrameReader().push(bytes));
      taken = done;
    },
    take() {
      const done = taken;
      taken = undefined;
      done?.();
      return done !== undefined;
    },
  };
}

describe("what waits for a guest", () => {
  it("goes in its order, many frames at once", async () => {
    const [outlet, sink, sender] = [new Outlet(), slowSink(), newSender()];
    outlet.attach(sink);
    const sent = ["one", "two", "three"].map((text) => Buffer.from(text));
    for (const frame of sent) outlet.send(sender, frame);
    await Promise.resolve();
    expect(sink.batches).toEqual([sent]);
    expect(sender.waitingBytes).toBe(0);
    outlet.send(sender, Buffer.from("four"));
    await Promise.resolve();
    expect(sink.batches).toHaveLength(1);
    sink.take();
    expect(sink.frames()).toHaveLength(4);
  });

  it("is lost beyond a sender's share, and another's goes all the same, soon", async () => {
    const [outlet, sink, flood, other] = [new Outlet(), slowSink(), newSender(), newSender()];
    outlet.attach(sink);
    for (let count = 0; count < 10_000; count += 1) outlet.send(flood, Buffer.alloc(1_000, 1));
    expect(flood.waitingBytes).toBeLessThanOrEqual(MAX_QUEUED_BYTES);
    await Promise.resolve();
    for (let count = 0; count < 3; count += 1) outlet.send(other, Buffer.alloc(1_000, 2));
    sink.take();
    expect(sink.batches[1]?.filter((frame) => frame[0] === 2)).toHaveLength(3);
    while (sink.take());
    expect(sink.frames().length).toBeLessThan(300);
    expect([flood.waitingBytes, other.waitingBytes]).toEqual([0, 0]);
  });

  it("has each of many senders in its turn", async () => {
    const [outlet, sink] = [new Outlet(), slowSink()];
    outlet.attach(sink);
    const senders = [1, 2, 3, 4].map((mark) => ({ mark, sender: newSender() }));
    for (const { mark, sender } of senders)
      for (let count = 0; count < 200; count += 1) outlet.send(sender, Buffer.alloc(1_000, mark));
    await Promise.resolve();
    const counts = senders.map(({ mark }) => sink.batches[0]?.filter((frame) => frame[0] === mark).length);
    expect(Math.min(...counts.map(Number))).toBeGreaterThan(10);
    expect(Math.max(...counts.map(Number)) - Math.min(...counts.map(Number))).toBeLessThanOrEqual(9);
  });

  it("counts for its sender everywhere, so that many who do not read cost no more than one", () => {
    const sender = newSender();
    const outlets = Array.from({ length: 20 }, () => new Outlet());
    for (const outlet of outlets) {
      outlet.attach(slowSink());
      for (let count = 0; count < 400; count += 1) outlet.send(sender, Buffer.alloc(1_000));
    }
    expect(sender.waitingBytes).toBeLessThanOrEqual(512 * 1024);
    for (const outlet of outlets) outlet.attach(undefined);
    expect(sender.waitingBytes).toBe(0);
  });

  it("for those who do not read keeps no place from what its sender has for others", async () => {
    const sender = newSender();
    const deaf = Array.from({ length: 5 }, () => new Outlet());
    for (const outlet of deaf) {
      outlet.attach(slowSink());
      for (let count = 0; count < 400; count += 1) outlet.send(sender, Buffer.alloc(1_000));
    }
    const [outlet, sink] = [new Outlet(), slowSink()];
    outlet.attach(sink);
    for (let count = 0; count < 50; count += 1) outlet.send(sender, Buffer.alloc(1_000, count));
    await Promise.resolve();
    while (sink.take());
    expect(sink.frames().map((frame) => frame[0])).toEqual(Array.from({ length: 50 }, (_, count) => count));
    expect(sender.waitingBytes).toBeLessThanOrEqual(512 * 1024);
    for (const each of deaf) each.attach(undefined);
    expect(sender.waitingBytes).toBe(0);
  });

  it("is lost when nobody listens, and what an old listener takes is no matter", async () => {
    const [outlet, old, sink, sender] = [new Outlet(), slowSink(), slowSink(), newSender()];
    outlet.send(sender, Buffer.from("nobody"));
    outlet.attach(old);
    outlet.send(sender, Buffer.from("old"));
    await Promise.resolve();
    outlet.attach(sink);
    outlet.send(sender, Buffer.from("new"));
    await Promise.resolve();
    outlet.send(sender, Buffer.from("more"));
    old.take();
    expect(sink.frames()).toEqual([Buffer.from("new")]);
    sink.take();
    expect(sink.frames()).toEqual(["new", "more"].map((text) => Buffer.from(text)));
    expect(old.frames()).toEqual([Buffer.from("old")]);
  });
});

describe("the house's time for wires", () => {
  it("is given in equal parts to those who want more than there is, and no timer runs when nobody does", () => {
    const clock = manualClock();
    const time = new FairShare(clock);
    const heavy = [0, 0, 0];
    const shares = heavy.map((_, index) =>
      time.join(() => {
        heavy[index] = (heavy[index] ?? 0) + 1;
        shares[index]?.spend(SAVED_US);
      }),
    );
    const light = time.join(() => expect.unreachable("It never waits."));
    for (const share of shares) expect(share.spend(SAVED_US)).toBe(false);
    const turns = 300;
    for (let turn = 0; turn < turns; turn += 1) {
      expect(light.spend(100)).toBe(true);
      clock.advance(TURN_MS);
    }
    const spent = heavy.map((times) => times * SAVED_US);
    const whole = spent.reduce((sum, each) => sum + each, 0) + turns * 100;
    expect(whole).toBeLessThanOrEqual(turns * TURN_US + 4 * SAVED_US);
    expect(whole).toBeGreaterThan(turns * TURN_US * 0.9);
    expect(Math.max(...heavy) - Math.min(...heavy)).toBeLessThanOrEqual(1);
    for (const share of shares) share.close();
    light.close();
    clock.advance(TURN_MS);
    expect(clock.waiting()).toBe(0);
  });

  it("lets who was silent begin at once, and who has spent too much pay for it first", () => {
    const clock = manualClock();
    const time = new FairShare(clock);
    let resumed = 0;
    const share = time.join(() => (resumed += 1));
    expect(share.spend(SAVED_US + 3 * TURN_US)).toBe(false);
    clock.advance(TURN_MS);
    clock.advance(TURN_MS);
    clock.advance(TURN_MS);
    expect(resumed).toBe(0);
    clock.advance(TURN_MS);
    expect(resumed).toBe(1);
    clock.advance(TURN_MS);
    expect(clock.waiting()).toBe(0);
    expect(resumed).toBe(1);
  });
});

/** A QEMU's end of a wire: what it hears, and its word. */
interface ScriptedQemu {
  readonly frames: Buffer[];
  say(frame: Buffer): void;
  /** Says it over and over, as fast as it is heard. */
  flood(frame: Buffer): void;
  heard(count: number): Promise<void>;
  /** Does not read any more. */
  deafen(): void;
  close(): void;
}

describe("wires", () => {
  let folder: string;
  let lan: Lan;
  let ends: { close(): void }[];

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "wires-"));
    lan = newLan(systemClock);
    ends = [];
  });

  afterEach(() => {
    for (const end of ends) end.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function guest(
    networkId: number,
    host: number,
    onegate: () => Socket | undefined = () => undefined,
  ): Promise<ScriptedQemu & { readonly wire: Wire }> {
    const socketPath = path.join(folder, `${networkId}-${host}.sock`);
    const qemu = await scriptedQemu(socketPath);
    const place = placeOf(networkId, host);
    const wire = openWire({
      ...{ path: socketPath, clock: systemClock, lan, place, guestMac: macOf(place.mac) },
      ...{ guestIp: 0x0a580000 + host, port: 5030, dhcp: undefined, connect: onegate },
      rates: { inbound: undefined, outbound: undefined },
    });
    ends.push(wire, qemu);
    return { ...qemu, wire };
  }

  const frameOf = (from: number, to: number, bytes = 100) =>
    ip4Frame({
      ...{ destinationMac: placeOf(1, to).mac, sourceMac: placeOf(1, from).mac },
      ...{ source: 0x0a580000 + from, destination: 0x0a580000 + to, payload: Buffer.alloc(bytes) },
    });
  const asks = (from: number, to: number) =>
    arpFrame({ sourceMac: placeOf(1, from).mac, senderIp: 0x0a580000 + from, targetIp: 0x0a580000 + to });

  it("lead guests of one network to each other, as the bytes were sent", async () => {
    const [alice, bob, carol] = [await guest(1, 10), await guest(1, 11), await guest(2, 12)];
    alice.say(asks(10, 11));
    await alice.heard(1);
    for (let count = 0; count < 3; count += 1) alice.say(frameOf(10, 11, 100 + count));
    await bob.heard(3);
    expect(bob.frames).toEqual([100, 101, 102].map((bytes) => frameOf(10, 11, bytes)));
    bob.say(frameOf(11, 10));
    await alice.heard(2);
    expect(alice.frames[1]).toEqual(frameOf(11, 10));
    expect(carol.frames).toEqual([]);
  });

  it("know what they have carried: all that the guest said, and what it was given", async () => {
    const [alice, bob] = [await guest(1, 10), await guest(1, 11)];
    const nowhere = frameOf(10, 99, 500);
    alice.say(nowhere);
    alice.say(asks(10, 11));
    await alice.heard(1);
    for (let count = 0; count < 3; count += 1) alice.say(frameOf(10, 11, 1_000));
    await bob.heard(3);
    const sentBytes = nowhere.length + asks(10, 11).length + 3 * frameOf(10, 11, 1_000).length;
    const answer = alice.frames[0]?.length ?? 0;
    expect(alice.wire.traffic()).toEqual({ sentBytes, receivedBytes: answer });
    expect(bob.wire.traffic()).toEqual({ sentBytes: 0, receivedBytes: 3 * frameOf(10, 11, 1_000).length });
  });

  it("are there for the others while one floods one that hears nothing", async () => {
    const [flooder, deaf, alice, bob] = [
      await guest(1, 10),
      await guest(1, 11),
      await guest(1, 12),
      await guest(1, 13),
    ];
    deaf.deafen();
    flooder.flood(frameOf(10, 11, 1_000));
    for (let count = 1; count <= 20; count += 1) {
      alice.say(frameOf(12, 13));
      await bob.heard(count);
      bob.say(frameOf(13, 12));
      await alice.heard(count);
    }
    // The flooder's own questions are answered too.
    flooder.say(asks(10, 13));
    await flooder.heard(1);
  });

  it("cost no more at once than a share, whatever came in one piece, and a connection what it costs", async () => {
    const clock = manualClock();
    lan = newLan(clock);
    let begun = 0;
    const flooder = await guest(1, 10, () => {
      begun += 1;
      return new Socket();
    });
    for (let count = 0; count < 500; count += 1) flooder.say(synOf(count));
    await vi.waitFor(() => expect(begun).toBeGreaterThan(0), 10_000);
    const most = Math.ceil(SAVED_US / 100);
    expect(begun).toBeLessThanOrEqual(most);
    const atFirst = begun;
    clock.advance(TURN_MS);
    expect(begun).toBeGreaterThan(atFirst);
    expect(begun).toBeLessThanOrEqual(2 * most);
  });

  it("are cut for good when they are closed", async () => {
    const [alice, bob] = [await guest(1, 10), await guest(1, 11)];
    alice.say(frameOf(10, 11));
    await bob.heard(1);
    bob.wire.close();
    alice.say(asks(10, 11));
    const probe = await guest(1, 12);
    alice.say(frameOf(10, 12));
    await probe.heard(1);
    expect(alice.frames).toEqual([]);
  });

  it("go by what the cloud gives their VM now: an alias is heard of, an interface that is detached is cut off", async () => {
    const nic = { NIC_ID: "0", MAC: "02:00:00:01:00:0b", IP: "10.88.0.11", NETWORK_ID: "1" };
    const template: Template = { MEMORY: "64", DISK: { SIZE: "1" }, NIC: nic };
    const plan = planGuest({ id: 7, template });
    const bob = await scriptedQemu(qemuWirePath(folder, 0));
    const links = new Map([[0, { kind: "wire" } as const]]);
    const leased = leasedNics(template);
    const onegate = () => undefined;
    const [wire] = openWires({ dir: folder, plan, leased, links, onegate, lan, clock: systemClock });
    if (wire === undefined) throw new Error("There is no wire.");
    ends.push(wire, bob);
    const alice = await guest(1, 10);
    alice.say(frameOf(10, 11));
    await bob.heard(1);

    const alias = { NIC_ID: "1", PARENT_ID: "0", IP: "10.88.0.12", NETWORK_ID: "1" };
    wire.follow(leasedNics({ ...template, NIC_ALIAS: alias }));
    const toAlias = { destinationMac: placeOf(1, 11).mac, sourceMac: placeOf(1, 10).mac, source: 0x0a58000a };
    alice.say(ip4Frame({ ...toAlias, destination: 0x0a58000c }));
    await bob.heard(2);
    bob.say(frameOf(11, 10));
    await alice.heard(1);

    // Another interface has its number now.
    wire.follow(leasedNics({ ...template, NIC: { ...nic, MAC: "02:00:00:01:00:0d", IP: "10.88.0.13" } }));
    alice.say(asks(10, 11));
    wire.follow(leasedNics(template));
    alice.say(asks(10, 11));
    const probe = await guest(1, 14);
    alice.say(frameOf(10, 14));
    await probe.heard(1);
    expect(alice.frames).toHaveLength(1);
  });
});

/** Of guest 10: it begins a connection to OneGate, anew each time. */
function synOf(sequence: number): Buffer {
  const packet = printTcpPacket(0x0a58000a, GATEWAY_IP, {
    ...{ sourcePort: 40_000, destinationPort: 5030, sequence, acknowledgement: 0, flags: TCP_FLAG.syn },
    ...{ window: 65_535, mss: undefined, payload: Buffer.alloc(0) },
  });
  return printEthernet(HOUSE_MAC, macOf(placeOf(1, 10).mac), ETHERTYPE.ip4, packet);
}

function scriptedQemu(socketPath: string): Promise<ScriptedQemu> {
  const frames: Buffer[] = [];
  const reader = new FrameReader();
  let wake = () => {};
  let isDeaf = false;
  let peer: Socket | undefined;
  let joined: (socket: Socket) => void = () => {};
  const whenJoined = new Promise<Socket>((resolve) => (joined = resolve));
  const server: Server = createServer((socket) => {
    peer = socket;
    socket.on("error", () => {});
    if (isDeaf) socket.pause();
    socket.on("data", (bytes) => {
      frames.push(...reader.push(bytes));
      wake();
    });
    joined(socket);
  });
  const say = (frame: Buffer) => void whenJoined.then((socket) => socket.write(printFrame(frame)));
  const qemu: ScriptedQemu = {
    frames,
    say,
    flood(frame) {
      const many = Buffer.concat(Array.from({ length: 200 }, () => printFrame(frame)));
      void whenJoined.then((socket) => {
        const go = () => {
          if (!socket.destroyed) socket.write(many, () => setImmediate(go));
        };
        go();
      });
    },
    async heard(count) {
      while (frames.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
    deafen() {
      isDeaf = true;
      void whenJoined.then((socket) => socket.pause());
    },
    close() {
      peer?.destroy();
      server.close();
    },
  };
  return new Promise((resolve) => server.listen(socketPath, () => resolve(qemu)));
}
