/**
 * `GET /service?wait` of thousands against a bare node:http server that holds as many responses: from the change to the
 * last answer, in interleaved rounds, and what the server's memory is before and after.
 */

import { type ChildProcess, fork, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gatehouse, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { makeWorld } from "../support/world-maker.ts";
import type { Bench, BenchOptions, Figure } from "./figures.ts";
import type { RoundResult, RoundSpec } from "./waiters-client.ts";

const ROUNDS = 5;
const WARM_UP_ROUNDS = 2;
const WAITERS = 5_000;
const SERVICE_VMS = 100;
/** Those of them that ask, each with its share of the waiters. */
const ASKING = 20;

const programOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** A server under test, and how its memory is asked for. */
interface Held {
  readonly url: string;
  readonly spec: Pick<RoundSpec, "requests" | "change">;
  readonly memory: Memory;
}

export const waitersBench: Bench = async function* waiters(options) {
  const scratch = scratchDirectory("bench-waiters");
  const home = path.join(scratch.path, "home");
  const world = path.join(scratch.path, "world.json");
  writeFileSync(world, JSON.stringify(makeWorld({ vms: SERVICE_VMS, perRole: SERVICE_VMS / 2 })));
  const houseMemory = new Memory(path.join(scratch.path, "house-memory.json"));
  const house = await startHouse(home, ["--world", world, "--dummy"], houseMemory.environment);
  houseMemory.of(house.child);
  const requests = await requestsOf(home);
  const body = await (
    await fetch(`${house.onegate}/service`, { headers: requests[0]?.headers ?? {} })
  ).text();
  const bareMemory = new Memory(path.join(scratch.path, "bare-memory.json"));
  const bare = await startBare(body, bareMemory);
  const client = fork(programOf("./waiters-client.ts"), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  try {
    const ours = { url: house.onegate, spec: { requests, change: renaming(requests) }, memory: houseMemory };
    const theirs = { url: bare.url, spec: { requests, change: bareChange }, memory: bareMemory };
    yield* rounds(client, ours, theirs, options);
    yield { figure: "body", value: body.length, unit: "bytes" };
  } finally {
    client.kill();
    bare.child.kill();
    await stopHouse(house);
    scratch.remove();
  }
};

async function* rounds(
  client: ChildProcess,
  ours: Held,
  bare: Held,
  { progress }: BenchOptions,
): AsyncIterable<Figure> {
  const times = { ours: [] as number[], bare: [] as number[] };
  for (let number = 1; number <= WARM_UP_ROUNDS; number += 1) {
    await round(client, bare, -number);
    await round(client, ours, -number);
  }
  const before = { ours: await ours.memory.now(), bare: await bare.memory.now() };
  for (let number = 1; number <= ROUNDS; number += 1) {
    times.bare.push(await round(client, bare, number));
    times.ours.push(await round(client, ours, number));
    progress(`round ${number} of ${ROUNDS}: bare ${times.bare.at(-1)} ms, house ${times.ours.at(-1)} ms`);
  }
  const after = { ours: await ours.memory.now(), bare: await bare.memory.now() };
  const ratios = times.ours.map((time, index) => time / (times.bare[index] ?? Number.NaN));
  yield {
    figure: `last of ${WAITERS} waiters over bare node:http`,
    value: rounded(median(ratios)),
    unit: "ratio",
  };
  yield { figure: "last waiter, house", value: median(times.ours), unit: "ms" };
  yield { figure: "last waiter, bare", value: median(times.bare), unit: "ms" };
  for (const name of ["ours", "bare"] as const) {
    yield { figure: `heap before, ${name}`, value: mebibytes(before[name].heapUsed), unit: "MiB" };
    yield {
      figure: `heap after ${ROUNDS} rounds, ${name}`,
      value: mebibytes(after[name].heapUsed),
      unit: "MiB",
    };
    yield { figure: `RSS before, ${name}`, value: mebibytes(before[name].rss), unit: "MiB" };
    yield { figure: `RSS after ${ROUNDS} rounds, ${name}`, value: mebibytes(after[name].rss), unit: "MiB" };
  }
}

/** From the change to the last answer, in ms. @throws Error unless every waiter got exactly one good answer. */
async function round(client: ChildProcess, { url, spec }: Held, number: number): Promise<number> {
  const { hostname, port } = new URL(url);
  const change = {
    ...spec.change,
    body: spec.change.body.replace("%d", String(Math.abs(number) + (number < 0 ? 50 : 0))),
  };
  client.send({ host: hostname, port: Number(port), waiters: WAITERS, requests: spec.requests, change });
  const result = await new Promise<RoundResult>((resolve) => client.once("message", resolve));
  if (result.answered === WAITERS && result.surplusBytes === 0 && result.early === 0 && result.notOk === 0)
    return Math.round(result.lastMs);
  throw new Error(`a round went wrong: ${JSON.stringify(result)}`);
}

async function requestsOf(home: string): Promise<RoundSpec["requests"]> {
  const requests: RoundSpec["requests"][number][] = [];
  for (let id = 0; id < ASKING; id += 1) {
    const token = (await gatehouse(["token", String(id), "--home", home])).trim();
    requests.push({
      path: "/service?wait=60",
      headers: { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": String(id) },
    });
  }
  return requests;
}

/** A VM's name is part of its service's document. */
function renaming(requests: RoundSpec["requests"]): RoundSpec["change"] {
  return {
    method: "POST",
    path: "/vms/1/action",
    headers: { ...requests[0]?.headers, "Content-Type": "application/json" },
    body: JSON.stringify({ action: { perform: "rename", params: { name: "renamed-%d" } } }),
  };
}

const bareChange: RoundSpec["change"] = { method: "POST", path: "/change", headers: {}, body: "" };

/** Memory after a garbage collection, which memory-on-signal.ts writes down inside the process. */
class Memory {
  readonly #file: string;
  #child: ChildProcess | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  get environment(): Readonly<Record<string, string>> {
    return {
      NODE_OPTIONS: `--expose-gc --import=${programOf("./memory-on-signal.ts")}`,
      BENCH_MEMORY_FILE: this.#file,
    };
  }

  of(child: ChildProcess): void {
    this.#child = child;
  }

  async now(): Promise<{ heapUsed: number; rss: number }> {
    rmSync(this.#file, { force: true });
    const watcher = watch(path.dirname(this.#file));
    try {
      this.#child?.kill("SIGUSR2");
      while (!existsSync(this.#file)) await new Promise((resolve) => watcher.once("change", resolve));
      return JSON.parse(readFileSync(this.#file, "utf8"));
    } finally {
      watcher.close();
    }
  }
}

async function startBare(body: string, memory: Memory): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [programOf("./bare-waiting.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...memory.environment },
  });
  memory.of(child);
  child.stdin.end(body);
  const url = await new Promise<string>((resolve) =>
    child.stdout.once("data", (chunk) => resolve(String(chunk).trim())),
  );
  return { url, child };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function mebibytes(bytes: number): number {
  return Math.round((bytes / 1024 / 1024) * 10) / 10;
}
