/** Who may ask how often. The frame asks here first; a refusal is an error that says when to come back. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Guest } from "../authenticate.ts";
import type { GateRequest } from "../request.ts";

/** The state of the limit that is nearest to its end, for the RateLimit headers. */
export interface RateState {
  /** `RateLimit`: `"vm";r=41;t=3`. */
  readonly limit: string;
  /** `RateLimit-Policy`: `"vm";q=1000;w=10`. */
  readonly policy: string;
}

export interface Limits {
  /**
   * Counts a request of a guest that proved itself.
   * @returns what its headers shall tell; undefined: nothing. @throws RateLimitedError
   */
  admitGuest(request: GateRequest, guest: Guest): RateState | undefined;
  /** Counts a request that proved nobody: by its address. @throws RateLimitedError */
  admitStranger(request: GateRequest): RateState | undefined;
  /**
   * Counts a wrong token. Its answer is due when the promise ends; undefined: at once.
   * @throws RateLimitedError when too many answers to its address wait already
   */
  wrongToken(request: GateRequest): Promise<void> | undefined;
}

/** Where limits are turned off. */
export const UNLIMITED: Limits = {
  admitGuest: () => undefined,
  admitStranger: () => undefined,
  wrongToken: () => undefined,
};

/** 429: the sentence says which limit, and the header when it is worth asking again. */
export class RateLimitedError extends GatehouseError {
  /** Whole seconds, at least 1. */
  readonly retryAfterS: number;
  readonly state: RateState | undefined;
  /** The limit's name, for metrics: `vm`, `address`. */
  readonly limit: string;

  constructor(message: string, retryAfterS: number, state?: RateState, limit = "other") {
    super("rate_limited", message);
    this.name = "RateLimitedError";
    this.retryAfterS = retryAfterS;
    this.state = state;
    this.limit = limit;
  }
}
