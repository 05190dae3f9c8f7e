import { constants, generateKeyPairSync, publicEncrypt, randomBytes } from "node:crypto";
import { deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyedBudget, TokenBucket } from "../../shared/monitor/budget.ts";
import { MAX_PAYLOAD_BYTES, MAX_TEXT_BYTES } from "../../shared/monitor/limits.ts";
import { MESSAGE_STATUSES, MESSAGE_TYPES, messageTypeNumber } from "../../shared/monitor/message.ts";
import type { RefusalReason } from "../../shared/monitor/refusal.ts";
import { parseRsaPrivateKey, parseRsaPublicKey } from "../../shared/monitor/rsa.ts";
import { decodeTextMessage, encodeTextMessage } from "../../shared/monitor/text.ts";
import { anyText } from "../support/monitor-arbitrary.ts";
import { recordedKeys } from "../support/monitor-recordings.ts";
import { seededRandom } from "../support/random.ts";

const { privateKey, publicKey } = recordedKeys();
const refused = (reason: RefusalReason) => expect.objectContaining({ name: "MonitorRefusal", reason });
const bytes = (text: string) => Buffer.from(text, "latin1");
const body = (content: string | Buffer) => deflateSync(content).toString("base64");

describe("the head", () => {
  const head = { type: "STATE_VM", status: "SUCCESS", oid: 3, timestamp: 1_795_169_756 };

  it.each([
    ["as recorded", "STATE_VM SUCCESS 3 1795169756 "],
    ["in the order of the seed's figure", "STATE_VM 3 SUCCESS 1795169756 "],
    ["without a payload and its blank", "STATE_VM SUCCESS 3 1795169756"],
    ["with a line end", "STATE_VM SUCCESS 3 1795169756\n"],
  ])("is read %s", (_, text) => {
    expect(decodeTextMessage(bytes(text)).message).toEqual({ ...head, payload: "" });
  });

  it("tells a status of - from an object id of -, in both orders", () => {
    const read = (text: string) => decodeTextMessage(bytes(text)).message;
    expect(read("LOG - 3 5")).toMatchObject({ status: "-", oid: 3 });
    expect(read("LOG 3 - 5")).toMatchObject({ status: "-", oid: 3 });
    expect(read("LOG I - 5")).toMatchObject({ status: "I", oid: -1 });
    expect(read("LOG - I 5")).toMatchObject({ status: "I", oid: -1 });
    expect(read("LOG - - 5")).toMatchObject({ status: "-", oid: -1 });
  });

  it.each([
    ["an unknown type", "STATE_XX SUCCESS 3 5 "],
    ["a name of every object", "constructor SUCCESS 3 5 "],
    ["a lower-case type", "state_vm SUCCESS 3 5 "],
    ["an unknown status", "STATE_VM GOOD 3 5 "],
    ["two blanks", "STATE_VM  SUCCESS 3 5 "],
    ["a blank before", " STATE_VM SUCCESS 3 5 "],
    ["a tab", "STATE_VM\tSUCCESS 3 5 "],
    ["a negative id", "STATE_VM SUCCESS -2 5 "],
    ["an id beyond 32 bits", "STATE_VM SUCCESS 2147483648 5 "],
    ["a fraction of a second", "STATE_VM SUCCESS 3 5.5 "],
    ["no timestamp", "STATE_VM SUCCESS 3"],
    ["no end", "STATE_VM SUCCESS 3 ".padEnd(80, "5")],
    ["nothing", ""],
    ["a line end alone", "\n"],
    ["a second message", "STATE_VM SUCCESS 3 5 \nSTATE_VM SUCCESS 3 5 "],
  ])("is refused with %s", (_, text) => {
    expect(() => decodeTextMessage(bytes(text))).toThrow(refused("malformed"));
  });
});

