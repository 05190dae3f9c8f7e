/** The way to the daemon, in one of two languages: sealed-link.ts and text-link.ts. */

import type { Message } from "../../shared/monitor/message.ts";

export interface Link {
  /**
   * Takes the messages of one round, in order. Those that must arrive are kept on disk before this returns, and sent
   * until they are acknowledged; others go out now, or are spooled while the daemon cannot be reached. Never fails.
   */
  send(messages: readonly Message[]): void;
  /** Whether the daemon can be reached, as far as is known. */
  readonly isReachable: boolean;
  start(): void;
  /** Ends it; what was not delivered stays on disk. */
  close(): void;
}

/** Measurements from the spool are sent so many at once, with this wait between, so that a daemon is not flooded. */
export const DRAIN_MESSAGES = 16;
export const DRAIN_EVERY_MS = 1000;

/** Kept while nobody hears: a beacon says only that we live now. */
export function isWorthKeeping({ type }: Message): boolean {
  return type !== "BEACON_HOST";
}
