/**
 * OneGate against a bare Hono route that returns the same bytes without authentication: GET /vm, GET /service, the
 * durable PUT /vm against GET /vm, and the same with 100,000 VMs in the cloud, whose start is timed and weighed.
 */

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  gatehouse,
  type HouseProcess,
  memoryOf,
  scratchDirectory,
  startHouse,
  stopHouse,
} from "../support/house.ts";
import { makeWorld } from "../support/world-maker.ts";
import type { Bench, BenchOptions, Figure } from "./figures.ts";
import { type Load, type LoadRequest, loadProgram, measure } from "./load.ts";

const ROUNDS = 5;
const SMALL_CLOUD = 100;
const LARGE_CLOUD = 100_000;
/** The VMs that ask: one after another, as many guests would. */
const ASKING = 20;

interface Measured {
  readonly name: string;
  readonly load: Load;
}

export const onegateBench: Bench = async function* onegate(options) {
  const scratch = scratchDirectory("bench");
  options.progress(`load: ${loadProgram}, 32 connections, ${ROUNDS} rounds of ${options.seconds} s each`);
  try {
    yield* smallCloud(scratch.path, options);
    yield* largeCloud(scratch.path, options);
  } finally {
    scratch.remove();
  }
};

async function* smallCloud(scratch: string, options: BenchOptions): AsyncIterable<Figure> {
  const home = await importedHome(scratch, SMALL_CLOUD);
  const house = await startHouse(home, ["--dummy"]);
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
  const house = await startHouse(home, ["--dummy"]);
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

/** What the rounds gave, by name; all lists are of one length. */
class Rounds {
  readonly #rates: ReadonlyMap<string, readonly number[]>;

  constructor(rates: ReadonlyMap<string, readonly number[]>) {
    this.#rates = rates;
  }

  /** The median of the ratios within each round: what slows the machine for a while slows both. */
  ratio(figure: string, name: string, base: string): Figure {
    const bases = this.#of(base);
    const value = median(this.#of(name).map((rate, round) => rate / (bases[round] ?? Number.NaN)));
    return { figure, value: Math.round(value * 1000) / 1000, unit: "ratio" };
  }

  *figures(): Iterable<Figure> {
    for (const [figure, rates] of this.#rates)
      yield { figure, value: Math.round(median(rates)), unit: "requests/s" };
  }

  #of(name: string): readonly number[] {
    return this.#rates.get(name) ?? [];
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Interleaved, so that whatever else the machine does falls on all alike. */
async function rounds(options: BenchOptions, measured: readonly Measured[]): Promise<Rounds> {
  for (const { load } of measured) await measure({ ...load, seconds: 1 });
  const rates = new Map<string, number[]>(measured.map(({ name }) => [name, []]));
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const { name, load } of measured) rates.get(name)?.push(await measure(load));
    const latest = [...rates].map(([name, all]) => `${name} ${all.at(-1)?.toFixed(0)}/s`);
    options.progress(`round ${round} of ${ROUNDS}: ${latest.join(", ")}`);
  }
  return new Rounds(rates);
}

type Headers = Readonly<Record<string, string>>;

function load(
  scratch: string,
  url: string,
  options: BenchOptions,
  asks: readonly Headers[],
  method: LoadRequest["method"],
  route: string,
  text?: string,
): Load {
  const requests = asks.map((headers) => ({
    method,
    path: route,
    headers,
    ...(text === undefined ? {} : { body: text }),
  }));
  return { url, requests, seconds: options.seconds, scratch };
}

async function importedHome(scratch: string, vms: number): Promise<string> {
  const home = path.join(scratch, `home-${vms}`);
  const world = path.join(scratch, `world-${vms}.json`);
  writeFileSync(world, JSON.stringify(makeWorld({ vms })));
  await gatehouse(["import", world, "--home", home]);
  return home;
}

async function headersOf(home: string, firstId: number): Promise<readonly Headers[]> {
  const headers: Headers[] = [];
  for (let id = firstId; id < firstId + ASKING; id += 1) {
    const token = (await gatehouse(["token", String(id), "--home", home])).trim();
    headers.push({ "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": String(id) });
  }
  return headers;
}

async function body(house: HouseProcess, route: string, headers: Headers | undefined): Promise<string> {
  const answer = await fetch(house.onegate + route, { headers: { ...headers } });
  if (answer.status !== 200)
    throw new Error(`GET ${route} answered ${answer.status}: ${await answer.text()}`);
  return await answer.text();
}

async function startBare(bodies: Headers): Promise<{ url: string; stop: () => void }> {
  const program = fileURLToPath(new URL("./bare-hono.ts", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(bodies));
  const url = await new Promise<string>((resolve) =>
    child.stdout.once("data", (chunk) => resolve(String(chunk).trim())),
  );
  return { url, stop: () => child.kill() };
}