describe("the payload", () => {
  it.each([
    ["base64 with a character of another alphabet", "eNoz_LcwMjYCAAeoAeY="],
    ["base64 without its padding", "eNozNLc0NTSzNDc1AQALdQI"],
    ["bytes that zlib did not write", Buffer.from("hello, world").toString("base64")],
    ["zlib cut short", deflateSync("A=1\n").subarray(0, -4).toString("base64")],
    ["zlib with a wrong checksum", corrupted(deflateSync("A=1\n")).toString("base64")],
  ])("is refused as %s", (_, payload) => {
    expect(() => decodeTextMessage(bytes(`STATE_VM SUCCESS 3 5 ${payload}`))).toThrow(refused("malformed"));
  });

  it("is refused when it inflates without end, before it does", () => {
    const bomb = body(Buffer.alloc(100 * MAX_PAYLOAD_BYTES, "A"));
    const before = process.memoryUsage().arrayBuffers;
    expect(() => decodeTextMessage(bytes(`STATE_VM SUCCESS 3 5 ${bomb}`))).toThrow(refused("too_large"));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * MAX_PAYLOAD_BYTES);
    const long = Buffer.alloc(MAX_TEXT_BYTES + 1, "A");
    expect(() => decodeTextMessage(long)).toThrow(refused("too_large"));
  });

  it("may be as large as is allowed", () => {
    const payload = "A".repeat(MAX_PAYLOAD_BYTES);
    expect(decodeTextMessage(bytes(`LOG I 3 5 ${body(payload)}`)).message.payload).toBe(payload);
  });

  it("shows Latin-1 of a probe with replacement characters rather than lose the host's reading", () => {
    const latin1 = Buffer.from('MODELNAME="Dummy\xae"\n', "latin1");
    expect(decodeTextMessage(bytes(`SYSTEM_HOST SUCCESS 3 5 ${body(latin1)}`)).message.payload).toBe(
      'MODELNAME="Dummy\ufffd"\n',
    );
  });

  it("comes back whatever it is, plain and encrypted", () => {
    const long = fc.nat({ max: 2000 }).map((length) => "é\u{1f600}a".repeat(length));
    const message = fc.record({
      type: fc.constantFrom(...MESSAGE_TYPES),
      status: fc.constantFrom(...MESSAGE_STATUSES),
      oid: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
      timestamp: fc.nat(),
      payload: fc.oneof(fc.constant(""), anyText, long),
    });
    fc.assert(
      fc.property(message, (made) => {
        expect(decodeTextMessage(encodeTextMessage(made))).toEqual({ message: made, encrypted: false });
        // Encrypted, a few characters that are no template could as well be what a wrong key leaves.
        const sure = { ...made, payload: `X=1\n${made.payload.slice(0, 500)}` };
        expect(decodeTextMessage(encodeTextMessage(sure, publicKey), { privateKey })).toEqual({
          message: sure,
          encrypted: true,
        });
      }),
      { numRuns: 100 },
    );
  });
});

