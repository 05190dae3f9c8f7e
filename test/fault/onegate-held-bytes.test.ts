import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MAX_HELD_BYTES_PER_VM } from "../../gateway/onegate/fairness/held-bytes.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { guestHeaders } from "../support/onegate.ts";
import { openSocket, type ServedGate, sendRaw, serveGate, statusesOf } from "../support/served-gate.ts";

/** A guest that sends large bodies slowly, or asks for large answers and reads none of them. */

const MEBIBYTE = 1_024 * 1_024;
const FITTING = MAX_HELD_BYTES_PER_VM / MEBIBYTE;

let fake: FakeCloud;
let gate: ServedGate;
const sockets: Socket[] = [];

beforeEach(async () => {
  fake = new FakeCloud();
  fake.addService(1, { only: [7, 8] });
  gate = await serveGate(fake);
});

afterEach(async () => {
  letGo();
  await gate.close();
});

function letGo(): void {
  for (const socket of sockets.splice(0)) socket.destroy();
}

function head(vmId: number, request: string, ...more: readonly string[]): string {
  const token = Object.entries(guestHeaders(fake, vmId)).map(([name, value]) => `${name}: ${value}`);
  return [request, "Host: a", ...token, ...more, "", ""].join("\r\n");
}

const put = (vmId: number, size: string) => head(vmId, "PUT /vm HTTP/1.1", "Expect: 100-continue", size);

/** Sends it, and reads no further than what comes first: then the house is at it. */
async function begin(bytes: string): Promise<number | undefined> {
  const socket = await openSocket(gate.port);
  sockets.push(socket);
  const first = new Promise<string>((resolve) =>
    socket.once("data", (chunk) => {
      socket.pause();
      resolve(String(chunk));
    }),
  );
  socket.write(bytes);
  return statusesOf(await first)[0];
}

async function statusOf(bytes: string): Promise<number | undefined> {
  return statusesOf(await sendRaw(gate.port, bytes, 1))[0];
}

it.each([`Content-Length: ${MEBIBYTE}`, "Transfer-Encoding: chunked"])(
  "bodies under way are bounded for each VM, with %s",
  async (size) => {
    for (let count = 0; count < FITTING; count += 1) await begin(put(7, size));
    const refused = await sendRaw(gate.port, put(7, size), 2);
    expect(statusesOf(refused)).toContain(429);
    expect(refused).toContain(`no VM may have more than ${MAX_HELD_BYTES_PER_VM}`);
    expect(await statusOf(`${head(7, "PUT /vm HTTP/1.1", "Content-Length: 3")}A=1`)).toBe(200);
    expect(await begin(put(8, size))).toBe(100);
  },
);

describe("answers that nobody reads", () => {
  const get = (vmId: number, path = "/vm") => head(vmId, `GET ${path} HTTP/1.1`);

  beforeEach(() => {
    // More than the kernel keeps of a connection.
    const big = "x".repeat(12 * MEBIBYTE);
    for (const vmId of [7, 8])
      fake.change(vmId, { userTemplate: { ...fake.vm(vmId).userTemplate, BIG: big } });
  });

  it("are bounded for each VM, and count no more once their connections are gone", async () => {
    expect([await begin(get(7)), await begin(get(7))]).toEqual([200, 200]);
    expect(await begin(get(7))).toBe(429);
    expect(await statusOf(get(7, "/vm/NAME"))).toBe(200);
    expect(await begin(get(8))).toBe(200);
    letGo();
    while ((await begin(get(7))) !== 200) letGo();
  });

  it("count no more after a connection that brought several requests at once", async () => {
    await begin(get(7) + get(7) + get(7));
    for (let free = 0; free < 2; ) {
      letGo();
      free = [await begin(get(7)), await begin(get(7))].filter((status) => status === 200).length;
    }
  });
});
