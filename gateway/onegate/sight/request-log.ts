/** Requests in the log: each at debug level, and slow ones as warnings, with the id that their answer and audit carry. */

import type { Clock } from "../../../shared/clock.ts";
import type { Logger } from "../../../shared/log.ts";
import type { RequestSeen } from "./observer.ts";

/** A request that takes longer, without a wait that it asked for, is slow. */
const SLOW_MS = 1_000;
/** One slow request is told in this time; the next one says how many there were. */
const QUIET_MS = 1_000;

export interface RequestLogOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether each request is told, at debug level. */
  readonly everyRequest: boolean;
}

export interface RequestLog {
  seen(request: RequestSeen): void;
}

export function createRequestLog({ clock, log, everyRequest }: RequestLogOptions): RequestLog {
  let toldAt = Number.NEGATIVE_INFINITY;
  let untold = 0;
  return {
    seen(request) {
      if (everyRequest) log.debug(detailsOf(request), "A OneGate request");
      if (request.durationMs <= SLOW_MS) return;
      const now = clock.elapsed();
      if (now - toldAt < QUIET_MS) {
        untold += 1;
        return;
      }
      log.warn({ ...detailsOf(request), moreSlow: untold }, "A OneGate request was slow");
      toldAt = now;
      untold = 0;
    },
  };
}

function detailsOf({ id, method, path, address, vmId, status, durationMs }: RequestSeen) {
  return {
    requestId: id,
    method,
    path,
    address,
    vmId,
    status,
    durationMs: Math.round(durationMs * 1e3) / 1e3,
  };
}
