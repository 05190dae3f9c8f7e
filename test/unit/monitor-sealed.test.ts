import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { addExtension, Packr, pack } from "msgpackr";
import nacl from "tweetnacl";
import { describe, expect, it } from "vitest";
import {
  agentChannel,
  type Channel,
  daemonChannel,
  generateKeyPair,
  keyIdOf,
  keyPairOf,
  parseKey,
  printKey,
} from "../../shared/monitor/keys.ts";
import { MAX_CONTENTS_BYTES, MAX_DATAGRAM_BYTES, MAX_FRAME_BYTES } from "../../shared/monitor/limits.ts";
import type { Message } from "../../shared/monitor/message.ts";
import { packMessages, unpackMessages } from "../../shared/monitor/packed-contents.ts";
import { unpackPlain } from "../../shared/monitor/plain-msgpack.ts";
import { vmReading } from "../../shared/monitor/read-vms.ts";
import { receiveAcknowledgement, receiveMessages } from "../../shared/monitor/receive.ts";
import type { RefusalReason } from "../../shared/monitor/refusal.ts";
import { ReplayWindow } from "../../shared/monitor/replay-window.ts";
import { fitsDatagram, openAcknowledgement, openMessages, Sealer } from "../../shared/monitor/sealed.ts";
import { nonceOf, parseFrameHead, writeFrameHead } from "../../shared/monitor/sealed-head.ts";
import { anyMessage } from "../support/monitor-arbitrary.ts";
import { monitorPair, monitorVm } from "../support/monitor-messages.ts";
import { seededRandom } from "../support/random.ts";

const SENT_MS = 1_795_169_756_000;
const RULES = { nowMs: SENT_MS, maxSkewMs: 60_000 };
const { agent, daemon, agentEnd, daemonEnd } = monitorPair();
const message = monitorVm(seededRandom(1), 20);
const refused = (reason: RefusalReason) => expect.objectContaining({ name: "MonitorRefusal", reason });
const sealed = (sealer: Sealer, messages: readonly Message[] = [message], sentMs = SENT_MS) =>
  sealer.messages({ sentMs, messages });

/** A frame that its sender's key made, whatever it holds: what an agent could send that has been taken over. */
function sealedBytes(content: Uint8Array, channel: Channel = agentEnd): Buffer {
  const head = Buffer.alloc(22);
  writeFrameHead(head, { direction: "toDaemon", keyId: channel.keyId, bootId: 1, sequence: 1 });
  return Buffer.concat([head, nacl.box.after(Uint8Array.from(content), nonceOf(head), channel.sharedKey)]);
}

