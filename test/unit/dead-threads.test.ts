import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, onTestFinished, vi } from "vitest";
import { sqliteTables } from "../../gateway/monitor/dropin/sqlite-tables.ts";
import { openSeries } from "../../gateway/store/series/sqlite-series.ts";
import { silentLogger } from "../../shared/log.ts";
import { manualClock } from "../support/manual-clock.ts";
import { TABLES } from "../support/one-site.ts";
import { ALWAYS, report } from "../support/series.ts";

const { threads } = vi.hoisted(() => ({ threads: [] as { terminate(): Promise<number> }[] }));

vi.mock("node:worker_threads", async (original) => {
  const real = await original<typeof import("node:worker_threads")>();
  const Worker = class extends real.Worker {
    constructor(...given: ConstructorParameters<typeof real.Worker>) {
      super(...given);
      threads.push(this);
    }
  };
  return { ...real, Worker };
});

/** Ends what was started last, as its crash would. */
async function killThread(): Promise<void> {
  await threads.pop()?.terminate();
}

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "dead-threads-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

it("OpenNebula's tables are written again by a new thread, asked by whoever tries again", async () => {
  const path = join(scratch(), "one.db");
  const database = new DatabaseSync(path);
  for (const table of TABLES) database.exec(table);
  const tables = sqliteTables({ path, busyMs: 1_000 });
  await tables.put([{ kind: "host", id: 3, at: 1, body: "before" }]);
  const under = tables.put([{ kind: "host", id: 3, at: 2, body: "under way" }]).catch(() => undefined);
  await killThread();
  await under;
  await tables.put([{ kind: "host", id: 3, at: 3, body: "after" }]);
  const bodies = database.prepare("SELECT body FROM host_monitoring ORDER BY last_mon_time").all();
  expect(bodies.map(({ body }) => body)).toEqual(expect.arrayContaining(["before", "after"]));
  await tables.close();
  database.close();
});

it("the history goes on in a new thread within a second, and what the file held is still in it", async () => {
  const clock = manualClock();
  const at = clock.now() / 1_000;
  const options = { clock, log: silentLogger, rawSeconds: { hosts: 3_600, vms: 3_600 } };
  const series = await openSeries(join(scratch(), "series.db"), options);
  const history = () =>
    series.vmHistory(7, [{ hostId: 3, ...ALWAYS }], { from: 0, to: at + 60, resolution: "raw" });
  series.append(report(3, at, 7, 10));
  expect((await history()).points).toHaveLength(1);
  await killThread();
  await expect(history()).rejects.toMatchObject({ code: "unavailable" });
  await clock.runNext();
  series.append(report(3, at + 1, 7, 20));
  expect((await history()).points).toHaveLength(2);
  await series.close();
});
