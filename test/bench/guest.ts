/**
 * `onegate vm show` against the least script that could do the same: GET /vm with node:http, the answer printed as it
 * came. Wall time from start to end of the process, as who calls it in a script waits for it.
 */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { buildGuest } from "../../agent/guest/build.ts";
import { gatehouse, RAISED_LIMITS, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { makeWorld } from "../support/world-maker.ts";
import type { Bench } from "./figures.ts";

const RUNS = 61;
const WARM_UP_RUNS = 5;

const MINIMAL = `
const http = require("node:http");
const { ONEGATE_ENDPOINT, TOKENTXT, VMID } = process.env;
const headers = { "X-ONEGATE-TOKEN": TOKENTXT, "X-ONEGATE-VMID": VMID };
http.get(ONEGATE_ENDPOINT + "/vm", { headers, agent: false }, (response) => {
  let body = "";
  response.setEncoding("utf8").on("data", (text) => { body += text; });
  response.on("end", () => process.stdout.write(body + "\\n"));
});
`;

export const guestBench: Bench = async function* guest({ progress }) {
  const scratch = scratchDirectory("bench-guest");
  const minimal = path.join(scratch.path, "minimal.cjs");
  const bundle = path.join(scratch.path, "onegate.cjs");
  writeFileSync(minimal, MINIMAL);
  await buildGuest(bundle);
  const home = path.join(scratch.path, "home");
  const world = path.join(scratch.path, "world.json");
  writeFileSync(world, JSON.stringify(makeWorld({ vms: 100 })));
  const house = await startHouse(home, ["--world", world, "--dummy"], RAISED_LIMITS);
  try {
    const token = (await gatehouse(["token", "0", "--home", home])).trim();
    const env = { PATH: process.env.PATH, ONEGATE_ENDPOINT: house.onegate, TOKENTXT: token, VMID: "0" };
    progress(`${RUNS} interleaved runs of each, on Node ${process.versions.node}`);
    const times = { minimal: [] as number[], onegate: [] as number[] };
    for (let run = -WARM_UP_RUNS; run < RUNS; run += 1) {
      const programs = [
        { args: [minimal], into: times.minimal },
        { args: [bundle, "vm", "show"], into: times.onegate },
      ];
      // Each goes first as often as the other.
      for (const { args, into } of run % 2 === 0 ? programs : programs.toReversed()) {
        const ms = wallMs(args, env);
        if (run >= 0) into.push(ms);
      }
    }
    const [least, ours] = [median(times.minimal), median(times.onegate)];
    yield { figure: "minimal GET script", value: rounded(least), unit: "ms" };
    yield { figure: "onegate vm show", value: rounded(ours), unit: "ms" };
    yield { figure: "onegate vm show / minimal GET script", value: rounded(ours / least), unit: "ratio" };
  } finally {
    await stopHouse(house);
    scratch.remove();
  }
};

/** @throws Error when it fails: the time of a failure means nothing. */
function wallMs(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
  const ms = performance.now() - started;
  if (status !== 0 || !stdout.includes("VM"))
    throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return ms;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
