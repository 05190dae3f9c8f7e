/**
 * `onegate watch`: tells the present state and each change of it, as they come. It outlives restarts of the server and
 * of the way to it; what has not changed meanwhile is not told again.
 */

import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { RefusedError, retryPause } from "./client.ts";
import { wait } from "./clock.ts";
import { Complaints } from "./complaints.ts";
import { LostError } from "./lost.ts";
import type { Look, Seen } from "./watch-source.ts";

/** Between two looks where the server cannot hold an answer. */
const POLL_MS = 5000;
/** Between the starts of two looks, however often something changes. */
const MIN_ROUND_MS = 100;
/** A server that says it holds answers, and gives the same again at once, is asked less and less often. */
const FIRST_CALM_MS = 250;
const EARLY_MS = 900;

export interface WatchParts {
  /** @throws RefusedError, LostError */
  readonly next: () => Promise<Look>;
  /** What is told of a value that is there. */
  readonly render: (state: Extract<Seen, { kind: "present" }>) => string;
  readonly tell: (text: string) => void;
  readonly log: (line: string) => void;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly stop: AbortSignal;
}

/** Goes on until `stop`. @throws RefusedError for what no waiting changes: a wrong token, a VM that is not its own. */
export async function watchChanges(parts: WatchParts): Promise<void> {
  const { clock, stop } = parts;
  const complaints = new Complaints(parts.log);
  let told: string | undefined;
  let failures = 0;
  let calmRounds = 0;
  while (!stop.aborted) {
    const started = clock.elapsed();
    let pauseMs: number;
    try {
      const look = await parts.next();
      complaints.close("connection", "OneGate answers again.");
      if (stop.aborted) return;
      const text = textOf(look.state, told, parts.render);
      const isChange = text !== told;
      if (isChange && text !== undefined) parts.tell(text);
      told = text;
      failures = 0;
      const took = clock.elapsed() - started;
      calmRounds = isChange || took >= EARLY_MS ? 0 : calmRounds + 1;
      if (!look.held) complaints.open("polling", POLLS);
      pauseMs = look.held ? pauseAfter(calmRounds, took) : POLL_MS;
    } catch (error) {
      if (stop.aborted) return;
      failures += 1;
      pauseMs = pauseAfterFailure(error, failures, parts.random());
      complaints.open("connection", `${errorText(error)} It is asked again until it answers.`);
    }
    if (pauseMs > 0) await wait(clock, pauseMs, stop);
  }
}

const POLLS = `This server does not tell changes as they come: it is asked every ${POLL_MS / 1000} s.`;

function textOf(state: Seen, told: string | undefined, render: WatchParts["render"]): string | undefined {
  if (state.kind === "same") return told;
  return state.kind === "absent" ? undefined : render(state);
}

/** The first two looks after a change may well be early: the one that takes an ETag, and one that crosses a change. */
function pauseAfter(calmRounds: number, tookMs: number): number {
  if (calmRounds > 2) return Math.min(FIRST_CALM_MS * 2 ** (calmRounds - 3), POLL_MS);
  return Math.max(0, MIN_ROUND_MS - tookMs);
}

function pauseAfterFailure(error: unknown, failures: number, random: number): number {
  if (error instanceof LostError && !error.lasting) return retryPause(error, failures, random);
  if (error instanceof RefusedError && (error.status >= 500 || error.status === 429)) {
    return retryPause(error.answer, failures, random);
  }
  throw error;
}
