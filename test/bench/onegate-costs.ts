/** What limits, metrics and audit each cost on GET /vm: houses with one of them on, in the same rounds. */

import { cpSync, mkdirSync } from "node:fs";
import path from "node:path";
import {
  type HouseProcess,
  RAISED_LIMITS,
  scratchDirectory,
  startHouse,
  stopHouse,
} from "../support/house.ts";
import type { Bench, BenchOptions, Figure } from "./figures.ts";
import { type Bare, body, headersOf, importedHome, load, startBare } from "./gate-load.ts";
import { rounds } from "./rounds.ts";

const VMS = 100;
const PARTS = {
  metrics: "GATEHOUSE_ADMIN_METRICS_ENABLED",
  audit: "GATEHOUSE_ONEGATE_AUDIT_ENABLED",
  limits: "GATEHOUSE_ONEGATE_LIMITS_ENABLED",
} as const;

type Part = keyof typeof PARTS;

/** Which parts are on in each of the houses. */
const HOUSES: Readonly<Record<string, readonly Part[]>> = {
  nothing: [],
  metrics: ["metrics"],
  audit: ["audit"],
  limits: ["limits"],
  everything: ["metrics", "audit", "limits"],
};

/** On its own, for those who work on one of the parts. */
export const onegateCostsBench: Bench = async function* onegateCostsAlone(options) {
  const scratch = scratchDirectory("bench");
  try {
    yield* onegateCosts(scratch.path, options);
  } finally {
    scratch.remove();
  }
};

/** Each house's GET /vm over the bare route's, and each part's cost as the share that it takes of a house without. */
export async function* onegateCosts(scratch: string, options: BenchOptions): AsyncIterable<Figure> {
  const folder = path.join(scratch, "costs");
  mkdirSync(folder);
  const home = await importedHome(folder, VMS);
  const asks = await headersOf(home, 0);
  const houses = new Map<string, HouseProcess>();
  let bare: Bare | undefined;
  try {
    for (const [name, parts] of Object.entries(HOUSES)) {
      const own = path.join(folder, name);
      cpSync(home, own, { recursive: true });
      houses.set(name, await startHouse(own, ["--dummy"], { ...RAISED_LIMITS, ...switches(parts) }));
    }
    const [any] = houses.values();
    if (any === undefined) return;
    bare = await startBare({ "/vm": await body(any, "/vm", asks[0]) });
    const measured = await rounds(options, [
      { name: "bare", load: load(scratch, bare.url, options, asks, "GET", "/vm"), pid: bare.pid },
      ...[...houses].map(([name, house]) => ({
        name: `GET /vm with ${name}`,
        load: load(scratch, house.onegate, options, asks, "GET", "/vm"),
        pid: house.pid,
      })),
    ]);
    for (const name of houses.keys())
      yield measured.ratio(`get_vm_with_${name}_over_bare_hono`, `GET /vm with ${name}`, "bare");
    for (const name of Object.keys(HOUSES).filter((house) => house !== "nothing"))
      yield measured.ratio(
        `get_vm_with_${name}_over_without`,
        `GET /vm with ${name}`,
        "GET /vm with nothing",
      );
    yield measured.cpu("bare_cpu", "bare");
    for (const name of houses.keys()) yield measured.cpu(`get_vm_with_${name}_cpu`, `GET /vm with ${name}`);
    yield* measured.figures();
  } finally {
    bare?.stop();
    for (const house of houses.values()) await stopHouse(house);
  }
}

function switches(on: readonly Part[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(PARTS).map(([part, name]) => [name, String(on.some((wanted) => wanted === part))]),
  );
}