describe("RSA", () => {
  const line = (content: Buffer) => bytes(`MONITOR_VM SUCCESS 3 5 ${body(content)}`);

  it("cuts by bytes, so that text beyond ASCII can be encrypted", () => {
    const payload = `A="${"é".repeat(245)}"\n`;
    const message = { type: "LOG", status: "I", oid: 1, timestamp: 2, payload } as const;
    expect(decodeTextMessage(encodeTextMessage(message, publicKey), { privateKey }).message).toEqual(message);
  });

  it("never takes what a wrong key or junk leaves for text", () => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const wrongKey = parseRsaPublicKey(other.publicKey.export({ type: "pkcs1", format: "pem" }).toString());
    const message = {
      type: "MONITOR_VM",
      status: "SUCCESS",
      oid: 3,
      timestamp: 5,
      payload: "A=1\n",
    } as const;
    // Seeded: what junk decrypts to follows from it and the key, so this does not differ from run to run.
    const random = seededRandom(1);
    for (let index = 0; index < 300; index += 1) {
      const junk = Buffer.from(Array.from({ length: 256 * (1 + (index % 2)) }, () => random.integer(256)));
      junk[0] = 0;
      const forged = index % 30 === 0 ? encodeTextMessage(message, wrongKey) : line(junk);
      expect(() => decodeTextMessage(forged, { privateKey })).toThrow(refused("undecryptable"));
    }
  });

  it.each([
    ["without a private key", randomBytes(256), undefined],
    ["when the bytes are no whole blocks", Buffer.concat([randomBytes(255), Buffer.alloc(2)]), privateKey],
    ["when a number is above the modulus", Buffer.alloc(256, "\xff\x01", "latin1"), privateKey],
  ])("is refused %s", (_, content, key) => {
    expect(() => decodeTextMessage(line(content), { privateKey: key })).toThrow(refused("undecryptable"));
  });

  it("is refused when blocks that decrypt are not those of one text: one not full before the last, or an empty one", () => {
    const block = (text: string) =>
      publicEncrypt({ key: publicKey.key, padding: constants.RSA_PKCS1_PADDING }, Buffer.from(text));
    const full = "A".repeat(245);
    const decode = (...texts: string[]) =>
      decodeTextMessage(line(Buffer.concat(texts.map(block))), { privateKey }).message.payload;
    expect(decode(full, "LAST=1\n")).toBe(`${full}LAST=1\n`);
    expect(() => decode("FIRST=1\n", "LAST=1\n")).toThrow(refused("undecryptable"));
    expect(() => decode(full, "")).toThrow(refused("undecryptable"));
  });

  it("asks before it works, and bounds the blocks of one message", () => {
    const asked: number[] = [];
    const grantRsa = (_: unknown, blocks: number) => {
      asked.push(blocks);
      return false;
    };
    const junk = randomBytes(256 * 3);
    expect(() => decodeTextMessage(line(junk), { privateKey, grantRsa })).toThrow(refused("rsa_budget"));
    expect(asked).toEqual([3]);
    const many = line(randomBytes(256 * 257));
    expect(() => decodeTextMessage(many, { privateKey, grantRsa })).toThrow(refused("too_large"));
    expect(asked).toEqual([3]);
  });

  it("refuses keys that are none, or too small to trust, without quoting them", () => {
    const small = generateKeyPairSync("rsa", { modulusLength: 512 }).privateKey.export({
      type: "pkcs1",
      format: "pem",
    });
    expect(() => parseRsaPrivateKey(small.toString())).toThrow("512 bits: 1024 to 8192 are allowed");
    const ed25519 = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" });
    expect(() => parseRsaPublicKey(ed25519.toString())).toThrow("no RSA key in PEM form");
    expect(() => parseRsaPrivateKey("secret")).toThrow(expect.not.stringContaining("secret"));
  });
});

describe("a budget", () => {
  it("grants a burst, and then what time has filled", () => {
    const bucket = new TokenBucket({ burst: 10, perSecond: 2 }, 0);
    expect([bucket.take(8, 0), bucket.take(3, 0), bucket.take(3, 500), bucket.take(1, 500)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(bucket.take(11, 1e9)).toBe(false);
    expect(bucket.take(10, 1e9)).toBe(true);
    expect(bucket.take(1, 5)).toBe(false);
  });

  it("starves only the one who uses it up, and all together at the limit of all", () => {
    const budget = new KeyedBudget({ burst: 10, perSecond: 1 }, { burst: 25, perSecond: 1 }, 0);
    expect([budget.take(1, 10, 0), budget.take(1, 1, 0), budget.take(2, 10, 0)]).toEqual([true, false, true]);
    // The limit of all: what it refuses costs the key nothing.
    expect([budget.take(3, 10, 0), budget.take(3, 5, 0), budget.take(3, 6, 0)]).toEqual([false, true, false]);
    expect(budget.take(3, 5, 5000)).toBe(true);
  });

  it("forgets keys that are idle", () => {
    const budget = new KeyedBudget({ burst: 10, perSecond: 1 }, { burst: 100, perSecond: 1 }, 0);
    for (let key = 0; key < 5; key += 1) budget.take(key, key, 0);
    budget.forgetIdle(2000);
    expect(budget.size).toBe(2);
  });
});

it("numbers types as OpenNebula does", () => {
  const types = ["UNDEFINED", "MONITOR_VM", "STATE_VM", "LOG", "EXEC_VM"] as const;
  expect(types.map(messageTypeNumber)).toEqual([0, 3, 7, 10, 11]);
});

function corrupted(data: Buffer): Buffer {
  const copy = Buffer.from(data);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}