describe("a frame", () => {
  it("brings any messages over, of every kind and several together", () => {
    const sealer = new Sealer(agentEnd, 1);
    const delivery = fc.option(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { nil: undefined });
    const one = fc.tuple(anyMessage, delivery).map(([made, number]) => ({ ...made, delivery: number }));
    fc.assert(
      fc.property(fc.array(one, { maxLength: 4 }), fc.nat(), (messages, sentMs) => {
        expect(openMessages(daemonEnd, sealed(sealer, messages, sentMs))).toEqual({ sentMs, messages });
      }),
      { numRuns: 300 },
    );
  });

  it("brings thousands of VMs over, too large for a datagram", () => {
    const large = monitorVm(seededRandom(2), 5000);
    const frame = sealed(new Sealer(agentEnd, 1), [large]);
    expect(fitsDatagram(frame)).toBe(false);
    expect(openMessages(daemonEnd, frame).messages).toEqual([large]);
  });

  it("of 20 VMs fits a datagram that no network cuts", () => {
    const frame = sealed(new Sealer(agentEnd, 1));
    expect(frame.length).toBeLessThan(MAX_DATAGRAM_BYTES);
    expect(fitsDatagram(frame)).toBe(true);
  });

  it("is refused for every single bit that is turned, and every byte that is cut off or added", () => {
    const frame = sealed(new Sealer(agentEnd, 5), [monitorVm(seededRandom(3), 2)]);
    for (let bit = 0; bit < frame.length * 8; bit += 1) {
      const turned = Buffer.from(frame);
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => openMessages(daemonEnd, turned)).toThrow(
        expect.objectContaining({ name: "MonitorRefusal" }),
      );
    }
    for (let length = 0; length < frame.length; length += 1)
      expect(() => openMessages(daemonEnd, frame.subarray(0, length))).toThrow("frame");
    expect(() => openMessages(daemonEnd, Buffer.concat([frame, Buffer.alloc(1)]))).toThrow(refused("forged"));
  });

  it("is opened by the channel it was made for, and no other", () => {
    const frame = sealed(new Sealer(agentEnd, 1));
    expect(() => openMessages(monitorPair().daemonEnd, frame)).toThrow(refused("wrong_key"));
    // The right key id on the wrong key: somebody who knows the public key only.
    const forger = { keyId: agentEnd.keyId, sharedKey: monitorPair().agentEnd.sharedKey };
    expect(() => openMessages(daemonEnd, sealed(new Sealer(forger, 1)))).toThrow(refused("forged"));
  });

  it("cannot be sent back to its sender, whose key is the same both ways", () => {
    const frame = sealed(new Sealer(agentEnd, 1));
    expect(() => openAcknowledgement(agentEnd, frame)).toThrow(refused("wrong_direction"));
    const turned = Buffer.from(frame);
    turned[1] = 2;
    expect(() => openAcknowledgement(agentEnd, turned)).toThrow(refused("forged"));
  });

  it.each([
    ["too short", "malformed", Buffer.alloc(38, 1)],
    ["empty", "malformed", Buffer.alloc(0)],
    ["of another version", "unknown_version", Buffer.alloc(100, 2)],
    ["of no direction", "malformed", Buffer.from(`01${"07".repeat(99)}`, "hex")],
    ["too large", "too_large", Buffer.alloc(MAX_FRAME_BYTES + 1, 1)],
  ] as const)("is refused when %s", (_, reason, bytes) => {
    expect(() => parseFrameHead(bytes)).toThrow(refused(reason));
  });

  it("uses no nonce twice, and names key, boot and number", () => {
    const sealer = new Sealer(agentEnd, 9);
    const frames = [sealed(sealer), sealed(sealer), sealed(new Sealer(agentEnd, 10))];
    const answer = new Sealer(daemonEnd, 9).acknowledgement({
      sentMs: SENT_MS,
      deliveries: [1],
      renew: false,
    });
    const nonces = [...frames, answer].map((frame) => Buffer.from(nonceOf(frame)).toString("hex"));
    expect(new Set(nonces).size).toBe(4);
    expect(frames.map(parseFrameHead)).toEqual([
      { direction: "toDaemon", keyId: keyIdOf(agent.publicKey), bootId: 9, sequence: 1 },
      { direction: "toDaemon", keyId: keyIdOf(agent.publicKey), bootId: 9, sequence: 2 },
      { direction: "toDaemon", keyId: keyIdOf(agent.publicKey), bootId: 10, sequence: 1 },
    ]);
  });

  it("names the metrics of VMs once, however their readings were made", () => {
    const vm = (id: number) => vmReading(id, "d", { CPU: "1", MEMORY: "2" });
    const reading = { kind: "vms", vms: [vm(1), vm(2)], more: {} } as const;
    const [one] = openMessages(
      daemonEnd,
      sealed(new Sealer(agentEnd, 1), [{ ...message, reading }]),
    ).messages;
    if (one?.reading.kind !== "vms") throw new Error("no VMs came");
    expect(one.reading).toEqual(reading);
    expect(one.reading.vms[0]?.names).toBe(one.reading.vms[1]?.names);
  });

  it("larger than is read is not made", () => {
    const beacons = Array<Message>(257).fill({
      ...message,
      type: "BEACON_HOST",
      reading: { kind: "beacon" },
    });
    expect(() => sealed(new Sealer(agentEnd, 1), beacons)).toThrow("257 items cannot be sent");
    const text = randomBytes(2 * MAX_FRAME_BYTES).toString("base64");
    const huge = {
      type: "INIT",
      status: "-",
      oid: 1,
      timestamp: 1,
      reading: { kind: "text", text },
    } as const;
    expect(() => sealed(new Sealer(agentEnd, 1), [huge])).toThrow("cannot be sent");
  });

  it("of a reading that does not fit its type is not made", () => {
    const wrong = { ...message, type: "STATE_VM" } as const;
    expect(() => sealed(new Sealer(agentEnd, 1), [wrong])).toThrow(
      "STATE_VM SUCCESS cannot hold a reading of vms",
    );
  });
});

