import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import {
  openSeries,
  type SeriesOptions,
  type SqliteSeries,
} from "../../gateway/store/series/sqlite-series.ts";
import { manualClock } from "../support/manual-clock.ts";
import { ALWAYS, reading, report } from "../support/series.ts";

const NOW = 1_700_000_000;
const ALL = { from: 0, to: NOW + 100_000, resolution: "raw" } as const;
const HALF_DAY = 43_200;

let directory: string;
let series: SqliteSeries;
let clock = manualClock();
let said: string[] = [];

const path = () => join(directory, "series.db");

async function open(more: Partial<SeriesOptions> = {}): Promise<void> {
  const log = {
    warn: (_: unknown, message: string) => void said.push(message),
    info: (_: unknown, message: string) => void said.push(message),
  };
  series = await openSeries(path(), { clock, log, rawSeconds: { hosts: HALF_DAY, vms: HALF_DAY }, ...more });
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-series-"));
  clock = manualClock(NOW * 1_000);
  said = [];
  await open();
});

afterEach(async () => {
  await series.close();
  rmSync(directory, { recursive: true });
});

async function cpus(vmId: number, stays = [{ hostId: 1, ...ALWAYS }]) {
  const history = await series.vmHistory(vmId, stays, ALL);
  return history.points.map((point) => ("values" in point ? point.values[0] : undefined));
}

