/** `onegate agent`: measures, and sends all of it in one PUT, every so many seconds until it is stopped. */

import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { attributeLines, type GuestAttribute, withoutRepeats } from "./attributes.ts";
import { RefusedError } from "./client.ts";
import { wait } from "./clock.ts";
import { Complaints } from "./complaints.ts";

/** An interval grows or shrinks by up to so much of itself, so that guests that booted together do not stay together. */
const JITTER = 0.1;
const MAX_BACKOFF_MS = 300_000;
/** Rounds that take longer than the interval do not follow each other without a pause. */
const MIN_WAIT_MS = 500;

type Source = (stop: AbortSignal) => Promise<readonly GuestAttribute[]>;

export interface AgentParts {
  readonly intervalMs: number;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** The guest's own figures. */
  readonly measure: Source;
  /** What executables print. */
  readonly collect: Source;
  /** Sends attribute text in one PUT. */
  readonly push: (text: string) => Promise<unknown>;
  readonly log: (line: string) => void;
  readonly stop: AbortSignal;
}

/** Goes on until `stop`; failures are told in the log and slow it down. */
export async function runAgent(parts: AgentParts): Promise<void> {
  const { clock, random, stop, intervalMs } = parts;
  const complaints = new Complaints(parts.log);
  let failures = 0;
  while (!stop.aborted) {
    const started = clock.now();
    failures = (await pushOnce(parts, complaints)) ? 0 : failures + 1;
    const slowed = Math.max(intervalMs, Math.min(intervalMs * 2 ** failures, MAX_BACKOFF_MS));
    const period = slowed * (1 + JITTER * (2 * random() - 1));
    // A wall clock set back or forth meanwhile must neither stretch the wait nor turn it into a rush.
    const took = Math.min(Math.max(clock.now() - started, 0), period);
    await wait(clock, Math.max(period - took, MIN_WAIT_MS), stop);
  }
}

/** One round. @throws RefusedError, GatehouseError when it cannot be sent. */
export async function pushAll({ measure, collect, push, stop, log }: AgentParts): Promise<void> {
  const [own, printed] = await Promise.all([measure(stop), collect(stop)]);
  const all = withoutRepeats([...own, ...printed]);
  if (all.length === 0 || stop.aborted) return;
  try {
    await push(attributeLines(all));
  } catch (error) {
    if (!(error instanceof RefusedError && isAboutText(error)) || printed.length === 0 || own.length === 0) {
      throw error;
    }
    // One attribute that the server does not take (a restricted name) makes it refuse them all.
    log(
      `What the executables print is refused: ${error.message}. The guest's own figures are sent without it.`,
    );
    await push(attributeLines(own));
  }
}

/** 400 and 403 judge what was sent; 401 judges who, and 429 how often. */
function isAboutText({ status }: RefusedError): boolean {
  return status === 400 || status === 403 || status === 413;
}

async function pushOnce(parts: AgentParts, complaints: Complaints): Promise<boolean> {
  let refused = false;
  const log = (line: string): void => {
    refused = true;
    complaints.open("refused", line);
  };
  try {
    await pushAll({ ...parts, log });
  } catch (error) {
    if (!parts.stop.aborted) complaints.open("push", `Metrics cannot be sent: ${errorText(error)}`);
    return false;
  }
  if (parts.stop.aborted) return true;
  complaints.close("push", "Metrics are sent again.");
  if (!refused) complaints.close("refused", "What the executables print is taken again.");
  return true;
}
