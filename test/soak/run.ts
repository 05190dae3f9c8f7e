/** Runs a soak by name: `node test/soak/run.ts NAME [--inputs N] [--seed N]`; one JSON line a result. */

import { parseArgs } from "node:util";
import { systemClock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { killRounds } from "../fault/kill-rounds.ts";
import { oneflowKillRounds } from "../fault/oneflow-kill-rounds.ts";
import { debianImageSoak } from "./debian-image.ts";
import { expressionSoak } from "./expressions.ts";
import { lifecycleSoak } from "./lifecycle.ts";
import { monitorSoak } from "./monitor.ts";
import { monitorDaemonFuzz } from "./monitor-daemon-fuzz.ts";
import { monitorFuzz } from "./monitor-fuzz.ts";
import { oneflowSoak } from "./oneflow.ts";
import { openNebulaSoak } from "./opennebula.ts";
import { templateFuzz } from "./template-fuzz.ts";

export interface SoakOptions {
  /** How many inputs, services or seconds, by the soak's own measure; its default when missing. */
  readonly inputs: number | undefined;
  readonly seed: number | undefined;
  /** Progress, a line at a time. */
  readonly log: (line: string) => void;
}

/** Runs to its end and gives figures to print; throws when a law is broken. */
export type Soak = (options: SoakOptions) => object | Promise<object>;

const SOAKS: ReadonlyMap<string, Soak> = new Map<string, Soak>([
  ["template-fuzz", templateFuzz],
  ["expressions", expressionSoak],
  ["monitor-fuzz", monitorFuzz],
  ["monitor-daemon-fuzz", monitorDaemonFuzz],
  ["monitor", monitorSoak],
  ["lifecycle", lifecycleSoak],
  ["oneflow", oneflowSoak],
  ["opennebula", openNebulaSoak],
  ["debian-image", debianImageSoak],
  ["kill", ({ inputs = 100, seed = 1, log }) => killRounds({ rounds: inputs, seed, log })],
  ["oneflow-kill", ({ inputs = 100, seed = 1, log }) => oneflowKillRounds({ rounds: inputs, seed, log })],
]);

const USAGE = `usage: node test/soak/run.ts NAME [--inputs N] [--seed N]

  --inputs N  how much to run, default: the soak's own (the fuzz ones: 1000000 inputs, kill and oneflow-kill: 100 rounds,
              monitor: 3600 simulated seconds, lifecycle: 100000 worlds of each service, oneflow: 10000 services, opennebula: 600 seconds)
  --seed N    start of the pseudo-random numbers, default 1
  --help      this text

soaks: ${[...SOAKS.keys()].join(", ")}
`;

process.exitCode = await main(process.argv.slice(2));

/** Exit code: 0 passed, 1 a law was broken, 2 wrong usage. */
async function main(args: string[]): Promise<number> {
  let command: ReturnType<typeof parseCommand>;
  try {
    command = parseCommand(args);
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n\n${USAGE}`);
    return 2;
  }
  if (command === "help") {
    process.stdout.write(USAGE);
    return 0;
  }
  return await runSoak(command.name, command.soak, command.options);
}

async function runSoak(name: string, soak: Soak, options: SoakOptions): Promise<number> {
  const start = systemClock.now();
  const seconds = () => (systemClock.now() - start) / 1000;
  try {
    const figures = await soak(options);
    process.stdout.write(`${JSON.stringify({ soak: name, passed: true, seconds: seconds(), ...figures })}\n`);
    return 0;
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? errorText(error.cause) : undefined;
    const failure = { soak: name, passed: false, seconds: seconds(), error: errorText(error), cause };
    process.stdout.write(`${JSON.stringify(failure)}\n`);
    return 1;
  }
}

function parseCommand(args: string[]): { name: string; soak: Soak; options: SoakOptions } | "help" {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { inputs: { type: "string" }, seed: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help === true) return "help";
  const [name = "", ...more] = positionals;
  const soak = SOAKS.get(name);
  if (soak === undefined || more.length > 0) throw new Error("Exactly one soak must be named.");
  const inputs = wholeNumber(values.inputs, "--inputs");
  const seed = wholeNumber(values.seed, "--seed");
  return { name, soak, options: { inputs, seed, log: (line) => process.stderr.write(`${line}\n`) } };
}

function wholeNumber(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,15}$/.test(text))
    throw new Error(`${option} takes a whole number, not ${JSON.stringify(text)}.`);
  return Number(text);
}
