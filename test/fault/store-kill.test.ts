import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteStore } from "../../gateway/store/sqlite.ts";
import { groupOf } from "./store-group.ts";

const ROUNDS = 15;
const MAX_ACKNOWLEDGED_BEFORE_KILL = 300;
const WRITER = fileURLToPath(new URL("./store-writer.ts", import.meta.url));

let directory: string;
let writer: ChildProcess | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-kill-"));
});

afterEach(() => {
  writer?.kill("SIGKILL");
  rmSync(directory, { recursive: true });
});

/** A small generator of repeatable numbers (Park and Miller). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** Lets a writer run until it has acknowledged `lines` commits, kills it, and returns all it acknowledged. */
async function writeAndKill(path: string, first: number, lines: number): Promise<number[]> {
  const child = spawn(process.execPath, [WRITER, path, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  writer = child;
  const exited = once(child, "exit");
  const acknowledged: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(Number(line));
    if (acknowledged.length === lines) child.kill("SIGKILL");
  }
  expect(await exited).toEqual([null, "SIGKILL"]);
  return acknowledged;
}

/** The bodies in the store, by key. */
async function stored(path: string): Promise<Map<string, string>> {
  const store = await openSqliteStore(path);
  const bodies = new Map<string, string>();
  for await (const piece of store.load()) for (const { key, body } of piece) bodies.set(key, body);
  await store.close();
  return bodies;
}

function partsOf(bodies: ReadonlyMap<string, string>, number: number): (string | undefined)[] {
  return groupOf(number).map(({ key }) => bodies.get(key));
}

test("kill -9 takes nothing that was acknowledged, and leaves no commit half there", async () => {
  const path = join(directory, "house.db");
  const random = randomFrom(20_260_101);
  const acknowledged: number[] = [];
  let first = 0;
  for (let round = 0; round < ROUNDS; round++) {
    acknowledged.push(...(await writeAndKill(path, first, 1 + random(MAX_ACKNOWLEDGED_BEFORE_KILL))));
    const bodies = await stored(path);
    for (const number of acknowledged) {
      expect(partsOf(bodies, number)).toEqual(groupOf(number).map(({ body }) => body));
    }
    const numbers = new Set([...bodies.keys()].map((key) => Number(key.split("/")[0])));
    for (const number of numbers) expect(partsOf(bodies, number)).not.toContain(undefined);
    first = Math.max(first, ...numbers) + 1;
  }
}, 120_000);
