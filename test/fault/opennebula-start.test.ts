/** A house that starts before an OpenNebula's core that is away, dies while it is looked at, or takes none of its sessions. */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sessionWriter } from "../../gateway/cloud/access/server-session.ts";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { loadConfig } from "../../gateway/config.ts";
import { type House, startHouse } from "../../gateway/main.ts";
import { takeNew } from "../../gateway/oneflow/lifecycle/take-new.ts";
import { asJson } from "../../gateway/oneflow/model.ts";
import { parseServiceTemplate } from "../../gateway/oneflow/schema/parse.ts";
import { epochSeconds, systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { type FaultyCore, startFaultyCore } from "../support/faulty-core.ts";
import { FREE_PORTS, scratchDirectory } from "../support/house.ts";
import { twoTiers } from "../support/oneflow.ts";
import { SERVER, type ServedCore, serveCore } from "../support/opennebula.ts";

const X509 = join(import.meta.dirname, "../fixtures/x509");
const WAITS = "OneFlow waits for OpenNebula's core: ask again in a moment.";
const SOON = { timeout: 30_000, interval: 50 };

let scratch: ReturnType<typeof scratchDirectory>;
let embedded: EmbeddedCloud;
let alice: Actor;
let served: ServedCore;
let core: FaultyCore;
let logged: string[];
const houses: House[] = [];

beforeEach(async () => {
  scratch = scratchDirectory("opennebula-start");
  ({ cloud: embedded } = await testCloud());
  alice = await makeUser(embedded, SYSTEM, "alice");
  const certificate = new X509Certificate(readFileSync(join(X509, "cert.pem"), "utf8"));
  served = await serveCore(embedded, systemClock, { certificate });
  core = await startFaultyCore(served);
  logged = [];
});

afterEach(async () => {
  for (const house of houses.splice(0)) await house.close();
  await core.close();
  await served.close();
  await embedded.close();
  scratch.remove();
});

async function start(env: Readonly<Record<string, string>> = {}, name = "home"): Promise<House> {
  const home = join(scratch.path, name);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  writeFileSync(join(scratch.path, "auth"), `${SERVER.name}:${SERVER.password}\n`, { mode: 0o600 });
  const { config } = loadConfig({
    cwd: scratch.path,
    commandLine: [{ path: "home", value: home, origin: "this test" }],
    env: {
      ...FREE_PORTS,
      GATEHOUSE_CLOUD_KIND: "opennebula",
      GATEHOUSE_CLOUD_OPENNEBULA_ENDPOINT: core.endpoint,
      GATEHOUSE_CLOUD_OPENNEBULA_AUTH_FILE: "auth",
      GATEHOUSE_CLOUD_OPENNEBULA_POLL_INTERVAL_MS: "100",
      ...env,
    },
  });
  const warn = (details: object, text: string) => void logged.push(`${text}: ${JSON.stringify(details)}`);
  const house = await startHouse(config, {
    log: { ...silentLogger, warn },
    clock: systemClock,
    version: "0.0.0",
  });
  houses.push(house);
  return house;
}

/** OneFlow's services of alice. */
async function services({ urls }: House, session = "alice:alicepw") {
  const authorization = `Basic ${Buffer.from(session).toString("base64")}`;
  const response = await fetch(`${urls.oneflow}/service`, { headers: { authorization } });
  const { status, headers } = response;
  return { status, retryAfter: headers.get("retry-after"), text: await response.text() };
}

async function readiness({ urls }: House) {
  const response = await fetch(`${urls.admin}/readyz`);
  return { status: response.status, text: await response.text() };
}

const ready = async (house: House) => (await readiness(house)).status;

/** A VM that went down while nobody looked, and said READY before. */
async function downVm(): Promise<number> {
  const id = await embedded.vms.allocate(SYSTEM, { NAME: "vm" }, { hold: true });
  await embedded.vms.updateUserTemplate(SYSTEM, id, { READY: "YES" }, "append");
  return id;
}

const readyOf = async (id: number) => (await embedded.vms.get(SYSTEM, id)).userTemplate.READY;

describe("a house whose core is away when it starts", () => {
  it("is up, answers 503 with Retry-After and says so, and goes on by itself when the core comes", async () => {
    const id = await downVm();
    await core.stop();
    const house = await start({ GATEHOUSE_ONEGATE_CLEAR_READY: "true" });
    expect(await services(house)).toEqual({ status: 503, retryAfter: "2", text: WAITS });
    const guest = await fetch(`${house.urls.onegate}/vm`, {
      headers: { "X-ONEGATE-TOKEN": embedded.vmToken(id), "X-ONEGATE-VMID": String(id) },
    });
    expect([guest.status, guest.headers.get("retry-after")]).toEqual([503, "2"]);
    const { status, text } = await readiness(house);
    expect(status).toBe(503);
    expect(text).toContain("the connection was refused");
    expect(logged.join("\n")).toContain("OneFlow waits for OpenNebula's core");
    expect(house.flow).toBeUndefined();

    await core.start();
    await expect.poll(() => services(house), SOON).toMatchObject({ status: 200 });
    await expect.poll(() => readyOf(id), SOON).toBeUndefined();
    await expect.poll(() => ready(house), SOON).toBe(200);
    expect(house.flow).toBeDefined();
  });

  it("is up, too, when the core dies while its services are read, and has none half taken up", async () => {
    const body = asJson(takeNew(parseServiceTemplate(twoTiers()), systemClock.now()));
    await embedded.documents.allocate(alice, { type: 100, name: "tiers", body });
    core.fail("cut", 1_000, "one.vmpool.infoextended");
    const house = await start();
    expect(await services(house)).toEqual({ status: 503, retryAfter: "2", text: WAITS });
    await expect.poll(() => core.calls, SOON).toContain("one.vmpool.infoextended");
    expect(core.calls).not.toContain("one.template.instantiate");
    core.heal();
    // Without a template to make VMs of, it fails: it was taken up.
    await expect.poll(async () => (await services(house)).text, SOON).toContain('"state": 7');
  });

  it("ends at once while it waits, whatever the core does", async () => {
    core.fail("silent", 1_000);
    const house = await start({ GATEHOUSE_CLOUD_OPENNEBULA_TIMEOUT_MS: "3600000" });
    expect((await services(house)).status).toBe(503);
    await house.close();
  });
});

describe("a house whose core takes none of its sessions", () => {
  it("names the file, tells nobody that it is them, and goes on when the password is set right", async () => {
    const server = (await embedded.users.named(SERVER.name))?.id ?? -1;
    await embedded.users.setPassword(SYSTEM, server, "another");
    const house = await start();
    expect(await services(house)).toEqual({ status: 503, retryAfter: "2", text: WAITS });
    expect(logged.join("\n")).toContain("cloud.opennebula.auth_file");
    expect(logged.join("\n")).not.toContain(SERVER.password);
    await embedded.users.setPassword(SYSTEM, server, SERVER.password);
    await expect.poll(() => services(house), SOON).toMatchObject({ status: 200 });
  });

  it("proves itself with a certificate, as OpenNebula's own files say", async () => {
    const server = (await embedded.users.named(SERVER.name))?.id ?? -1;
    await embedded.users.setDriver(SYSTEM, server, "server_x509", "/C=ES/O=ONE/OU=DEV/CN=gate server");
    const gate = join(scratch.path, "onegate-server.conf");
    writeFileSync(gate, ":core_auth: x509\n");
    const x509 = join(scratch.path, "server_x509_auth.conf");
    writeFileSync(
      x509,
      `:srv_user: ${SERVER.name}\n:one_cert: "${X509}/cert.pem"\n:one_key: "${X509}/key.pem"\n`,
    );
    const house = await start({
      GATEHOUSE_ONEGATE_CONF_FILE: gate,
      GATEHOUSE_CLOUD_OPENNEBULA_X509_CONF_FILE: x509,
    });
    await expect.poll(() => ready(house), SOON).toBe(200);
    expect((await services(house)).status).toBe(200);
    // So OpenNebula's own OneGate asks a OneFlow.
    const key = createPrivateKey(readFileSync(join(X509, "key.pem"), "utf8"));
    const session = sessionWriter({ name: SERVER.name, key })("alice", epochSeconds(systemClock) + 60);
    expect((await services(house, session)).status).toBe(200);
    expect((await services(house, session.replace("alice", "bob"))).status).toBe(401);
  });

  it("takes the sessions of other servers before it, too", async () => {
    const house = await start();
    await expect.poll(() => ready(house), SOON).toBe(200);
    const session = sessionWriter(SERVER)("alice", epochSeconds(systemClock) + 60);
    expect((await services(house, session)).status).toBe(200);
    expect((await services(house, session.replace("alice", "bob"))).status).toBe(401);
  });
});

describe("a second house before the same core", () => {
  it("serves guests, says whose the services are, and does them once the first has ended", async () => {
    const first = await start();
    await expect.poll(() => ready(first), SOON).toBe(200);
    const second = await start({}, "another");
    expect((await services(second)).status).toBe(503);
    await expect
      .poll(async () => (await readiness(second)).text, SOON)
      .toMatch(/"oneflow":"Another Gatehouse on .* \(house [0-9a-f]{16}\)/);
    expect((await services(first)).status).toBe(200);
    await first.close();
    await expect.poll(() => ready(second), SOON).toBe(200);
    expect((await services(second)).status).toBe(200);
  });
});

describe("what waiting does not mend", () => {
  it("keeps the house from starting, and says why", async () => {
    await expect(start({ GATEHOUSE_CLOUD_OPENNEBULA_AUTH_FILE: "none" })).rejects.toThrow(
      "cloud.opennebula.auth_file cannot be read",
    );
    const fault =
      '<?xml version="1.0"?><methodResponse><fault><value><struct>' +
      "<member><name>faultCode</name><value><i4>-506</i4></value></member>" +
      "<member><name>faultString</name><value><string>Method not defined</string></value></member>" +
      "</struct></value></fault></methodResponse>";
    core.rewrite(() => fault);
    await expect(start()).rejects.toThrow("cannot do one.");
  });
});
