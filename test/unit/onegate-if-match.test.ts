/** `If-Match`: a write that would pass over what its writer has not seen is refused, and so no update is lost. */

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { dummyDriver } from "../../gateway/cloud/embedded/drivers/dummy.ts";
import { type EmbeddedCloud, openEmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { createServiceDirectory } from "../../gateway/oneflow/directory.ts";
import { createOneGate } from "../../gateway/onegate/app.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { openSqliteStore } from "../../gateway/store/sqlite.ts";
import type { Store } from "../../gateway/store/store.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { SILENT, text } from "../support/embedded.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { scratchDirectory } from "../support/house.ts";
import { type Gate, openGate } from "../support/onegate.ts";
import { type Random, seededRandom } from "../support/random.ts";

describe("If-Match", () => {
  let fake: FakeCloud;
  let gate: Gate;
  beforeEach(() => {
    fake = new FakeCloud();
    fake.addService(3, { front: [7, 8] });
    gate = openGate(fake);
  });

  const etagOf = async (path: string) => (await gate.askAs(7, path)).headers.get("etag") ?? "";
  const put = (path: string, ifMatch: string, body = "A=1") =>
    gate.askAs(7, path, { method: "PUT", headers: { "If-Match": ifMatch }, body });

  it.each(["/vm", "/vms/7", "/vms/8"])(
    "on PUT %s takes the ETag of its GET, and refuses another one",
    async (path) => {
      const etag = await etagOf(path);
      expect((await put(path, etag)).status).toBe(200);
      const refused = await put(path, etag, "A=2");
      const id = path === "/vms/8" ? 8 : 7;
      expect(refused).toMatchObject({
        status: 412,
        body: `VM ${id} is not as If-Match has it: read it again, and send the ETag it has now.`,
      });
      expect(fake.vm(id).userTemplate.A).toBe("1");
      expect((await put(path, await etagOf(path), "A=2")).status).toBe(200);
    },
  );

  it("guards an erasing update, and an empty one, alike", async () => {
    const stale = await etagOf("/vm");
    await put("/vm", "*", "A=1");
    expect((await put("/vm?type=2", stale, "A")).status).toBe(412);
    expect((await put("/vm", stale, "")).status).toBe(412);
    expect((await put("/vm", await etagOf("/vm"), "")).status).toBe(200);
    expect((await put("/vm?type=2", await etagOf("/vm"), "A")).status).toBe(200);
    expect(fake.vm(7).userTemplate).not.toHaveProperty("A");
  });

  it("reads lists and *, and no weak tag matches", async () => {
    const statuses: [string, number][] = [];
    for (const make of [
      () => "*",
      (etag: string) => `"x", ${etag}`,
      (etag: string) => `${etag} ,"y"`,
      (etag: string) => `W/${etag}`,
      (etag: string) => `"x", W/${etag}`,
      () => "",
      (etag: string) => etag.slice(1, -1),
    ]) {
      const etag = await etagOf("/vm");
      const value = make(etag);
      statuses.push([value.replace(etag, "ETAG"), (await put("/vm", value, `A=${statuses.length}`)).status]);
    }
    expect(statuses.map(([, status]) => status)).toEqual([200, 200, 200, 412, 412, 412, 412]);
  });

  it("says first what else is wrong", async () => {
    expect((await put("/vm", '"x"', "SERVICE_ID=9")).status).toBe(403);
    expect((await put("/vm", '"x"', "=")).status).toBe(400);
  });

  it("on a role takes the ETag of GET /service", async () => {
    const scaled: unknown[] = [];
    const scale = async (...asked: readonly unknown[]) => void scaled.push(asked.slice(1));
    gate = openGate(fake, { scaler: { scale } });
    const etag = await etagOf("/service");
    const body = JSON.stringify({ cardinality: 3 });
    expect((await put("/service/role/front", etag, body)).status).toBe(200);
    fake.change(8, { name: "renamed" });
    expect(await put("/service/role/front", etag, body)).toMatchObject({
      status: 412,
      body: "Service 3 is not as If-Match has it: read it again, and send the ETag it has now.",
    });
    expect(scaled).toEqual([[3, "front", 3]]);
  });

  it("is refused on a POST, where nobody would look at it", async () => {
    const body = JSON.stringify({ action: { perform: "resume" } });
    const answer = await gate.askAs(7, "/vms/8/action", {
      method: "POST",
      headers: { "If-Match": "*" },
      body,
    });
    expect(answer).toMatchObject({
      status: 400,
      body: "If-Match is taken on PUT only; send a POST without it.",
    });
    expect(fake.calls).toEqual([]);
  });
});

describe("writers of one attribute", () => {
  const closers: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  async function openWriters(store: Store) {
    const cloud = await startedCloud(store);
    closers.push(
      () => store.close(),
      () => cloud.close(),
    );
    const vmId = await cloud.vms.allocate(SYSTEM, text('NAME = "vm" CONTEXT = [ TOKEN = "YES" ]'), {
      hold: true,
    });
    const app = createOneGate({
      cloud,
      services: createServiceDirectory(cloud),
      clock: systemClock,
      log: silentLogger,
      settings: oneGateSettingsSchema.parse({ limits: { enabled: false } }),
    });
    const headers = { "X-ONEGATE-TOKEN": cloud.vmToken(vmId), "X-ONEGATE-VMID": String(vmId) };
    const ask = (method: string, more: Record<string, string> = {}, body?: string) =>
      app.request("/vm", {
        method,
        headers: { ...headers, ...more },
        ...(body === undefined ? {} : { body }),
      });
    const read = async () => {
      const answer = await ask("GET");
      const { VM }: { VM: { USER_TEMPLATE: Record<string, string> } } = JSON.parse(await answer.text());
      return { attributes: VM.USER_TEMPLATE, etag: answer.headers.get("etag") ?? "" };
    };
    return { ask, read };
  }

  type Writers = Awaited<ReturnType<typeof openWriters>>;

  /** Adds one to COUNT until it has been taken; the number of refusals. */
  async function increment({ ask, read }: Writers, random: Random): Promise<number> {
    for (let refusals = 0; ; refusals += 1) {
      const { attributes, etag } = await read();
      await rest(random);
      const count = Number(attributes.COUNT ?? 0) + 1;
      const { status } = await ask("PUT", { "If-Match": etag }, `COUNT = "${count}"`);
      if (status === 200) return refusals;
      expect(status).toBe(412);
      await rest(random);
    }
  }

  async function countTogether(writers: Writers, random: Random, n: number, times: number): Promise<number> {
    const before = Number((await writers.read()).attributes.COUNT ?? 0);
    const refusals = await Promise.all(
      Array.from({ length: n }, async () => {
        let refused = 0;
        for (let time = 0; time < times; time += 1) refused += await increment(writers, random);
        return refused;
      }),
    );
    expect(Number((await writers.read()).attributes.COUNT) - before).toBe(n * times);
    return refusals.reduce((sum, one) => sum + one, 0);
  }

  it("lose no update under If-Match, two or many, in any interleaving", async () => {
    const writers = await openWriters(memoryStore());
    let refusals = 0;
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = seededRandom(seed);
      refusals += await countTogether(writers, random, seed % 2 === 0 ? 2 : 2 + random.integer(7), 5);
    }
    expect(refusals).toBeGreaterThan(50);
  });

  it("lose none where the newest state is not yet on the disk", async () => {
    const scratch = scratchDirectory("if-match");
    closers.push(scratch.remove);
    const writers = await openWriters(await openSqliteStore(`${scratch.path}/gatehouse.db`));
    expect(await countTogether(writers, seededRandom(1), 5, 6)).toBeGreaterThan(0);
  });

  it("without If-Match write over each other whole, and never leave a mixture", async () => {
    const { ask, read } = await openWriters(memoryStore());
    const names = ["A", "B", "C"];
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = seededRandom(seed);
      const mixtures: unknown[] = [];
      await Promise.all(
        Array.from({ length: 6 }, async (_, writer) => {
          for (let time = 0; time < 4; time += 1) {
            await rest(random);
            const lines = names.map((name) => `${name} = "${seed}/${writer}/${time}"`);
            expect((await ask("PUT", {}, lines.join("\n"))).status).toBe(200);
            const { attributes } = await read();
            const values = new Set(names.map((name) => attributes[name]));
            if (values.size !== 1) mixtures.push(attributes);
          }
        }),
      );
      expect(mixtures).toEqual([]);
    }
  });
});

/** A few turns, some of them short and some longer. */
async function rest(random: Random): Promise<void> {
  for (let turns = random.integer(6); turns > 0; turns -= 1) await Promise.resolve();
  for (let turns = random.integer(3); turns > 0; turns -= 1)
    await new Promise((resolve) => setImmediate(resolve));
}

async function startedCloud(store: Store): Promise<EmbeddedCloud> {
  const driver = dummyDriver({ clock: systemClock, bootMs: 0 });
  const cloud = await openEmbeddedCloud({
    store,
    clock: systemClock,
    log: SILENT,
    drivers: [driver],
    onlyDriver: driver,
    onegateEndpoint: () => "http://127.0.0.1:5030",
  });
  await cloud.firstStart({ password: "secret", hostName: "host0", driver: driver.name });
  await cloud.start();
  return cloud;
}
