/**
 * `onegate ready`: reports READY=YES at the end of a boot, as the context script of OpenNebula does (spec onegate-cli.md
 * 4), after the checks that the context asks for. READY=NO with the reason is reported only where a variable that the
 * original does not know asks for it.
 */

import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { boundedNumber } from "./arguments.ts";
import { RefusedError } from "./client.ts";
import { wait } from "./clock.ts";
import { CHECK_VARIABLES, type ReadyCheck, readyChecks } from "./ready-checks.ts";
import { notReadyText, READY_TEXT } from "./ready-reason.ts";
import { readyScript, runReadyScript } from "./ready-script.ts";
import type { Variables } from "./shell-assignments.ts";

const DEFAULT_RETRY_COUNT = 3;
const DEFAULT_RETRY_WAIT_S = 10;
const MAX_RETRY_COUNT = 1000;
const MAX_RETRY_WAIT_S = 86_400;
const MAX_CHECK_MS = 5000;

export interface ReadyParts {
  /** The context and the environment. */
  readonly variables: Variables;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  /** Sends attribute text, once. */
  readonly report: (text: string) => Promise<unknown>;
  /** Sends that it is not ready: tried again, since nothing comes after it. */
  readonly reportFailure: (text: string) => Promise<unknown>;
  /** Removes an attribute. */
  readonly erase: (name: string) => Promise<unknown>;
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/** What is to be done, read from the context. */
interface Plan {
  readonly tries: number;
  readonly waitMs: number;
  readonly checks: readonly ReadyCheck[];
  readonly tellsFailure: boolean;
}

/** Why a try failed. `lasting`: the next would fail alike. */
interface Failure {
  readonly reason: string;
  readonly lasting?: boolean;
}

/**
 * The exit code: 0 when READY is reported, or REPORT_READY is not exactly YES; 1 after RETRY_COUNT tries,
 * RETRY_WAIT_PERIOD seconds apart, when it is stopped, or when READY_SCRIPT_PATH is missing.
 * @throws GatehouseError `bad_request` for numbers, ports, addresses and units that are none.
 */
export async function reportReady(parts: ReadyParts): Promise<number> {
  const { variables, clock, stop, err } = parts;
  if (variables.REPORT_READY !== "YES") return 0;
  const plan = await planOf(parts);
  let failure: Failure | undefined;
  for (let left = plan.tries; left > 0 && !stop.aborted; left -= 1) {
    failure = await failureOfChecks(parts, plan);
    if (failure === undefined) {
      if (await reported(parts, plan)) return 0;
    } else err(failure.reason);
    if (failure?.lasting) break;
    if (left > 1) await wait(clock, plan.waitMs, stop);
  }
  if (failure !== undefined && !stop.aborted && plan.tellsFailure) await tellFailure(parts, failure.reason);
  return 1;
}

async function planOf(parts: ReadyParts): Promise<Plan> {
  const { variables } = parts;
  const asked = variables.REPORT_READY_FAILURE?.toUpperCase();
  const tellsFailure = asked === "YES" || (asked !== "NO" && CHECK_VARIABLES.some((name) => variables[name]));
  try {
    const checks = readyChecks(variables);
    return { tries: countOf(variables), waitMs: waitOf(variables) * 1000, checks, tellsFailure };
  } catch (error) {
    // A context that cannot be understood never becomes ready, which its owner should see without a console.
    if (tellsFailure) await tellFailure(parts, errorText(error));
    throw error;
  }
}

/** The built-in checks together; the script only after them, since it may be long. */
async function failureOfChecks(
  { variables, clock, stop }: ReadyParts,
  { checks }: Plan,
): Promise<Failure | undefined> {
  const world = { env: variables, clock, stop, timeoutMs: MAX_CHECK_MS };
  const outcomes = await Promise.all(checks.map((check) => check(world)));
  const reasons = outcomes.filter((reason) => reason !== undefined);
  if (reasons.length > 0) return { reason: reasons.join("; ") };
  const script = readyScript(variables);
  if (script === undefined) return undefined;
  if (script === "missing") return { reason: `${variables.READY_SCRIPT_PATH} does not exist`, lasting: true };
  const result = await runReadyScript(script, variables, clock, stop);
  return result.ok ? undefined : { reason: `The ready script ${result.reason}` };
}

async function reported(parts: ReadyParts, { tellsFailure }: Plan): Promise<boolean> {
  const { report, out, err } = parts;
  try {
    if (tellsFailure) await reportWithoutReason(parts);
    else await report("READY=YES");
    out("Reported READY");
    return true;
  } catch (error) {
    err(`ERROR: \n${errorText(error)}`);
    err("Failed to report READY");
    return false;
  }
}

/** A boot before this one may have left its reason. Servers that cannot remove it in the same PUT get two. */
async function reportWithoutReason({ report, erase }: ReadyParts): Promise<void> {
  try {
    await report(READY_TEXT);
  } catch (error) {
    if (!(error instanceof RefusedError) || (error.status !== 400 && error.status !== 500)) throw error;
    await report("READY=YES");
    // Refused where there is none, too.
    await erase("READY_REASON").catch(() => undefined);
  }
}

async function tellFailure({ reportFailure, out, err }: ReadyParts, reason: string): Promise<void> {
  try {
    await reportFailure(notReadyText(reason));
    out("Reported not READY");
  } catch (error) {
    err(`ERROR: \n${errorText(error)}`);
    err("Failed to report not READY");
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
