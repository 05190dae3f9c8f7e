/** One thing that `onegate doctor` looked at. */

export interface Finding {
  readonly check: string;
  /** A note is worth knowing and no fault. */
  readonly result: "ok" | "wrong" | "note";
  readonly found: string;
  /** What to do. */
  readonly advice?: string;
}

/** A finding that something is wrong. */
export function wrong(check: string, found: string, advice: string): Finding {
  return { check, result: "wrong", found, advice };
}
