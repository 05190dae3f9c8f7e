/** `onegate ready`: reports READY=YES at the end of a boot, as the context script of OpenNebula does (spec onegate-cli.md 4). */

import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { boundedNumber } from "./arguments.ts";
import { wait } from "./clock.ts";
import { readyCheck, runReadyCheck } from "./ready-script.ts";
import type { Variables } from "./shell-assignments.ts";

const DEFAULT_RETRY_COUNT = 3;
const DEFAULT_RETRY_WAIT_S = 10;
const MAX_RETRY_COUNT = 1000;
const MAX_RETRY_WAIT_S = 86_400;

export interface ReadyParts {
  /** The context and the environment. */
  readonly variables: Variables;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  /** Sends READY=YES. */
  readonly report: () => Promise<unknown>;
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/**
 * The exit code: 0 when READY is reported, or REPORT_READY is not exactly YES; 1 after RETRY_COUNT tries,
 * RETRY_WAIT_PERIOD seconds apart, when it is stopped, or when READY_SCRIPT_PATH is missing.
 * @throws GatehouseError `bad_request` for numbers that are none.
 */
export async function reportReady(parts: ReadyParts): Promise<number> {
  const { variables, clock, err, stop } = parts;
  if (variables.REPORT_READY !== "YES") return 0;
  const tries = countOf(variables);
  const waitMs = waitOf(variables) * 1000;
  for (let left = tries; left > 0 && !stop.aborted; left -= 1) {
    const check = readyCheck(variables);
    if (check === "missing") {
      err(`${variables.READY_SCRIPT_PATH} does not exist`);
      return 1;
    }
    const passed =
      check === undefined ? { ok: true as const } : await runReadyCheck(check, variables, clock, stop);
    if (!passed.ok) err(`The ready script ${passed.reason}`);
    else if (await reported(parts)) return 0;
    if (left > 1) await wait(clock, waitMs, stop);
  }
  return 1;
}

async function reported({ report, out, err }: ReadyParts): Promise<boolean> {
  try {
    await report();
    out("Reported READY");
    return true;
  } catch (error) {
    err(`ERROR: \n${errorText(error)}`);
    err("Failed to report READY");
    return false;
  }
}

function countOf({ RETRY_COUNT: text = "" }: Variables): number {
  if (text === "") return DEFAULT_RETRY_COUNT;
  return Math.floor(boundedNumber("RETRY_COUNT", text, { least: 1, most: MAX_RETRY_COUNT }));
}

function waitOf({ RETRY_WAIT_PERIOD: text = "" }: Variables): number {
  if (text === "") return DEFAULT_RETRY_WAIT_S;
  return boundedNumber("RETRY_WAIT_PERIOD", text, { least: 0, most: MAX_RETRY_WAIT_S });
}
