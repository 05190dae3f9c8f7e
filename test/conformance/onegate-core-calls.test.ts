/** What requests of guests cost the core: never more calls than with the original (golden/onegate_oned_calls.json). */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { parseWorld } from "../../gateway/cloud/world.ts";
import { createServiceDirectory } from "../../gateway/oneflow/directory.ts";
import { createOneGate } from "../../gateway/onegate/app.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { testCloud } from "../support/embedded.ts";
import { remoteCloud, type ServedCore, serveCore } from "../support/opennebula.ts";

/** Of the recorded world: in a service of three, and in a router with another. */
const GUEST = 249;
const PEER = 250;
const ROUTER_GUEST = 1;

/**
 * The recorded counts. `original` with a number for each VM of the service: the recorded service had 20.
 * `cached`: while all that is read is known.
 */
const REQUESTS = [
  { ask: "GET /", guest: GUEST, original: 2, uncached: 2, cached: 0 },
  { ask: "GET /vm", guest: GUEST, original: 3, uncached: 3, cached: 0 },
  { ask: `GET /vms/${PEER}`, guest: GUEST, original: 6, uncached: 4, cached: 2 },
  { ask: "GET /service", guest: GUEST, original: 5, uncached: 4, cached: 0 },
  { ask: "GET /service?extended=true", guest: GUEST, original: 5 + 3, uncached: 3 + 3, cached: 0 },
  { ask: "PUT /vm", guest: GUEST, body: "Z=1", original: 5, uncached: 5, cached: 3 },
  { ask: "PUT /vm?type=2", guest: GUEST, body: "Z", original: 5, uncached: 5, cached: 3 },
  { ask: "GET /vrouter", guest: ROUTER_GUEST, original: 4, uncached: 3, cached: 1 },
  { ask: "GET /vnet/0", guest: ROUTER_GUEST, original: 6, uncached: 4, cached: 2 },
  { ask: "GET /vnet/0?extended=true", guest: ROUTER_GUEST, original: 7, uncached: 5, cached: 3 },
  {
    ask: `POST /vms/${PEER}/action`,
    guest: GUEST,
    body: JSON.stringify({ action: { perform: "rename", params: { name: "abc" } } }),
    original: 7,
    uncached: 6,
    cached: 4,
  },
] as const;

let embedded: EmbeddedCloud;
let core: ServedCore;

beforeAll(async () => {
  const world = new URL("../fixtures/onegate-world.json", import.meta.url);
  ({ cloud: embedded } = await testCloud({ firstStart: false }));
  await embedded.importWorld(parseWorld(JSON.parse(readFileSync(world, "utf8"))));
  await embedded.start();
  core = await serveCore(embedded);
});

afterAll(async () => {
  await core.close();
  await embedded.close();
});

type Request = (typeof REQUESTS)[number];

/** The calls of a request, after the same had been asked once before. */
async function callsOf(request: Request, cacheMs: number): Promise<readonly string[]> {
  const cloud = await remoteCloud(core, { cacheMs });
  const app = createOneGate({
    cloud,
    services: createServiceDirectory(cloud),
    settings: oneGateSettingsSchema.parse({}),
    clock: systemClock,
    log: silentLogger,
  });
  const [method = "", path = ""] = request.ask.split(" ");
  const headers = {
    "X-ONEGATE-TOKEN": embedded.vmToken(request.guest),
    "X-ONEGATE-VMID": String(request.guest),
  };
  const ask = async () => {
    const before = core.calls.length;
    const body = "body" in request ? { body: request.body } : {};
    // What is erased must be there.
    if (path.includes("type=2")) await app.request("http://gate/vm", { method, headers, body: "Z=1" });
    const from = path.includes("type=2") ? core.calls.length : before;
    const answer = await app.request(`http://gate${path}`, { method, headers, ...body });
    expect(answer.ok).toBe(true);
    return core.calls.slice(from);
  };
  try {
    await ask();
    return await ask();
  } finally {
    await cloud.close();
  }
}

describe("a guest's request before an OpenNebula", () => {
  it.each(REQUESTS)("$ask takes no more calls of the core than the original's", async (request) => {
    const [uncached, cached] = [await callsOf(request, 0), await callsOf(request, 60_000)];
    expect(
      { uncached: uncached.length, cached: cached.length },
      [...uncached, "/", ...cached].join(" "),
    ).toEqual({
      uncached: request.uncached,
      cached: request.cached,
    });
    expect(uncached.length).toBeLessThanOrEqual(request.original);
  });
});