describe("receiving", () => {
  const fresh = () => ({ channel: daemonEnd, window: new ReplayWindow() });

  it("takes each frame once, out of order too", () => {
    const sealer = new Sealer(agentEnd, 1);
    const [first, second] = [sealed(sealer), sealed(sealer)];
    const peer = fresh();
    expect(receiveMessages(peer, second, RULES).messages).toEqual([message]);
    expect(receiveMessages(peer, first, RULES).messages).toEqual([message]);
    for (const frame of [first, second])
      expect(() => receiveMessages(peer, frame, RULES)).toThrow(refused("replayed"));
  });

  it("refuses an earlier boot once a later one has spoken, and no sooner", () => {
    const peer = fresh();
    const [early, late] = [sealed(new Sealer(agentEnd, 1)), sealed(new Sealer(agentEnd, 2))];
    // Forged in the name of boot 2, so that boot 1 would be shut out.
    const forged = Buffer.from(late);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    expect(() => receiveMessages(peer, forged, RULES)).toThrow(refused("forged"));
    expect(receiveMessages(peer, early, RULES).messages).toHaveLength(1);
    expect(receiveMessages(peer, late, RULES).messages).toHaveLength(1);
    expect(() => receiveMessages(peer, early, RULES)).toThrow(refused("old_boot"));
  });

  it("limits the skew of sending either way, not that of measuring", () => {
    const sealer = new Sealer(agentEnd, 1);
    const spooled = { ...message, timestamp: 5 };
    const peer = fresh();
    for (const off of [-60_001, 60_001]) {
      const frame = sealed(sealer, [spooled], SENT_MS + off);
      expect(() => receiveMessages(peer, frame, RULES)).toThrow(refused("clock_skew"));
    }
    for (const off of [-60_000, 60_000])
      expect(receiveMessages(peer, sealed(sealer, [spooled], SENT_MS + off), RULES).messages).toEqual([
        spooled,
      ]);
  });

  it("leaves the window as it was when the skew is too great, so that no wrong clock shuts a boot out", () => {
    const peer = fresh();
    const wrong = sealed(new Sealer(agentEnd, 9), [message], 0);
    expect(() => receiveMessages(peer, wrong, RULES)).toThrow(refused("clock_skew"));
    expect(receiveMessages(peer, sealed(new Sealer(agentEnd, 1)), RULES).messages).toHaveLength(1);
  });

  it("brings acknowledgements back by the same rules", () => {
    const frame = new Sealer(daemonEnd, 1).acknowledgement({
      sentMs: SENT_MS,
      deliveries: [1, Number.MAX_SAFE_INTEGER],
      renew: true,
    });
    const peer = { channel: agentEnd, window: new ReplayWindow() };
    expect(receiveAcknowledgement(peer, frame, RULES)).toEqual({
      sentMs: SENT_MS,
      deliveries: [1, Number.MAX_SAFE_INTEGER],
      renew: true,
    });
    expect(() => receiveAcknowledgement(peer, frame, RULES)).toThrow(refused("replayed"));
    expect(() => openMessages(daemonEnd, frame)).toThrow(refused("wrong_direction"));
  });
});

