/** What benchmarks of OneGate need: homes with VMs, requests as many guests would send them, and the bare route beside. */

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gatehouse, type HouseProcess } from "../support/house.ts";
import { makeWorld } from "../support/world-maker.ts";
import type { BenchOptions } from "./figures.ts";
import type { Load, LoadRequest } from "./load.ts";

/** The VMs that ask: one after another, as many guests would. */
const ASKING = 20;

export type Headers = Readonly<Record<string, string>>;

export function load(
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

export async function importedHome(scratch: string, vms: number): Promise<string> {
  const home = path.join(scratch, `home-${vms}`);
  const world = path.join(scratch, `world-${vms}.json`);
  writeFileSync(world, JSON.stringify(makeWorld({ vms })));
  await gatehouse(["import", world, "--home", home]);
  return home;
}

export async function headersOf(home: string, firstId: number): Promise<readonly Headers[]> {
  const headers: Headers[] = [];
  for (let id = firstId; id < firstId + ASKING; id += 1) {
    const token = (await gatehouse(["token", String(id), "--home", home])).trim();
    headers.push({ "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": String(id) });
  }
  return headers;
}

export async function body(
  house: HouseProcess,
  route: string,
  headers: Headers | undefined,
): Promise<string> {
  const answer = await fetch(house.onegate + route, { headers: { ...headers } });
  if (answer.status !== 200)
    throw new Error(`GET ${route} answered ${answer.status}: ${await answer.text()}`);
  return await answer.text();
}

export interface Bare {
  readonly url: string;
  readonly pid: number | undefined;
  stop(): void;
}

export async function startBare(bodies: Headers): Promise<Bare> {
  const program = fileURLToPath(new URL("./bare-hono.ts", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(bodies));
  const url = await new Promise<string>((resolve) =>
    child.stdout.once("data", (chunk) => resolve(String(chunk).trim())),
  );
  return { url, pid: child.pid, stop: () => child.kill() };
}
