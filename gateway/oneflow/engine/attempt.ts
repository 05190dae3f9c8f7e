/**
 * A call to the cloud that may have been done although nobody said so: before it is repeated, what it makes is looked
 * for, so nothing is made twice.
 */

import type { Clock } from "../../../shared/clock.ts";
import { GatehouseError, isGatehouseError } from "../../../shared/errors.ts";

/** ms before each repetition; then the reason is told. */
export const RETRY_PAUSES: readonly number[] = [250, 1_000, 4_000, 15_000];

export interface Attempt<T> {
  readonly call: () => Promise<T>;
  /** What an earlier call made, or undefined when it made nothing. */
  readonly find: () => Promise<T | undefined>;
  /** A call that was given up has come back after all, and made something besides what was found or made later. */
  readonly late?: (made: T) => void;
}

export interface Patience {
  readonly clock: Clock;
  /** ms that a call may take. */
  readonly timeoutMs: number;
  /** Aborted when the house closes: then nothing is tried again. */
  readonly closing: AbortSignal;
}

/** The house closes: what is owed is left to the next start. */
export class Abandoned extends Error {}

/** @throws whatever the call throws when its outcome is known, or after the last pause; Abandoned. */
export async function attempt<T>(work: Attempt<T>, patience: Patience): Promise<T> {
  const calls: Promise<T>[] = [];
  let made: T | undefined;
  try {
    made = await untilKnown(work, patience, calls);
    return made;
  } finally {
    watchStray(calls, made, work.late);
  }
}

async function untilKnown<T>(
  { call, find }: Attempt<T>,
  patience: Patience,
  calls: Promise<T>[],
): Promise<T> {
  for (const pauseMs of RETRY_PAUSES) {
    try {
      return await inTime(call, patience, calls);
    } catch (error) {
      if (!isUnknownOutcome(error)) throw error;
    }
    await pause(pauseMs, patience);
    const found = await withTimeout(find(), patience).catch(unlessKnown);
    if (found !== undefined) return found;
  }
  return await inTime(call, patience, calls);
}

async function inTime<T>(call: () => Promise<T>, patience: Patience, calls: Promise<T>[]): Promise<T> {
  const running = call();
  calls.push(running);
  return await withTimeout(running, patience);
}

/** Nobody knows whether it was done. */
export function isUnknownOutcome(error: unknown): boolean {
  return isGatehouseError(error) && error.code === "unavailable";
}

/** Rejects when the house closes. */
export async function pause(ms: number, { clock, closing }: Patience): Promise<void> {
  if (closing.aborted) throw new Abandoned();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abandon = () => reject(new Abandoned());
  const cancel = clock.after(ms, resolve);
  closing.addEventListener("abort", abandon, { once: true });
  try {
    await promise;
  } finally {
    cancel();
    closing.removeEventListener("abort", abandon);
  }
}

/** @throws GatehouseError `unavailable` when the time is up; the work goes on. */
async function withTimeout<T>(work: Promise<T>, { clock, timeoutMs }: Patience): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(timeoutMs, () => {
    reject(new GatehouseError("unavailable", `The cloud did not answer within ${timeoutMs / 1_000} s.`));
  });
  try {
    return await Promise.race([work, promise]);
  } finally {
    cancel();
  }
}

/** A look that fails says nothing, and the call is tried again. */
function unlessKnown(error: unknown): undefined {
  if (isUnknownOutcome(error)) return undefined;
  throw error;
}

/** What comes back after it was given up is known to nobody else. */
function watchStray<T>(calls: readonly Promise<T>[], made: T | undefined, late?: (made: T) => void): void {
  for (const call of late === undefined ? [] : calls) {
    call.then(
      (stray) => {
        if (stray !== made) late?.(stray);
      },
      () => undefined,
    );
  }
}
