/** `gatehouse-monitord`: what oned starts in the place of onemonitord, with the same arguments. */

import { fstatSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { parseArgs } from "node:util";
import { systemClock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { checkMonitord } from "../main/check-monitord.ts";
import { endOnCrash } from "../main/crash.ts";
import { runMonitord } from "../main/serve-monitord.ts";
import { stopRequested } from "../main/stop-signals.ts";
import { packageVersion } from "./version.ts";

const HELP = `Usage: gatehouse-monitord [-c FILE] [-o FILE] [--home DIR]

The monitoring daemon of an OpenNebula, in the place of onemonitord. oned starts it; by hand it waits for oned's lines.

  -c, --config FILE       monitord.conf, from OpenNebula's folder of configuration
  -o, --oned-config FILE  oned.conf, which names the database
      --home DIR          where the keys of sealed agents are kept, and admin.sock is; without it none can enrol
      --check             say what it makes of these files, whether it could start, and exit
  -v, --version           the version of this package
  -h, --help              this text
`;

export interface MonitordArguments {
  readonly config: string;
  readonly onedConfig: string;
  readonly home: string | undefined;
  readonly says: "help" | "version" | "check" | undefined;
}

/** oned passes all its ARGUMENTS as one word, with blanks between them. @throws Error for what is no option. */
export function monitordArguments(argv: readonly string[]): MonitordArguments {
  const args = argv.flatMap((word) => word.split(" ")).filter((word) => word !== "");
  const { values } = parseArgs({
    args,
    options: {
      config: { type: "string", short: "c", default: "monitord.conf" },
      "oned-config": { type: "string", short: "o", default: "oned.conf" },
      home: { type: "string" },
      check: { type: "boolean" },
      version: { type: "boolean", short: "v" },
      help: { type: "boolean", short: "h" },
    },
  });
  const says = (["help", "version", "check"] as const).find((word) => values[word] === true);
  return { config: values.config, onedConfig: values["oned-config"], home: values.home, says };
}

export async function main(): Promise<void> {
  try {
    const { says, ...places } = monitordArguments(process.argv.slice(2));
    if (says === "help") process.stdout.write(HELP);
    else if (says === "version") process.stdout.write(`${packageVersion()}\n`);
    else if (says === "check") process.exitCode = await check(places);
    else {
      await serve(places);
      process.exit(0);
    }
  } catch (error) {
    process.stderr.write(`gatehouse-monitord: ${errorText(error)}\n`);
    process.exit(1);
  }
}

type Places = Omit<MonitordArguments, "says">;

/** The exit code. */
async function check(places: Places): Promise<number> {
  const { lines, faults } = await checkMonitord({ ...places, env: process.env });
  for (const line of lines) process.stdout.write(`${line}\n`);
  for (const fault of faults) process.stderr.write(`gatehouse-monitord: ${fault}\n`);
  if (faults.length === 0) process.stdout.write("gatehouse-monitord can start.\n");
  return faults.length === 0 ? 0 : 1;
}

async function serve(places: Places): Promise<void> {
  const clock = systemClock;
  await runMonitord({
    ...places,
    env: process.env,
    input: process.stdin,
    output: standardOutput(),
    clock,
    onLog(log) {
      endOnCrash(process, log);
      void stopRequested(process, clock, log).then(() => process.stdin.destroy());
    },
  });
}

/** Node writes to a pipe on standard output at once, and would stop hearing agents while oned does not read. */
function standardOutput(): Writable {
  const { isFIFO, isSocket } = kindOf(1);
  return isFIFO || isSocket ? new Socket({ fd: 1, readable: false, writable: true }) : process.stdout;
}

function kindOf(descriptor: number): { readonly isFIFO: boolean; readonly isSocket: boolean } {
  const stat = fstatSync(descriptor);
  return { isFIFO: stat.isFIFO(), isSocket: stat.isSocket() };
}
