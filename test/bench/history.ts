/** The time series: what storing reports costs, how much room they take, and how fast a day of one VM is read. */

import { statSync } from "node:fs";
import path from "node:path";
import { openSeries, type SqliteSeries } from "../../gateway/store/series/sqlite-series.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import type { VmReading } from "../../shared/monitor/readings.ts";
import { scratchDirectory } from "../support/house.ts";
import { type Random, seededRandom } from "../support/random.ts";
import type { Bench, Figure } from "./figures.ts";

const HOSTS = 20;
const VMS_PER_HOST = 20;
const PERIOD_S = 30;
const DAY_S = 86_400;
/** Midnight, so that a day fills whole slots. */
const START_S = 1_700_006_400;
const QUEUE_BYTES = 32 * 1024 * 1024;
const QUERIES = 40;
const NAMES = ["CPU", "MEMORY", "NETRX", "NETTX", "DISKRDBYTES", "DISKWRBYTES", "DISKRDIOPS", "DISKWRIOPS"];
/** At most so many counts are added to each counter in a period. */
const STEPS = [0, 0, 900_000, 400_000, 2_000_000, 5_000_000, 200, 500];

export const historyBench: Bench = async function* history({ progress }) {
  const scratch = scratchDirectory("bench");
  let now = START_S;
  const clock: Clock = { ...systemClock, now: () => now * 1_000 };
  const file = path.join(scratch.path, "series.db");
  const rawSeconds = { hosts: DAY_S + 3_600, vms: DAY_S + 3_600 };
  const log = { warn: () => {}, info: () => {} };
  const series = await openSeries(file, { clock, log, rawSeconds, queueBytes: QUEUE_BYTES });
  try {
    progress(`${HOSTS} hosts of ${VMS_PER_HOST} VMs, a report each ${PERIOD_S} s, for a day`);
    yield* appending(series, (at) => {
      now = at;
    });
    yield* reading(series, "raw");
    yield* reading(series, "rollup");
    await series.close();
    const perVm = statSync(file).size / (HOSTS * VMS_PER_HOST);
    yield { figure: "file, a VM and day, raw and windows", value: Math.round(perVm / 1_000), unit: "kB" };
  } finally {
    await series.close();
    scratch.remove();
  }
};

async function* appending(series: SqliteSeries, setNow: (at: number) => void): AsyncIterable<Figure> {
  const fleet = Array.from({ length: HOSTS }, (_, host) => new SimulatedHost(host));
  const others = otherThreads();
  const began = performance.now();
  let appendMs = 0;
  for (let at = START_S; at < START_S + DAY_S; at += PERIOD_S) {
    setNow(at);
    const reports = fleet.map((host) => ({ hostId: host.id, at, vms: host.read() }));
    const before = performance.now();
    for (const report of reports) while (!series.append(report)) await breath();
    appendMs += performance.now() - before;
    if (at % 3_600 === 0) await breath();
  }
  while (series.stats.waitingBytes > 0) await breath();
  const { records } = series.stats;
  const rate = Math.round((records / (performance.now() - began)) * 1_000);
  yield { figure: "records of VMs stored, their making included", value: rate, unit: "records/s" };
  const each = (us: number) => ({ value: Math.round((us / records) * 1_000) / 1_000, unit: "us/record" });
  yield { figure: "append, time of the main thread", ...each(appendMs * 1_000) };
  yield { figure: "append, processor time of the other threads", ...each(others()) };

  const windows = otherThreads();
  setNow(START_S + DAY_S + 600);
  while (series.stats.pendingWindows === 0) await breath();
  while (series.stats.pendingWindows > 0) await breath();
  yield { figure: "windows, processor time of the other threads", ...each(windows()) };
}

/** Tells the processor time in µs that threads other than this one have taken since. */
function otherThreads(): () => number {
  const [all, own] = [process.cpuUsage(), process.threadCpuUsage()];
  return () => {
    const [allSince, ownSince] = [process.cpuUsage(all), process.threadCpuUsage(own)];
    return allSince.user + allSince.system - ownSince.user - ownSince.system;
  };
}

async function* reading(series: SqliteSeries, resolution: "raw" | "rollup"): AsyncIterable<Figure> {
  const times: number[] = [];
  let points = 0;
  const stays = (hostId: number) => [{ hostId, from: 0, to: Number.POSITIVE_INFINITY }];
  for (let query = 0; query < QUERIES; query += 1) {
    const vmId = (query * 37) % (HOSTS * VMS_PER_HOST);
    const asked = { from: START_S, to: START_S + DAY_S, resolution } as const;
    const before = performance.now();
    const history = await series.vmHistory(vmId, stays(Math.floor(vmId / VMS_PER_HOST)), asked);
    times.push(performance.now() - before);
    points = history.points.length;
  }
  times.sort((left, right) => left - right);
  const at = (share: number) => Math.round((times[Math.floor(times.length * share)] ?? 0) * 100) / 100;
  yield { figure: `24 h of one VM, ${resolution}, ${points} points, median`, value: at(0.5), unit: "ms" };
  yield { figure: `24 h of one VM, ${resolution}, p95`, value: at(0.95), unit: "ms" };
}

class SimulatedHost {
  readonly id: number;
  readonly #random: Random;
  readonly #counters: number[][];

  constructor(id: number) {
    this.id = id;
    this.#random = seededRandom(id + 1);
    this.#counters = Array.from({ length: VMS_PER_HOST }, () => STEPS.map((step) => step * 1_000));
  }

  read(): readonly VmReading[] {
    return this.#counters.map((counters, index) => {
      for (const [at, step] of STEPS.entries())
        counters[at] = (counters[at] ?? 0) + this.#random.integer(Math.max(step, 1));
      const cpu = this.#random.integer(10_000) / 100;
      const memory = 262_144 + this.#random.integer(1_048_576);
      const id = this.id * VMS_PER_HOST + index;
      return {
        id,
        deployId: `one-${id}`,
        names: NAMES,
        values: [cpu, memory, ...counters.slice(2)],
        more: {},
      };
    });
  }
}

function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