describe("the series", () => {
  it("give back what was appended before the question, in a file for nobody else", async () => {
    expect(series.append({ hostId: 1, at: NOW, vms: [reading(5, 10), reading(-1, 3)] })).toBe(true);
    const history = await series.vmHistory(5, [{ hostId: 1, ...ALWAYS }], ALL);
    expect(history).toEqual({
      resolution: "raw",
      points: [{ at: NOW, names: ["CPU", "MEMORY", "NETRX"], values: [10, 1_010, 50], more: {} }],
    });
    expect(series.stats).toMatchObject({ reports: 1, records: 1, waitingBytes: 0 });
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it("hand their thread no more memory than is counted as waiting", async () => {
    const handed: number[] = [];
    const post = Worker.prototype.postMessage;
    const spy = vi.spyOn(Worker.prototype, "postMessage").mockImplementation(function (
      this: Worker,
      value,
      transfer = [],
    ) {
      for (const one of transfer) if (one instanceof ArrayBuffer) handed.push(one.byteLength);
      post.call(this, value, transfer);
    });
    onTestFinished(() => spy.mockRestore());
    series.append(report(1, NOW, 5, 10));
    const { waitingBytes } = series.stats;
    expect(await cpus(5)).toEqual([10]);
    expect(handed).toEqual([waitingBytes]);
  });

  it("keep a host's own attributes: numbers, texts and vectors", async () => {
    const pages = { NODE_ID: "0", SIZE: "2048", FREE: "1024" };
    series.append({
      hostId: 3,
      at: NOW,
      host: { USEDCPU: "120", HYPERVISOR: "kvm", LOAD: "0.50", HUGEPAGE: [pages, pages] },
      vms: [],
    });
    expect((await series.hostHistory(3, ALL)).points).toEqual([
      {
        at: NOW,
        names: ["USEDCPU", "HYPERVISOR", "LOAD"],
        values: [120, "kvm", "0.50"],
        more: { HUGEPAGE: [pages, pages] },
      },
    ]);
    expect((await series.hostHistory(4, ALL)).points).toEqual([]);
  });

  it("tell of a VM only what the host said on which it was at that time", async () => {
    for (const [host, at, cpu] of [
      [1, 0, 1],
      [1, 50, 2],
      [2, 20, 9],
      [2, 50, 3],
      [2, 90, 4],
      [3, 95, 666],
    ] as const)
      series.append(report(host, NOW - 100 + at, 5, cpu));
    const stays = [
      { hostId: 1, from: NOW - 200, to: NOW - 60 },
      { hostId: 2, from: NOW - 50, to: Number.POSITIVE_INFINITY },
    ];
    expect(await cpus(5, stays)).toEqual([1, 3, 4]);
    expect(await cpus(5, [])).toEqual([]);
  });

  it("answer with windows when more is asked than is kept raw, up to half a day", async () => {
    series.append(report(1, NOW - 1_000, 5, 10));
    const ask = async (seconds: number) =>
      (
        await series.vmHistory(5, [{ hostId: 1, ...ALWAYS }], {
          from: NOW - seconds,
          to: NOW,
          resolution: "auto",
        })
      ).resolution;
    expect(await ask(HALF_DAY)).toBe("raw");
    expect(await ask(HALF_DAY + 1)).toBe("rollup");
    await series.close();
    await open({ rawSeconds: { hosts: 600, vms: 600 } });
    expect(await ask(601)).toBe("rollup");
    expect(await cpus(5)).toEqual([]);
  });

  it("make windows and forget what has expired, as time goes by", async () => {
    series.append(report(1, NOW, 5, 10));
    // Answers come in the order of the questions: after one, what the timer asked before is known.
    await cpus(5);
    clock.advance(1_000);
    await cpus(5);
    expect(series.stats.pendingWindows).toBe(1);
    clock.jump(400_000);
    clock.advance(1_000);
    await cpus(5);
    expect(series.stats.pendingWindows).toBe(0);
    await cpus(5);
    clock.jump(HALF_DAY * 2_000);
    clock.advance(1_000);
    expect(await cpus(5)).toEqual([]);
    const stays = [{ hostId: 1, ...ALWAYS }];
    const windows = await series.vmHistory(5, stays, { ...ALL, resolution: "rollup" });
    expect(windows.points).toMatchObject([{ from: NOW - (NOW % 300), at: NOW, counts: [1, 1, 1] }]);
  });
});

describe("what is dropped is counted by reason:", () => {
  it("too old, in the future, of no such host, and with history switched off", async () => {
    expect(series.append(report(1, NOW - HALF_DAY, 5, 1))).toBe(false);
    expect(series.append(report(1, NOW - HALF_DAY + 1, 5, 1))).toBe(true);
    expect(series.append(report(1, NOW + 3_601, 5, 1))).toBe(false);
    expect(series.append(report(1, NOW + 60, 5, 1))).toBe(true);
    expect(series.append(report(2 ** 24, NOW, 5, 1))).toBe(false);
    expect(series.append(report(-1, NOW, 5, 1))).toBe(false);
    expect(series.append(report(1, Number.NaN, 5, 1))).toBe(false);
    expect(series.stats.dropped).toEqual({ full: 0, expired: 1, future: 1, unfit: 3, failed: 0 });
    await series.close();
    await open({ rawSeconds: { hosts: HALF_DAY, vms: 0 } });
    expect(series.append({ ...report(1, NOW, 5, 1), host: { USEDCPU: "1" } })).toBe(false);
    expect(series.stats.dropped.expired).toBe(1);
    expect((await series.hostHistory(1, ALL)).points).toHaveLength(1);
  });

  it("a report that is too large for a row", () => {
    const more = { NOTE: "x".repeat(5_000_000) };
    expect(series.append({ hostId: 1, at: NOW, vms: [{ ...reading(5, 1), more }] })).toBe(false);
    expect(series.stats).toMatchObject({ waitingBytes: 0, dropped: { unfit: 1 } });
  });

  it("more than the queue holds", async () => {
    await series.close();
    await open({ queueBytes: 2_000 });
    let stored = 0;
    while (series.append(report(1, NOW, 5, stored))) stored += 1;
    expect(series.stats.waitingBytes).toBeLessThan(2_100);
    expect(await cpus(5)).toHaveLength(stored);
    expect(series.append(report(1, NOW, 5, 1))).toBe(true);
    expect(series.stats.dropped.full).toBe(1);
  });
});

describe("a file that fails", () => {
  it("for want of room costs reports, is told once, and is over when there is room again", async () => {
    await series.limitPages(1);
    for (let batch = 0; batch < 3; batch += 1) {
      for (let at = 0; at < 1_000; at += 1) series.append(report(1, NOW - at, 5, at));
      expect(await cpus(5)).toEqual([]);
    }
    expect(series.stats.dropped.failed).toBe(3_000);
    expect(said).toEqual(["History cannot be stored, and is lost meanwhile"]);
    await series.limitPages(1_000_000);
    series.append(report(1, NOW, 5, 7));
    expect(await cpus(5)).toEqual([7]);
    expect(said.at(-1)).toBe("History is stored again");
  });

  it("because it is no database is moved away, and a new one begun", async () => {
    await series.close();
    writeFileSync(path(), "no database".repeat(1_000));
    await open();
    expect(said).toEqual(["The file of the history was damaged; a new one is begun"]);
    expect(statSync(`${path()}.damaged`).size).toBe(11_000);
    series.append(report(1, NOW, 5, 7));
    expect(await cpus(5)).toEqual([7]);
  });

  it("because it cannot be made costs history, never its caller", async () => {
    await series.close();
    const blocked = join(directory, "nowhere", "series.db");
    const log = { warn: (_: unknown, message: string) => void said.push(message), info: () => {} };
    series = await openSeries(blocked, { clock, log, rawSeconds: { hosts: HALF_DAY, vms: HALF_DAY } });
    expect(series.append(report(1, NOW, 5, 7))).toBe(true);
    await expect(cpus(5)).rejects.toThrow("The history cannot be read: ");
    expect(said).toEqual(["History cannot be stored, and is lost meanwhile"]);
    expect(series.stats.dropped.failed).toBe(1);
  });

  it("drops reports once it is closed, and closes twice without harm", async () => {
    await series.close();
    expect(series.append(report(1, NOW, 5, 7))).toBe(false);
    await series.close();
  });
});
