/** XML-RPC of a running house, as OpenNebula's clients find it: by its files, over HTTP. */

import { createCipheriv, createHash } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { callText, type Parameter, readAnswer } from "../support/xmlrpc.ts";

let scratch: ReturnType<typeof scratchDirectory>;
let house: HouseProcess | undefined;

beforeEach(() => {
  scratch = scratchDirectory("rpc");
});

afterEach(async () => {
  if (house !== undefined) await stopHouse(house);
  house = undefined;
  scratch.remove();
});

const WORLD = join(import.meta.dirname, "../fixtures/onegate-world.json");

function secretIn(file: string): string {
  const path = join(scratch.path, file);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  return readFileSync(path, "utf8").trim();
}

async function call(
  path: string,
  method: string,
  ...parameters: readonly Parameter[]
): Promise<readonly string[]> {
  const response = await fetch(`${house?.rpc}${path}`, {
    method: "POST",
    headers: { "Content-Type": "text/xml; charset=utf-8" },
    body: callText(method, parameters),
  });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/xml; charset=utf-8"]);
  const answer = readAnswer(await response.text());
  return "values" in answer ? answer.values.map(([, text]) => text) : [answer.fault.text];
}

/** As OpenNebula's servers make it from their credentials file. */
function cipherSession(credentials: string, target: string): string {
  const [name = "", password = ""] = credentials.split(":");
  const key = Buffer.from(createHash("sha256").update(password).digest("hex").slice(0, 32));
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16));
  const text = Buffer.concat([cipher.update(`${name}:${target}:9999999999`), cipher.final()]);
  return `${name}:${target}:${text.toString("base64")}`;
}

describe("XML-RPC of a house", () => {
  it("is where run.json says, and takes the two credentials that the first start made", async () => {
    house = await startHouse(scratch.path, ["--dummy"]);
    expect(house.rpc).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    for (const path of ["/RPC2", "", "/"])
      expect(await call(path, "one.system.version", secretIn("one_auth"))).toEqual(["1", "7.5.80", "0"]);
    const [, self] = await call(
      "/RPC2",
      "one.user.info",
      cipherSession(secretIn("serveradmin_auth"), "oneadmin"),
      -1,
    );
    expect(self).toContain("<USER><ID>0</ID>");
    const [ok, text, code] = await call("/RPC2", "one.user.info", "oneadmin:wrong", -1);
    expect([ok, code]).toEqual(["0", "256"]);
    expect(text).toBe("[one.user.info] User couldn't be authenticated, aborting call.");
  });

  it("takes a world's users, and forgets the credentials that they replace", async () => {
    house = await startHouse(scratch.path, ["--dummy", "--world", WORLD]);
    for (const file of ["one_auth", "serveradmin_auth"])
      expect(existsSync(join(scratch.path, file))).toBe(false);
    const [ok, vm] = await call("/RPC2", "one.vm.info", "alice:alicepw", 0);
    expect(ok).toBe("1");
    expect(vm).toContain("<NAME>standalone</NAME>");
  });

  it("may be off", async () => {
    house = await startHouse(scratch.path, ["--dummy"], { GATEHOUSE_RPC_ENABLED: "no" });
    expect(house.rpc).toBeUndefined();
  });

  it("answers other paths and methods plainly", async () => {
    house = await startHouse(scratch.path, ["--dummy"]);
    const status = async (path: string, method: string) =>
      (await fetch(`${house?.rpc}${path}`, { method })).status;
    expect(await status("/RPC2", "GET")).toBe(405);
    expect(await status("/RPC2", "DELETE")).toBe(405);
    expect(await status("/elsewhere", "POST")).toBe(404);
  });
});
