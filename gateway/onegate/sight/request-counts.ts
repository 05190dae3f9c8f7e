/** Counts of requests by route, method and status, and how long they took: what metrics and `gatehouse top` read. */

import { DurationCounts, type DurationSums } from "../../../shared/duration-counts.ts";
import type { RequestSeen } from "./observer.ts";

/** Stands for whatever is no route of ours: its paths are a stranger's to invent. */
export const NO_ROUTE = "none";

/** Other methods count under one name, as strangers invent those, too. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const OTHER_METHOD = "other";

const TOO_MANY_REQUESTS = 429;
const UNAUTHORIZED = 401;

/** Names of limits are the house's own; more than so many would be a fault, and count as one. */
const MAX_LIMITS = 32;

export interface RouteSums {
  /** As in the table of routes, without what a part of the path must look like: `/vms/:id`. */
  readonly route: string;
  readonly method: string;
  readonly statuses: ReadonlyMap<number, number>;
  readonly durations: DurationSums;
}

interface RouteCounts {
  readonly statuses: Map<number, number>;
  readonly durations: DurationCounts;
}

export class RequestCounts {
  readonly #routes = new Map<string, Map<string, RouteCounts>>();
  readonly #limited = new Map<string, number>();
  #wrongTokens = 0;
  #waiters = 0;

  /** 26 ns; see gateway/admin/metrics.ts for what was not taken. */
  seen({ route = NO_ROUTE, method, status, durationMs, limit }: RequestSeen): void {
    const counts = this.#of(route, METHODS.has(method) ? method : OTHER_METHOD);
    counts.statuses.set(status, (counts.statuses.get(status) ?? 0) + 1);
    counts.durations.add(durationMs / 1_000);
    if (status === UNAUTHORIZED) this.#wrongTokens += 1;
    else if (status === TOO_MANY_REQUESTS) this.#countLimited(limit ?? "other");
  }

  waiting(change: 1 | -1): void {
    this.#waiters += change;
  }

  get waiters(): number {
    return this.#waiters;
  }

  /** Requests refused because no token proved them. */
  get wrongTokens(): number {
    return this.#wrongTokens;
  }

  /** Requests refused as too many, by the limit's name. */
  get limited(): ReadonlyMap<string, number> {
    return this.#limited;
  }

  routes(): readonly RouteSums[] {
    return [...this.#routes].flatMap(([route, methods]) =>
      [...methods].map(([method, { statuses, durations }]) => ({
        route: route.replace(/\{.*?\}/g, ""),
        method,
        statuses,
        durations: durations.sums(),
      })),
    );
  }

  #of(route: string, method: string): RouteCounts {
    let methods = this.#routes.get(route);
    if (methods === undefined) {
      methods = new Map();
      this.#routes.set(route, methods);
    }
    let counts = methods.get(method);
    if (counts === undefined) {
      counts = { statuses: new Map(), durations: new DurationCounts() };
      methods.set(method, counts);
    }
    return counts;
  }

  #countLimited(limit: string): void {
    const name = this.#limited.has(limit) || this.#limited.size < MAX_LIMITS ? limit : "other";
    this.#limited.set(name, (this.#limited.get(name) ?? 0) + 1);
  }
}