describe("contents that a stolen key sealed", () => {
  const deflated = (value: unknown) => sealedBytes(deflateRawSync(pack(value)));
  const head = [3, 1, 5, 1_795_169_756, 0];

  it("are refused when they inflate without end, before they do", () => {
    const frame = sealedBytes(deflateRawSync(Buffer.alloc(100 * MAX_CONTENTS_BYTES)));
    expect(() => openMessages(daemonEnd, frame)).toThrow(refused("too_large"));
  });

  it.each([
    ["no deflated bytes", sealedBytes(randomBytes(50))],
    ["no msgpack", sealedBytes(deflateRawSync(Buffer.from([0xc1])))],
    ["two values", sealedBytes(deflateRawSync(Buffer.concat([pack([SENT_MS, []]), pack(1)])))],
    ["an array cut short", sealedBytes(deflateRawSync(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff])))],
    ["nesting without end", sealedBytes(deflateRawSync(Buffer.alloc(100_000, 0x91)))],
    ["a map", deflated([SENT_MS, [{ __proto__: null, type: 3 }]])],
    ["too many messages", deflated([SENT_MS, Array(257).fill([...head.with(0, 4)])])],
    ["a type nobody knows", deflated([SENT_MS, [[12, 1, 5, 5, 0]]])],
    ["a fraction of a type", deflated([SENT_MS, [[3.5, 1, 5, 5, 0]]])],
    ["a time of sending that is no number", deflated(["now", []])],
    ["an id beyond 32 bits", deflated([SENT_MS, [[4, 1, 2 ** 31, 5, 0]]])],
    ["more than a message", deflated([SENT_MS, [[4, 1, 5, 5, 0, 1]]])],
    ["a VM without its values", deflated([SENT_MS, [[...head, [["CPU"]], [0, 1, "d", null], []]]])],
    [
      "a VM of names that are not listed",
      deflated([SENT_MS, [[...head, [["CPU"]], [1, 1, "d", null, 5], []]]]),
    ],
    [
      "a value that is no number",
      deflated([SENT_MS, [[...head, [["CPU"]], [0, 1, "d", null, Number.NaN], []]]]),
    ],
    ["a value that is a list", deflated([SENT_MS, [[...head, [["CPU"]], [0, 1, "d", null, []], []]]])],
    ["a name that is none", deflated([SENT_MS, [[...head, [["C P"]], [], []]]])],
    ["a name twice", deflated([SENT_MS, [[...head, [["CPU", "CPU"]], [], []]]])],
    ["a NUL", deflated([SENT_MS, [[...head, [["CPU"]], [0, 1, "d\0", null, 5], []]]])],
    ["a long failure", deflated([SENT_MS, [[3, 2, 5, 5, 0, "x".repeat(16 * 1024 + 1)]]])],
  ])("are refused with %s", (_, frame) => {
    expect(() => openMessages(daemonEnd, frame)).toThrow(refused("malformed"));
  });

  it.each([
    ["a date", new Date(0)],
    ["a regular expression", /a/],
    ["a set", new Set([1])],
    ["bytes", Buffer.from("a")],
    ["a 64 bit integer", 2n ** 60n],
    ["a record, of which msgpackr would build a function", { a: 1 }],
    ["a class of an extension", new (extended())()],
  ])("are refused with %s", (_, value) => {
    const packed = new Packr({ useRecords: true, moreTypes: true }).pack([SENT_MS, [value]]);
    expect(() => unpackPlain(packed)).toThrow(refused("malformed"));
    expect(() => openMessages(daemonEnd, sealedBytes(deflateRawSync(packed)))).toThrow(refused("malformed"));
  });

  it("cannot reach a prototype by a name", () => {
    const named = {
      ...message,
      reading: { kind: "vms", vms: [], more: Object.fromEntries([["__PROTO__", "x"]]) },
    } as const;
    const [one] = unpackMessages(packMessages({ sentMs: 1, messages: [named] })).messages;
    expect(one).toEqual(named);
  });
});

describe("keys", () => {
  it("are printed and read back", () => {
    const pair = generateKeyPair(randomBytes);
    expect(parseKey(` ${printKey(pair.secretKey)}\n`)).toEqual(pair.secretKey);
    expect(keyPairOf(pair.secretKey)).toEqual(pair);
    expect(keyIdOf(pair.publicKey)).toMatch(/^[0-9a-f]{16}$/);
    expect(agentChannel(agent, daemon.publicKey)).toEqual(daemonChannel(daemon, agent.publicKey));
  });

  it("come from the randomness they are given", () => {
    const bytes = (count: number) => new Uint8Array(count).fill(7);
    expect(generateKeyPair(bytes)).toEqual(generateKeyPair(bytes));
  });

  it.each([
    ["short", printKey(new Uint8Array(31))],
    ["long", printKey(new Uint8Array(33))],
    ["not base64", "?".repeat(44)],
    ["spelt in another way", `${"A".repeat(42)}B=`],
    ["empty", ""],
  ])("are refused when %s, without being shown", (_, text) => {
    expect(() => parseKey(text)).toThrow("must be 32 bytes in base64, 44 characters");
    if (text !== "") expect(() => parseKey(text)).toThrow(expect.not.stringContaining(text));
  });

  it("of low order make no channel, since everyone would share their secret", () => {
    for (const point of [
      new Uint8Array(32),
      Uint8Array.from({ length: 32 }, (_, index) => (index === 0 ? 1 : 0)),
    ]) {
      expect(() => daemonChannel(daemon, point)).toThrow("makes no shared secret");
      expect(() => agentChannel(agent, point)).toThrow("makes no shared secret");
    }
  });
});

/** A class that msgpackr packs as an extension of type 11. */
function extended(): new () => object {
  class Extended {}
  addExtension({ Class: Extended, type: 11, pack: () => Buffer.from([1]), unpack: () => new Extended() });
  return Extended;
}
