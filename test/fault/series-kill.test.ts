import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSeries } from "../../gateway/store/series/sqlite-series.ts";
import { silentLogger } from "../../shared/log.ts";
import { manualClock } from "../support/manual-clock.ts";
import { ALWAYS } from "../support/series.ts";

const ROUNDS = 4;
const HOSTS = 40;
const START = 1_700_000_100;
const WRITER = fileURLToPath(new URL("./series-writer.ts", import.meta.url));

let directory: string;
let writer: ChildProcess | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-series-kill-"));
});

afterEach(() => {
  writer?.kill("SIGKILL");
  rmSync(directory, { recursive: true });
});

/** Lets a writer run for so many answers, kills it, and returns how many reports it knew to be stored. */
async function writeAndKill(path: string, first: number, answers: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, path, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  writer = child;
  const exited = once(child, "exit");
  let stored = 0;
  let heard = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    stored = Number(line);
    heard += 1;
    if (heard === answers) child.kill("SIGKILL");
  }
  expect(await exited).toEqual([null, "SIGKILL"]);
  return stored;
}

test("a series killed with kill -9 opens again, with every report it said was stored, and makes their windows", async () => {
  const path = join(directory, "series.db");
  let known = 0;
  let next = START;
  for (let round = 0; round < ROUNDS; round += 1) {
    const stored = await writeAndKill(path, next, 10 + round * 15);
    known += stored;
    next += 600;

    const clock = manualClock((next + 60) * 1_000);
    const series = await openSeries(path, {
      clock,
      log: silentLogger,
      rawSeconds: { hosts: 7_200, vms: 7_200 },
    });
    const query = { from: START, to: next, resolution: "raw" } as const;
    let found = 0;
    let counted = 0;
    for (let host = 0; host < HOSTS; host += 1) {
      const stays = [{ hostId: host, ...ALWAYS }];
      const { points } = await series.vmHistory(host, stays, query);
      found += points.length;
      const windows = await series.vmHistory(host, stays, { ...query, resolution: "rollup" });
      for (const point of windows.points) counted += "counts" in point ? (point.counts[0] ?? 0) : 0;
    }
    expect(found).toBeGreaterThanOrEqual(known);
    expect(counted).toBe(found);
    known = found;
    await series.close();
  }
});
