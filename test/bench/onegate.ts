/**
 * OneGate against a bare Hono route that returns the same bytes without authentication: GET /vm, GET /service, the
 * durable PUT /vm against GET /vm, and the same with 100,000 VMs in the cloud, whose start is timed and weighed.
 */

import { memoryOf, RAISED_LIMITS, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import type { Bench, BenchOptions, Figure } from "./figures.ts";
import { body, headersOf, importedHome, load, startBare } from "./gate-load.ts";
import { loadProgram } from "./load.ts";
import { onegateCosts } from "./onegate-costs.ts";
import { ROUNDS, rounds } from "./rounds.ts";

const SMALL_CLOUD = 100;
const LARGE_CLOUD = 100_000;

export const onegateBench: Bench = async function* onegate(options) {
  const scratch = scratchDirectory("bench");
  options.progress(`load: ${loadProgram}, 32 connections, ${ROUNDS} rounds of ${options.seconds} s each`);
  try {
    yield* smallCloud(scratch.path, options);
    yield* onegateCosts(scratch.path, options);
    yield* largeCloud(scratch.path, options);
  } finally {
    scratch.remove();
  }
};

async function* smallCloud(scratch: string, options: BenchOptions): AsyncIterable<Figure> {
  const home = await importedHome(scratch, SMALL_CLOUD);
  const house = await startHouse(home, ["--dummy"], RAISED_LIMITS);
  const asks = await headersOf(home, 0);
  const bare = await startBare({
    "/vm": await body(house, "/vm", asks[0]),
    "/service": await body(house, "/service", asks[0]),
  });
  try {
    const measured = await rounds(options, [
      { name: "bare /vm", load: load(scratch, bare.url, options, asks, "GET", "/vm") },
      { name: "GET /vm", load: load(scratch, house.onegate, options, asks, "GET", "/vm") },
      { name: "PUT /vm", load: load(scratch, house.onegate, options, asks, "PUT", "/vm", "APP_LOAD = %d") },
      { name: "bare /service", load: load(scratch, bare.url, options, asks, "GET", "/service") },
      { name: "GET /service", load: load(scratch, house.onegate, options, asks, "GET", "/service") },
    ]);
    yield measured.ratio("get_vm_over_bare_hono", "GET /vm", "bare /vm");
    yield measured.ratio("get_service_over_bare_hono", "GET /service", "bare /service");
    yield measured.ratio("durable_put_vm_over_get_vm", "PUT /vm", "GET /vm");
    yield* measured.figures();
  } finally {
    bare.stop();
    await stopHouse(house);
  }
}

async function* largeCloud(scratch: string, options: BenchOptions): AsyncIterable<Figure> {
  options.progress(`importing ${LARGE_CLOUD} VMs`);
  const home = await importedHome(scratch, LARGE_CLOUD);
  const house = await startHouse(home, ["--dummy"], RAISED_LIMITS);
  const memory = memoryOf(house.pid);
  yield { figure: "start_100000_vms", value: Math.round(house.startMs), unit: "ms" };
  yield { figure: "start_100000_vms_rss", value: Math.round(memory.nowKiB / 1024), unit: "MiB" };
  yield { figure: "start_100000_vms_peak_rss", value: Math.round(memory.peakKiB / 1024), unit: "MiB" };
  const asks = await headersOf(home, LARGE_CLOUD / 2);
  const bare = await startBare({ "/vm": await body(house, "/vm", asks[0]) });
  try {
    const measured = await rounds(options, [
      { name: "bare /vm", load: load(scratch, bare.url, options, asks, "GET", "/vm") },
      { name: "GET /vm", load: load(scratch, house.onegate, options, asks, "GET", "/vm") },
    ]);
    yield measured.ratio("get_vm_over_bare_hono_100000_vms", "GET /vm", "bare /vm");
    yield {
      figure: "rss_100000_vms_after_load",
      value: Math.round(memoryOf(house.pid).nowKiB / 1024),
      unit: "MiB",
    };
  } finally {
    bare.stop();
    await stopHouse(house);
  }
}
