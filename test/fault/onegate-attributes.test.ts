import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeCloud } from "../support/fake-cloud.ts";
import { guestHeaders } from "../support/onegate.ts";
import { openSocket, type ServedGate, serveGate, statusesOf } from "../support/served-gate.ts";

/** A guest that writes a million attributes: in one body, in many, inside vectors. It is refused at the first too many. */

const MILLION = 1_000_000;
const MEBIBYTE = 1_024 * 1_024;
const UNHURRIED = { perSecond: 1_000_000, burst: 1_000_000 };

let fake: FakeCloud;
let gate: ServedGate | undefined;

beforeEach(() => {
  fake = new FakeCloud();
  fake.addService(1, { only: [7] });
});

afterEach(async () => {
  await gate?.close();
  gate = undefined;
});

async function serve(settings: object = {}): Promise<void> {
  const limits = { vm: UNHURRIED, vmWrite: UNHURRIED, address: UNHURRIED };
  gate = await serveGate(fake, { settings: { limits, ...settings } });
}

async function put(body: string): Promise<{ status: number; text: string }> {
  const headers = guestHeaders(fake, 7);
  const answer = await fetch(`${gate?.url}/vm`, { method: "PUT", headers, body });
  return { status: answer.status, text: await answer.text() };
}

const held = () => Object.keys(fake.vm(7).userTemplate).length;

describe("a million attributes", () => {
  it("in one body are refused by its announced length, unread", async () => {
    await serve();
    const before = held();
    const socket = await openSocket(gate?.port ?? 0);
    const answered = new Promise<string>((resolve) => socket.once("data", (chunk) => resolve(String(chunk))));
    const head = Object.entries({ ...guestHeaders(fake, 7), Host: "a", "Content-Length": 12 * MILLION });
    socket.write(`PUT /vm HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
    expect(statusesOf(await answered)).toEqual([413]);
    socket.destroy();
    expect(held()).toBe(before);
  });

  it("in one body without a length are refused once the bound is passed", async () => {
    await serve();
    const before = held();
    const socket = await openSocket(gate?.port ?? 0);
    const answered = new Promise<string>((resolve) => socket.once("data", (chunk) => resolve(String(chunk))));
    const head = Object.entries({ ...guestHeaders(fake, 7), Host: "a", "Transfer-Encoding": "chunked" });
    socket.write(`PUT /vm HTTP/1.1\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
    const attributes = Array.from({ length: 10_000 }, (_, index) => `KEY_${index} = 1\n`).join("");
    const chunk = `${attributes.length.toString(16)}\r\n${attributes}\r\n`;
    let refused = false;
    const answer = answered.then((text) => {
      refused = true;
      return text;
    });
    // At most the million of them; it never comes to that, since the answer comes first.
    for (let sent = 0; sent < MILLION && !refused; sent += 10_000) {
      if (!socket.write(chunk)) await Promise.race([answer, new Promise((go) => socket.once("drain", go))]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*at most 1048576 bytes are taken\.$/);
    socket.destroy();
    expect(held()).toBe(before);
  });

  it.each([
    ["names", 1, (index: number) => `KEY_${index} = 1\n`, "", ""],
    ["values of one name", 1, () => "KEY = 1\n", "", ""],
    ["empty vectors", 1, (index: number) => `KEY_${index} = []\n`, "", ""],
    ["attributes of one vector", 1, (index: number) => `K${index} = 1,`, "KEY = [", "LAST = 1]"],
    ["attributes of many vectors", 2, (index: number) => `KEY = [ A = ${index}, B = 1 ]\n`, "", ""],
  ])(
    "in a body that large houses take are refused at the first too many: %s",
    async (_what, inEach, line, start, end) => {
      await serve({ maxBodyBytes: 64 * MEBIBYTE });
      const before = held();
      const lines = Array.from({ length: MILLION / inEach }, (_, index) => line(index));
      expect(await put(start + lines.join("") + end)).toEqual({
        status: 413,
        text: "The template has more than the 2000 attributes allowed, those inside vectors counted too.",
      });
      expect(held()).toBe(before);
    },
  );

  it("in many bodies are refused from the bound on, and the VM stays as it is", async () => {
    await serve({ limits: { vm: UNHURRIED, vmWrite: UNHURRIED, address: UNHURRIED, attributes: 100 } });
    const already = held();
    const statuses: number[] = [];
    for (let first = 0; first < 200; first += 10) {
      const lines = Array.from({ length: 10 }, (_, index) => `KEY_${first + index} = 1`);
      statuses.push((await put(lines.join("\n"))).status);
    }
    const taken = Math.floor((100 - already) / 10);
    expect(statuses).toEqual([...Array(taken).fill(200), ...Array(20 - taken).fill(413)]);
    expect(held()).toBe(already + taken * 10);
    expect(await put(Array.from({ length: 40 }, (_, index) => `V = [ A${index} = 1 ]`).join("\n"))).toEqual({
      status: 413,
      text: `A VM holds at most 100 attributes, those inside vectors counted too; with this it would hold ${already + taken * 10 + 80}.`,
    });
  });
});

describe("an attribute", () => {
  it.each([
    [
      "K".repeat(257),
      "1",
      /^An attribute's name has at most 256 characters; one that begins with K{32} has 257\.$/,
    ],
    ["V", `[ ${"K".repeat(257)} = 1 ]`, /^An attribute's name has at most 256 characters/],
    [
      "KEY",
      "v".repeat(65_537),
      /^An attribute's value has at most 65536 characters; that of KEY has 65537\.$/,
    ],
    [
      "V",
      `[ KEY = ${"v".repeat(65_537)} ]`,
      /^An attribute's value has at most 65536 characters; that of V\/KEY /,
    ],
  ])("too long in name or value is refused", async (name, value, sentence) => {
    await serve();
    const { status, text } = await put(`${name} = ${value}`);
    expect(status).toBe(413);
    expect(text).toMatch(sentence);
  });

  it("as long as may be is taken", async () => {
    await serve();
    expect((await put(`${"K".repeat(256)} = ${"v".repeat(65_536)}`)).status).toBe(200);
  });
});

describe("a VM that holds too many already", () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`KEY_${index}`, "1"]));

  beforeEach(async () => {
    fake.vms.set(7, { ...fake.vm(7), userTemplate: { ...fake.vm(7).userTemplate, ...many } });
    await serve({ limits: { attributes: 20 } });
  });

  it("may change them, and lose them, one by one", async () => {
    expect((await put("KEY_0 = 2")).status).toBe(200);
    expect((await put("KEY_0 = []\nKEY_1 = []")).status).toBe(200);
    expect((await put("KEY_2 = []\nOTHER = 1")).status).toBe(200);
  });

  it("may not get more", async () => {
    expect((await put("OTHER = 1")).status).toBe(413);
    expect((await put("KEY_0 = [ A = 1 ]")).status).toBe(413);
  });
});
