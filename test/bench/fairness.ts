/**
 * What a healthy VM notices of a hostile one: the time of its requests while the house is quiet, and while another VM
 * sends at twenty times its rate and a thousand connections hang half-open or dribble; with the limits as they come.
 */

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { gatehouse, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { makeWorld } from "../support/world-maker.ts";
import type { Crowd, CrowdResult } from "./fairness-crowd.ts";
import type { Bench } from "./figures.ts";

const ROUNDS = 5;
const HANGING = 1_000;
/** Below the rate of one VM, so that nothing of it is refused. */
const HEALTHY_PER_SECOND = 80;
const TIMES_ITS_RATE = 20;

type Headers = Readonly<Record<string, string>>;

export const fairnessBench: Bench = async function* fairness({ seconds, progress }) {
  const scratch = scratchDirectory("bench-fairness");
  const home = path.join(scratch.path, "home");
  const world = path.join(scratch.path, "world.json");
  writeFileSync(world, JSON.stringify(makeWorld({ vms: 100 })));
  await gatehouse(["import", world, "--home", home]);
  const headers = await headersOf(home, 0);
  const slowHeaders = await headersOf(home, 1);
  const healthy = await headersOf(home, 2);
  const house = await startHouse(home, ["--dummy"]);
  const perSecond = TIMES_ITS_RATE * oneGateSettingsSchema.parse({}).limits.vm.perSecond;
  const measureQuiet = async () => p99(await timesOf(house.onegate, healthy, seconds));
  const quiet: number[] = [];
  const noisy: number[] = [];
  const ratios: number[] = [];
  let flood: CrowdResult = { answers: {}, reopened: 0, perSecond: 0 };
  try {
    await timesOf(house.onegate, healthy, 2);
    for (let round = 1; round <= ROUNDS; round += 1) {
      // Each comes first as often as the other.
      const first = round % 2 === 1 ? await measureQuiet() : undefined;
      const crowd = await startCrowd({
        url: house.onegate,
        headers,
        slowHeaders,
        perSecond,
        hanging: HANGING,
      });
      const during = p99(await timesOf(house.onegate, healthy, seconds));
      flood = await crowd.end();
      const before = first ?? (await measureQuiet());
      quiet.push(before);
      noisy.push(during);
      ratios.push(during / before);
      progress(
        `round ${round} of ${ROUNDS}: p99 quiet ${before.toFixed(2)} ms, beside the flood ${during.toFixed(2)} ms; ` +
          `flood ${flood.perSecond.toFixed(0)}/s, answers ${JSON.stringify(flood.answers)}, reopened ${flood.reopened}`,
      );
    }
    yield { figure: "healthy_p99_quiet", value: rounded(median(quiet)), unit: "ms" };
    yield { figure: "healthy_p99_beside_flood", value: rounded(median(noisy)), unit: "ms" };
    yield { figure: "healthy_p99_beside_flood_over_quiet", value: rounded(median(ratios)), unit: "ratio" };
    yield { figure: "flood", value: Math.round(flood.perSecond), unit: "requests/s" };
    yield { figure: "flood_refused", value: rounded(shareRefused(flood)), unit: "ratio" };
  } finally {
    await stopHouse(house);
    scratch.remove();
  }
};

/**
 * How long each request of an even stream took, in ms, from when it was due: one that had to wait its turn has waited.
 * @throws Error when any was refused.
 */
async function timesOf(url: string, headers: Headers, seconds: number): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true });
  const pending: Promise<number>[] = [];
  const started = performance.now();
  for (let index = 0; index < seconds * HEALTHY_PER_SECOND; index += 1) {
    const dueMs = started + (index * 1_000) / HEALTHY_PER_SECOND;
    await pause(Math.max(0, dueMs - performance.now()));
    pending.push(timeOf(url, headers, agent));
  }
  const times = await Promise.all(pending);
  agent.destroy();
  return times;
}

async function timeOf(url: string, headers: Headers, agent: Agent): Promise<number> {
  const started = performance.now();
  return await new Promise((resolve, reject) => {
    const outgoing = request(`${url}/vm`, { agent, headers }, (answer) => {
      answer.resume().once("end", () => {
        if (answer.statusCode === 200) resolve(performance.now() - started);
        else reject(new Error(`the healthy VM was answered ${answer.statusCode}`));
      });
    });
    outgoing.once("error", reject).end();
  });
}

async function startCrowd(crowd: Crowd): Promise<{ end(): Promise<CrowdResult> }> {
  const program = fileURLToPath(new URL("./fairness-crowd.ts", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.write(`${JSON.stringify(crowd)}\n`);
  await lines.next();
  return {
    async end() {
      child.stdin.end();
      const { value = "" } = await lines.next();
      return JSON.parse(value);
    },
  };
}

async function headersOf(home: string, vmId: number): Promise<Headers> {
  const token = (await gatehouse(["token", String(vmId), "--home", home])).trim();
  return { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": String(vmId) };
}

function shareRefused({ answers }: CrowdResult): number {
  const all = Object.values(answers).reduce((sum, count) => sum + count, 0);
  return (answers["429"] ?? 0) / all;
}

function p99(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
