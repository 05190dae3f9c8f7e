/** `npm run bench -- NAME`: runs a benchmark, one JSON line a figure on standard output, progress on standard error. */

import { agentBench } from "./agent.ts";
import { elasticityBench } from "./elasticity.ts";
import { fairnessBench } from "./fairness.ts";
import type { Bench } from "./figures.ts";
import { guestBench } from "./guest.ts";
import { historyBench } from "./history.ts";
import { monitorBench } from "./monitor.ts";
import { monitorFleetBench } from "./monitor-fleet.ts";
import { monitordBench } from "./monitord.ts";
import { oneflowBench } from "./oneflow.ts";
import { onegateBench } from "./onegate.ts";
import { onegateCostsBench } from "./onegate-costs.ts";
import { openNebulaBench } from "./opennebula.ts";
import { qemuBench } from "./qemu.ts";
import { waitersBench } from "./waiters.ts";

const BENCHES: Readonly<Record<string, Bench>> = {
  agent: agentBench,
  elasticity: elasticityBench,
  fairness: fairnessBench,
  guest: guestBench,
  history: historyBench,
  monitor: monitorBench,
  "monitor-fleet": monitorFleetBench,
  monitord: monitordBench,
  oneflow: oneflowBench,
  onegate: onegateBench,
  "onegate-costs": onegateCostsBench,
  opennebula: openNebulaBench,
  qemu: qemuBench,
  waiters: waitersBench,
};
const DEFAULT_SECONDS = 3;
/** Of those that watch something at its own pace. */
const OWN_DEFAULT_SECONDS: Readonly<Record<string, number>> = { agent: 600, "monitor-fleet": 60, qemu: 30 };
const OWN_SECONDS_TEXT = Object.entries(OWN_DEFAULT_SECONDS)
  .map(([name, seconds]) => `${name}: ${seconds}`)
  .join(", ");

const USAGE = `Usage: npm run bench -- NAME [--seconds N]

  NAME         ${Object.keys(BENCHES).join(", ")}
  --seconds N  how long each measurement of a round lasts (${DEFAULT_SECONDS}; ${OWN_SECONDS_TEXT})

Prints one JSON line a figure. Example: npm run bench -- onegate --seconds 5
`;

async function main(): Promise<number> {
  const [name = "", flag, given] = process.argv.slice(2);
  const seconds = given ?? String(OWN_DEFAULT_SECONDS[name] ?? DEFAULT_SECONDS);
  const bench = BENCHES[name];
  if (bench === undefined || (flag !== undefined && flag !== "--seconds") || !(Number(seconds) > 0)) {
    (name === "--help" ? process.stdout : process.stderr).write(USAGE);
    return name === "--help" ? 0 : 2;
  }
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  for await (const figure of bench({ seconds: Number(seconds), progress })) {
    process.stdout.write(`${JSON.stringify({ bench: name, ...figure })}\n`);
  }
  return 0;
}

process.exitCode = await main();
