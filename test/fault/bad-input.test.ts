import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { makeWorld } from "../support/world-maker.ts";

const scratch = scratchDirectory("bad-input");
let house: HouseProcess;
let headers: Record<string, string>;

beforeAll(async () => {
  const home = path.join(scratch.path, "home");
  const world = path.join(scratch.path, "world.json");
  writeFileSync(world, JSON.stringify(makeWorld({ vms: 4, perRole: 1 })));
  await gatehouse(["import", world, "--home", home]);
  const token = (await gatehouse(["token", "0", "--home", home])).trim();
  headers = { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": "0" };
  house = await startHouse(home, ["--dummy"]);
});

afterAll(async () => {
  await stopHouse(house);
  scratch.remove();
});

/** The status of what the house answers to raw bytes; undefined when it just closes. */
async function raw(bytes: string | Buffer): Promise<number | undefined> {
  const { hostname, port } = new URL(house.onegate);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => undefined);
  socket.write(bytes);
  await new Promise((resolve) => {
    socket.on("close", resolve);
    // A whole answer is enough; a server that keeps the connection must not keep the test.
    socket.on("data", () => socket.end());
  });
  const status = /^HTTP\/1\.1 (\d+)/.exec(Buffer.concat(chunks).toString("latin1"))?.[1];
  return status === undefined ? undefined : Number(status);
}

async function put(
  body: string | Uint8Array<ArrayBuffer>,
  type?: string,
): Promise<{ status: number; text: string }> {
  const contentType = type === undefined ? {} : { "Content-Type": type };
  const answer = await fetch(`${house.onegate}/vm`, {
    method: "PUT",
    headers: { ...headers, ...contentType },
    body,
  });
  return { status: answer.status, text: await answer.text() };
}

const authority = () =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");

describe("bad input gets a clear 4xx and never ends the house", () => {
  it("an oversized body", async () => {
    const answer = await put(`A="${"x".repeat(5_000_000)}"`);
    expect(answer.status).toBe(413);
    expect(answer.text).toMatch(/\d+ bytes/);
  });

  it("a body that announces more than is allowed, before it is sent", async () => {
    expect(
      await raw(`PUT /vm HTTP/1.1\r\nHost: a\r\n${authority()}Content-Length: 99999999999\r\n\r\n`),
    ).toBe(413);
  });

  it("a body that is not UTF-8", async () => {
    expect((await put(new Uint8Array([0x41, 0x3d, 0xff, 0xfe]))).status).toBe(400);
  });

  it("10,000 headers", async () => {
    const many = Array.from({ length: 10_000 }, (_, number) => `X-Header-${number}: 1\r\n`).join("");
    expect(await raw(`GET /vm HTTP/1.1\r\nHost: a\r\n${authority()}${many}\r\n`)).toBe(431);
  });

  it("what is not HTTP at all", async () => {
    expect(await raw("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")).toBe(400);
  });

  it.each(["99999999999999999999999", "9007199254740993", "-1", "1e3", "0x10", "%00", "..%2f..", "१"])(
    "the VM id %s",
    async (id) => {
      const answer = await fetch(`${house.onegate}/vms/${id}`, { headers });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      await answer.text();
    },
  );

  it("JSON nested 100,000 deep", async () => {
    const body = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const answer = await fetch(`${house.onegate}/vms/0/action`, { method: "POST", headers, body });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect((await answer.text()).length).toBeLessThan(1_000);
  });

  it.each(["A", "=", "A=[", 'A="', "A=[B=[C=D]]", "\u0000=1", "A B=1", "[[[[", '"""'])(
    "the update %j",
    async (body) => {
      const answer = await put(body);
      expect(answer.status).toBe(400);
      expect(answer.text).not.toBe("");
    },
  );

  it("a form with broken percent-encoding", async () => {
    expect((await put("data=%zz&type=1", "application/x-www-form-urlencoded")).status).toBe(400);
  });

  it("and the house is still there, with nothing changed", async () => {
    const answer = await fetch(`${house.onegate}/vm`, { headers });
    expect(answer.status).toBe(200);
    const { VM }: { VM: { USER_TEMPLATE: object } } = JSON.parse(await answer.text());
    expect(VM.USER_TEMPLATE).toEqual({ ROLE_NAME: "front", SERVICE_ID: "900000" });
    expect(house.child.exitCode).toBeNull();
  });
});
