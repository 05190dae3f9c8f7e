/** Why a message is not taken: a closed set of reasons that the daemon counts by, and the sentence for its log. */

import { type ErrorCode, GatehouseError } from "../errors.ts";

export const REFUSAL_REASONS = [
  /** The head, base64, zlib, msgpack or the shape of what they hold is wrong. */
  "malformed",
  /** Larger than one of the bounds of limits.ts, before or after inflating. */
  "too_large",
  /** The payload is whole, but its text is no reading: a probe printed something else. */
  "unreadable",
  /** Encrypted, and not to be opened with the key at hand. */
  "undecryptable",
  /** Encrypted, and the sender has used up the RSA work it is granted. */
  "rsa_budget",
  /** A sealed frame of a version we do not speak. */
  "unknown_version",
  /** A sealed frame for the other side. */
  "wrong_direction",
  /** A sealed frame that names another key than the channel's. */
  "wrong_key",
  /** A sealed frame that its key does not open: forged or damaged. */
  "forged",
  /** A sealed frame whose time of sending is too far from ours. */
  "clock_skew",
  /** A sealed frame that was seen before, or is too old to tell. */
  "replayed",
  /** A sealed frame of an earlier boot of its sender. */
  "old_boot",
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

const CODE_OF_REASON: Readonly<Record<RefusalReason, ErrorCode>> = {
  malformed: "bad_request",
  too_large: "too_large",
  unreadable: "bad_request",
  undecryptable: "forbidden",
  rsa_budget: "rate_limited",
  unknown_version: "bad_request",
  wrong_direction: "forbidden",
  wrong_key: "forbidden",
  forged: "forbidden",
  clock_skew: "forbidden",
  replayed: "conflict",
  old_boot: "conflict",
};

/** A message that is not taken. The sentence never quotes a payload or a key. */
export class MonitorRefusal extends GatehouseError {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, sentence: string, options?: { cause?: unknown }) {
    super(CODE_OF_REASON[reason], sentence, options);
    this.name = "MonitorRefusal";
    this.reason = reason;
  }
}

export function isMonitorRefusal(error: unknown): error is MonitorRefusal {
  return error instanceof MonitorRefusal;
}
