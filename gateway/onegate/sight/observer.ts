/** What the frame tells of every request once it is answered; metrics, the audit and `gatehouse top` listen here. */

/** What a handler adds for the audit: names, never values. */
export interface RequestNote {
  /** `update`, `erase`, `action`, `scale`, `token`, `identity`. */
  readonly what: string;
  /** Whom it concerns, when that is not the guest itself: `vm 7`, `role worker`. */
  readonly target?: string | undefined;
  /** Names of attributes, the name of an action, a cardinality, an audience: never a value a guest wrote. */
  readonly details?: readonly string[] | undefined;
}

export interface RequestSeen {
  readonly id: string;
  /** The route's path pattern, `/vms/:id`; undefined for what is no route. */
  readonly route: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly address: string;
  /** The VM that proved itself. */
  readonly vmId: number | undefined;
  readonly status: number;
  /** ms from its head's arrival to its answer, without its wait for a change or until a wrong token is answered. */
  readonly durationMs: number;
  readonly note: RequestNote | undefined;
  /** The sentence of a refusal. */
  readonly refusal: string | undefined;
  /** The limit that refused it: `vm`, `stranger`, `wrong_token`. */
  readonly limit?: string | undefined;
}

export interface GateObserver {
  seen(request: RequestSeen): void;
  /** Requests that began to wait for a change, or ended to: +1 and -1. */
  waiting(change: 1 | -1): void;
}

const FIRST_REFUSAL = 400;

/** What nginx calls a client that closed its connection before its answer: nobody was refused. */
const CLIENT_GONE = 499;

export function isRefusal(status: number): boolean {
  return status >= FIRST_REFUSAL && status !== CLIENT_GONE;
}

/** Where nobody looks. */
export const UNOBSERVED: GateObserver = { seen: () => undefined, waiting: () => undefined };
