/** Guests of an OpenNebula whose core goes: answered from what is known for as long as was agreed, then told to come back. */

import { afterEach, beforeEach, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { OpenNebulaCloud } from "../../gateway/cloud/opennebula/opennebula-cloud.ts";
import { createServiceDirectory } from "../../gateway/oneflow/directory.ts";
import { createOneGate } from "../../gateway/onegate/app.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { silentLogger } from "../../shared/log.ts";
import { testCloud } from "../support/embedded.ts";
import { type FaultyCore, startFaultyCore } from "../support/faulty-core.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { remoteCloud, type ServedCore, serveCore } from "../support/opennebula.ts";

const CACHE_MS = 5_000;

let embedded: EmbeddedCloud;
let served: ServedCore;
let core: FaultyCore;
let cloud: OpenNebulaCloud;
let clock: ManualClock;
let ask: (method: string, body?: string) => Promise<Response>;

beforeEach(async () => {
  ({ cloud: embedded } = await testCloud());
  clock = manualClock();
  served = await serveCore(embedded, clock);
  core = await startFaultyCore(served);
  cloud = await remoteCloud(core, { clock, cacheMs: CACHE_MS });
  const vmId = await embedded.vms.allocate(SYSTEM, { NAME: "vm" }, { hold: true });
  const app = createOneGate({
    cloud,
    services: createServiceDirectory(cloud),
    settings: oneGateSettingsSchema.parse({}),
    clock,
    log: silentLogger,
  });
  const headers = { "X-ONEGATE-TOKEN": embedded.vmToken(vmId), "X-ONEGATE-VMID": String(vmId) };
  ask = async (method, body) =>
    await app.request(
      new Request("http://127.0.0.1:5030/vm", { method, headers, ...(body === undefined ? {} : { body }) }),
    );
});

afterEach(async () => {
  await cloud.close();
  await core.close();
  await served.close();
  await embedded.close();
});

it("reads are answered from what is known, for no longer than cache_ms, and then with 503 and Retry-After", async () => {
  expect((await ask("GET")).status).toBe(200);
  await core.stop();
  clock.advance(CACHE_MS - 1);
  expect((await ask("GET")).status).toBe(200);
  clock.advance(1);
  const away = await ask("GET");
  expect([away.status, away.headers.get("retry-after")]).toEqual([503, "2"]);
  expect(await away.text()).toMatch(/^OpenNebula's core did not answer/);
  await core.start();
  expect((await ask("GET")).status).toBe(200);
});

it("writes are never answered from anything but the core", async () => {
  expect((await ask("GET")).status).toBe(200);
  await core.stop();
  const away = await ask("PUT", "READY=YES");
  expect([away.status, away.headers.get("retry-after")]).toEqual([503, "2"]);
});

it("a write whose answer is lost is said to be unknown, and is read back as it became", async () => {
  expect((await ask("GET")).status).toBe(200);
  core.fail("done_and_cut", 1, "one.vm.update");
  const lost = await ask("PUT", "READY=YES");
  expect(lost.status).toBe(503);
  expect(await lost.text()).toContain("whether it was done is unknown");
  expect(await (await ask("GET")).json()).toMatchObject({ VM: { USER_TEMPLATE: { READY: "YES" } } });
});
