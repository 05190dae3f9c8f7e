import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SeriesFile } from "../../gateway/store/series/series-file.ts";
import type { HostReport } from "../../gateway/store/series.ts";
import { batchOf, report } from "../support/series.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** Midnight. */
const START = 19_676 * DAY;
const RAW_S = 12 * HOUR;

let directory: string;
let file: SeriesFile;

const open = (rawSeconds = RAW_S) =>
  new SeriesFile(join(directory, "series.db"), {
    rawSeconds: { hosts: rawSeconds, vms: rawSeconds },
    windowSeconds: 7 * DAY,
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-series-"));
  file = open();
});

afterEach(() => {
  file.close();
  rmSync(directory, { recursive: true });
});

const store = (...reports: readonly HostReport[]) => file.append(batchOf(reports));

function asked(resolution: "raw" | "rollup", vmId: number, hostId = 1, from = START, to = START + 9 * DAY) {
  return { type: "history", subject: "vms", id: vmId, resolution, spans: [{ hostId, from, to }] } as const;
}

const cpus = (vmId: number, hostId = 1) =>
  file.raw(asked("raw", vmId, hostId)).map(({ at, values }) => [at - START, values[0]]);

const windows = (vmId: number) =>
  file.windows(asked("rollup", vmId)).map(({ from, counts, sums, minima, maxima, lasts }) => ({
    from: from - START,
    cpu: [counts[0], sums[0], minima[0], maxima[0], lasts[0]],
  }));

/** Does everything that is due. */
function maintain(now: number): number {
  let rounds = 0;
  while (file.maintain(START + now)) rounds += 1;
  return rounds;
}

describe("raw readings", () => {
  it("come back in order of time, of one VM, across slots", () => {
    store(report(1, START + 7_190, 5, 10), report(1, START + 7_220, 5, 20), report(1, START + 7_220, 6, 99));
    store(report(2, START + 7_230, 5, 77));
    expect(cpus(5)).toEqual([
      [7_190, 10],
      [7_220, 20],
    ]);
    expect(cpus(5, 2)).toEqual([[7_230, 77]]);
    expect(cpus(7)).toEqual([]);
    expect(file.raw(asked("raw", 5, 1, START + 7_191, START + 7_220))).toHaveLength(1);
  });

  it("of the same second are all kept, after a restart too", () => {
    store(report(1, START, 5, 1), report(1, START, 5, 2));
    file.close();
    file = open();
    store(report(1, START, 5, 3), report(1, START + 1, 5, 5), report(1, START, 5, 4));
    expect(cpus(5).map(([, cpu]) => cpu)).toEqual([1, 2, 3, 4, 5]);
  });

  it("beyond 128 of one second and host take each other's place, and no other's", () => {
    store(...Array.from({ length: 140 }, (_, at) => report(1, START, 5, at)), report(1, START + 1, 5, 500));
    const found = cpus(5).map(([, cpu]) => cpu);
    expect(found).toHaveLength(129);
    expect(found.slice(-2)).toEqual([139, 500]);
  });

  it("are stored all or none of a batch", () => {
    file.limitPages(1);
    const many = Array.from({ length: 500 }, (_, at) => report(1, START + at, 5, at));
    expect(() => store(...many)).toThrow("full");
    expect(file.state().pendingWindows).toBe(0);
    file.limitPages(100_000);
    expect(cpus(5)).toEqual([]);
    store(report(1, START, 5, 1));
    expect(cpus(5)).toEqual([[0, 1]]);
  });
});

describe("windows", () => {
  it("are made when they have been over for 30 s, and tell count, sum, least, greatest and last", () => {
    store(report(1, START + 10, 5, 30), report(1, START + 40, 5, 10), report(1, START + 299, 5, 20));
    store(report(1, START + 300, 5, 7));
    expect(file.state().pendingWindows).toBe(2);
    maintain(329);
    expect(file.state().pendingWindows).toBe(2);
    maintain(330);
    expect(file.state().pendingWindows).toBe(1);
    expect(windows(5)).toEqual([
      { from: 0, cpu: [3, 60, 10, 30, 20] },
      { from: 300, cpu: [1, 7, 7, 7, 7] },
    ]);
  });

  it("that are asked for before they are made are made for the answer", () => {
    store(report(1, START + 10, 5, 30), report(1, START + 20, 5, 10));
    expect(windows(5)).toEqual([{ from: 0, cpu: [2, 40, 10, 30, 10] }]);
    expect(file.state().pendingWindows).toBe(1);
  });

  it("take in reports that come late, once each", () => {
    store(report(1, START + 10, 5, 30), report(1, START + 900, 5, 1));
    maintain(2_000);
    expect(file.state().pendingWindows).toBe(0);
    store(report(1, START + 20, 5, 50), report(1, START + 400, 5, 8));
    expect(windows(5).map(({ cpu }) => cpu[0])).toEqual([2, 1, 1]);
    maintain(2_001);
    expect(file.state().pendingWindows).toBe(0);
    expect(windows(5)).toEqual([
      { from: 0, cpu: [2, 80, 30, 50, 50] },
      { from: 300, cpu: [1, 8, 8, 8, 8] },
      { from: 900, cpu: [1, 1, 1, 1, 1] },
    ]);
  });

  it("under way when the house ended are made of what was stored", () => {
    store(report(1, START + 10, 5, 30));
    file.close();
    file = open();
    store(report(1, START + 40, 5, 50));
    expect(file.state().pendingWindows).toBe(1);
    maintain(330);
    expect(windows(5)).toEqual([{ from: 0, cpu: [2, 80, 30, 50, 50] }]);
  });

  it("stand in their place when the clock was set back", () => {
    store(report(1, START + 3_600, 5, 1));
    store(report(1, START + 60, 5, 2), report(1, START + 90, 5, 4));
    maintain(4_000);
    expect(windows(5).map(({ from, cpu }) => [from, cpu[1]])).toEqual([
      [0, 6],
      [3_600, 1],
    ]);
    expect(cpus(5).map(([at]) => at)).toEqual([60, 90, 3_600]);
  });
});

describe("what expires", () => {
  const everyHour = Array.from({ length: 9 * 24 }, (_, hour) => report(1, START + hour * HOUR, 5, hour));

  it("goes in slices: raw readings by the hour, windows after seven days by the day, never before they are made", () => {
    store(...everyHour);
    expect(maintain(9 * DAY)).toBeGreaterThan(8);
    expect(cpus(5).map(([at]) => at)).toEqual(
      Array.from({ length: 12 }, (_, hour) => 9 * DAY - 12 * HOUR + hour * HOUR),
    );
    expect(windows(5)[0]).toEqual({ from: 2 * DAY, cpu: [1, 48, 48, 48, 48] });
    expect(windows(5)).toHaveLength(7 * 24);
    expect(file.maintain(START + 9 * DAY)).toBe(false);
  });

  it("is everything, windows too, when history is switched off", () => {
    store(...everyHour);
    file.close();
    file = open(0);
    maintain(9 * DAY);
    expect(windows(5)).toEqual([]);
    expect(cpus(5)).toEqual([]);
  });
});
