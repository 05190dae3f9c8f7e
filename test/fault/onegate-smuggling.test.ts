import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FakeCloud } from "../support/fake-cloud.ts";
import { manualClock } from "../support/manual-clock.ts";
import { guestHeaders } from "../support/onegate.ts";
import { type ServedGate, sendRaw, serveGate, statusesOf } from "../support/served-gate.ts";

/**
 * Requests as an attacker writes them, through bare sockets: forged addresses, and heads in which a proxy before the
 * house might see other requests, or other headers, than the house does.
 */

const fake = new FakeCloud();
fake.addService(1, { only: [7] });
const authority = Object.entries(guestHeaders(fake, 7))
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join("");
let direct: ServedGate;
let proxied: ServedGate;

beforeAll(async () => {
  direct = await serveGate(fake);
  proxied = await serveGate(fake, { settings: { trustedProxies: ["127.0.0.1"] } });
});

afterAll(async () => {
  await direct.close();
  await proxied.close();
});

/** A whole request with the VM's token; the server closes after its answer. */
const get = (lines: string) => `GET /vm HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${authority}${lines}\r\n`;

async function addressSeen(gate: ServedGate, lines: string): Promise<string | undefined> {
  expect(statusesOf(await sendRaw(gate.port, get(lines)))).toEqual([200]);
  return gate.seen.at(-1)?.address;
}

describe("the address of a request", () => {
  it.each([
    "X-Forwarded-For: 203.0.113.7\r\n",
    "x-forwarded-for: 203.0.113.7\r\nX-FORWARDED-FOR: 203.0.113.8\r\n",
    "Forwarded: for=203.0.113.7\r\n",
    "X-Real-IP: 203.0.113.7\r\n",
    "X_Forwarded_For: 203.0.113.7\r\n",
  ])("is the peer's, whatever a peer that is not trusted writes: %j", async (lines) => {
    expect(await addressSeen(direct, lines)).toBe("127.0.0.1");
  });

  it.each([
    ["what the trusted proxy wrote last", "X-Forwarded-For: 10.0.0.1, 203.0.113.7\r\n", "203.0.113.7"],
    [
      "the last of several lines",
      "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 203.0.113.8\r\n",
      "203.0.113.8",
    ],
    ["the proxy's, when it wrote nothing", "", "127.0.0.1"],
    ["the proxy's, when the last hop is no address", "X-Forwarded-For: 203.0.113.7, x\r\n", "127.0.0.1"],
    ["never from Forwarded", "Forwarded: for=203.0.113.7\r\n", "127.0.0.1"],
    ["never from a header with underscores", "X_Forwarded_For: 203.0.113.7\r\n", "127.0.0.1"],
  ])("behind a trusted proxy is %s", async (_what, lines, address) => {
    expect(await addressSeen(proxied, lines)).toBe(address);
  });

  it("cannot be moved to another to write a neighbour's limit off", async () => {
    const settings = { limits: { stranger: { perSecond: 1, burst: 3 } } };
    const gate = await serveGate(fake, { settings, clock: manualClock() });
    try {
      const statuses = [];
      for (let hop = 1; hop <= 5; hop += 1) {
        const forged = `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 203.0.113.${hop}\r\n\r\n`;
        statuses.push(...statusesOf(await sendRaw(gate.port, forged)));
      }
      expect(statuses).toEqual([401, 401, 401, 429, 429]);
    } finally {
      await gate.close();
    }
  });
});

describe("a head with two meanings", () => {
  let before: number;
  beforeEach(() => {
    before = direct.seen.length;
  });

  const put = (lines: string, body: string) =>
    `PUT /vm HTTP/1.1\r\nHost: a\r\n${authority}${lines}\r\n${body}`;
  const hidden = `PUT /vm HTTP/1.1\r\nHost: a\r\n`;

  it.each([
    [
      "Transfer-Encoding and Content-Length",
      put("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", `0\r\n\r\n${hidden}`),
    ],
    ["Content-Length twice, different", put("Content-Length: 3\r\nContent-Length: 40\r\n", `A=1${hidden}`)],
    ["Content-Length twice, the same", put("Content-Length: 3\r\nContent-Length: 3\r\n", "A=1")],
    ["Content-Length as a list", put("Content-Length: 3, 3\r\n", "A=1")],
    ["Content-Length with a sign", put("Content-Length: +3\r\n", "A=1")],
    ["an unknown Transfer-Encoding", put("Transfer-Encoding: xchunked\r\n", "3\r\nA=1\r\n0\r\n\r\n")],
    ["chunked not last", put("Transfer-Encoding: chunked, identity\r\n", "3\r\nA=1\r\n0\r\n\r\n")],
    ["a bad chunk size", put("Transfer-Encoding: chunked\r\n", "0x3\r\nA=1\r\n0\r\n\r\n")],
    ["a folded header", get("X-Note: a\r\n X-ONEGATE-VMID: 8\r\n")],
    ["a blank before the colon", get("X-Note : a\r\n")],
    ["a line that ends in a bare LF", get("X-Note: a\nX-ONEGATE-VMID: 8\r\n")],
    ["a bare CR in a value", get("X-Note: a\rX-ONEGATE-VMID: 8\r\n")],
    ["a NUL in a value", get("X-Note: a\0b\r\n")],
    ["no Host", `GET /vm HTTP/1.1\r\n${authority}Connection: close\r\n\r\n`],
  ])("is refused, and nothing of it done: %s", async (_what, bytes) => {
    const version = fake.vm(7).version;
    expect(statusesOf(await sendRaw(direct.port, bytes))).toEqual([400]);
    expect(direct.seen.slice(before).filter(({ status }) => status !== 400)).toEqual([]);
    expect(fake.vm(7).version).toBe(version);
  });

  it("a token or an id that comes twice proves nothing", async () => {
    const [tokenLine = "", idLine = ""] = authority.split(/(?<=\r\n)/);
    for (const lines of [tokenLine, "X-ONEGATE-TOKEN: x\r\n", idLine, "X-ONEGATE-VMID: 8\r\n"])
      expect(statusesOf(await sendRaw(direct.port, get(lines)))).toEqual([401]);
  });

  it("a body on a GET is not taken for the next request", async () => {
    const inner = `PUT /vm HTTP/1.1\r\nHost: a\r\n${authority}Content-Length: 3\r\n\r\nA=1`;
    const version = fake.vm(7).version;
    const bytes = get(`Content-Length: ${inner.length}\r\n`) + inner;
    expect(statusesOf(await sendRaw(direct.port, bytes))).toEqual([200]);
    expect(fake.vm(7).version).toBe(version);
  });

  it("requests in one packet are each answered as themselves", async () => {
    const pipelined = `GET /vm HTTP/1.1\r\nHost: a\r\n${authority}\r\nGET /vm HTTP/1.1\r\nHost: a\r\n\r\n${get("")}`;
    expect(statusesOf(await sendRaw(direct.port, pipelined))).toEqual([200, 401, 200]);
  });
});
