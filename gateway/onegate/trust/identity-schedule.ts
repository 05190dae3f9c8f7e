/** When which identity key is shown and signs: pure rules over the keys there are. Times in ms since the epoch. */

/** Verifiers may keep what they fetched for less than this; so long before it signs a key is shown. */
export const PUBLISH_AHEAD_MS = 3_600_000;

/** No identity token lives longer, whatever is configured. */
export const MAX_IDENTITY_LIFETIME_MS = 3_600_000;

/** A key's token may be verified by a clock that is late; then its public part must still be there. */
const CLOCK_SKEW_MS = 300_000;

export interface ScheduledKey {
  readonly serial: number;
  /** It signs from here on, until its successor does. */
  readonly signsFrom: number;
}

/** What a look at the keys leads to: a key to be made that signs from this moment on. Undefined: none is due. */
export function nextKeyFrom(
  keys: readonly ScheduledKey[],
  now: number,
  rotationMs: number,
): number | undefined {
  const [newest] = newestFirst(keys);
  if (newest === undefined) return now;
  // No key is made to sign later than that, except by a clock that was wrong.
  if (newest.signsFrom > now + PUBLISH_AHEAD_MS) return now + PUBLISH_AHEAD_MS;
  const end = newest.signsFrom + rotationMs;
  return now >= end - PUBLISH_AHEAD_MS ? Math.max(end, now + PUBLISH_AHEAD_MS) : undefined;
}

/** The newest key whose time has come; before the time of all, which a clock set back makes, the oldest. */
export function signerOf<K extends ScheduledKey>(keys: readonly K[], now: number): K | undefined {
  const ordered = newestFirst(keys);
  return ordered.find((key) => key.signsFrom <= now) ?? ordered.at(-1);
}

/** Those whose last token has ended. */
export function endedKeys<K extends ScheduledKey>(keys: readonly K[], now: number): readonly K[] {
  const ordered = newestFirst(keys);
  return ordered.filter((_key, index) => {
    const successor = ordered[index - 1];
    return successor !== undefined && now >= successor.signsFrom + MAX_IDENTITY_LIFETIME_MS + CLOCK_SKEW_MS;
  });
}

/** In the order in which they were made, the last first. */
export function newestFirst<K extends ScheduledKey>(keys: Iterable<K>): readonly K[] {
  return [...keys].sort((one, other) => other.serial - one.serial);
}
