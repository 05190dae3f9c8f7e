/**
 * Run as a process of its own, to be killed: it appends reports of 40 hosts to the series at argv[2], one for each second
 * from argv[3] on, and prints how many reports it has been told are stored. It never ends by itself.
 */

import { writeSync } from "node:fs";
import { openSeries } from "../../gateway/store/series/sqlite-series.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { report } from "../support/series.ts";

const HOSTS = 40;

const [, , path = "", first = "0"] = process.argv;
const clock = { ...systemClock, now: () => (Number(first) + 3_600) * 1_000 };
const series = await openSeries(path, { clock, log: silentLogger, rawSeconds: { hosts: 7_200, vms: 7_200 } });
for (let at = Number(first); ; at += 1) {
  for (let host = 0; host < HOSTS; host += 1) series.append(report(host, at, host, at % 100));
  // An answer comes after everything before it was written.
  await series.hostHistory(0, { from: 0, to: 0, resolution: "raw" });
  writeSync(1, `${series.stats.reports}\n`);
}
