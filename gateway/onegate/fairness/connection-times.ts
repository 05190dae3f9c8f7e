/** How long a server of the house waits for what a connection owes; `listen` cuts by them, and `GET /limits` tells them. */
export const CONNECTION_TIMES = {
  /** A sender that has not finished its head, or its whole request, by then gets 408. */
  headMs: 10_000,
  requestMs: 30_000,
  /** Connections idle between requests, and those on which nothing moves within one, are closed. */
  keepAliveMs: 30_000,
  idleMs: 120_000,
} as const;

/**
 * Requests that a connection sends without waiting for the answers (pipelining). Node parses all that one read of 64 KiB holds
 * before anything else runs, 2,000 of the smallest, so who floods so is cut, and its address stays out for a while.
 */
export const PIPELINING = { maxUnanswered: 64, refusedMs: 10_000 } as const;
