/** How long a server of the house waits for what a connection owes; `listen` cuts by them, and `GET /limits` tells them. */
export const CONNECTION_TIMES = {
  /** A sender that has not finished its head, or its whole request, by then gets 408. */
  headMs: 10_000,
  requestMs: 30_000,
  /** Connections idle between requests, and those on which nothing moves within one, are closed. */
  keepAliveMs: 30_000,
  idleMs: 120_000,
} as const;
