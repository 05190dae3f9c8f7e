/**
 * A pool in windows of ids, each small enough for one answer. Windows are ranges of ids and no pages: what is made or goes
 * while they are looked at moves nothing from one to the other, so none is left out. Together they hold every id.
 */

/** An answer of this size is taken apart in some 50 ms when all in it is new; a window aims at it. */
export const WINDOW_BYTES = 2 * 1024 * 1024;
/** The end of a window that has none, as the calls of pools have it. */
export const OPEN = -1;

export interface Window {
  readonly from: number;
  /** The last id of it, or OPEN. */
  readonly to: number;
  /** What was in it when it was looked at last, in bytes; undefined: it was not, or cannot be. */
  readonly bytes?: number;
  /** Those that were in it. */
  readonly ids?: readonly number[];
  /** Of the answer, as it came. */
  readonly digest?: string;
}

/** One window for all. */
export const WHOLE: Window = { from: 0, to: OPEN };

/** Windows that begin at these ids, and at 0. */
export function windowsAt(starts: readonly number[]): readonly Window[] {
  const all = [0, ...[...new Set(starts)].filter((id) => id > 0).sort((left, right) => left - right)];
  return all.map((from, index) => {
    const next = all[index + 1];
    return { from, to: next === undefined ? OPEN : next - 1 };
  });
}

/**
 * What is asked instead of a window whose answer was too large; undefined: it is of one id. `reach` is how many ids the
 * first part of an open one takes.
 */
export function halves({ from, to }: Window, reach: number): readonly [Window, Window] | undefined {
  if (to === from) return undefined;
  const last = to === OPEN ? from + Math.max(reach, 1) - 1 : Math.floor((from + to) / 2);
  return [
    { from, to: last },
    { from: last + 1, to },
  ];
}

/** Whether an id lies in it. */
export function holds({ from, to }: Window, id: number): boolean {
  return id >= from && (to === OPEN || id <= to);
}

/** The windows for the next look, by what was in those of the last: large ones in parts, small neighbours as one. */
export function regrouped(windows: readonly Window[]): readonly Window[] {
  const next: Window[] = [];
  for (const window of windows.flatMap(parts)) {
    const last = next.at(-1);
    if (last !== undefined && isSmall(last, window)) next[next.length - 1] = together(last, window);
    else next.push(window);
  }
  return next;
}

function parts(window: Window): readonly Window[] {
  const { from, to, bytes = 0, ids = [] } = window;
  const count = Math.min(ids.length, Math.ceil(bytes / WINDOW_BYTES));
  if (bytes <= 2 * WINDOW_BYTES || count < 2) return [window];
  const sorted = ids.toSorted((left, right) => left - right);
  const groups = Array.from({ length: count }, (_, part) =>
    sorted.slice(
      Math.floor((part * sorted.length) / count),
      Math.floor(((part + 1) * sorted.length) / count),
    ),
  );
  return groups.map((group, part) => ({
    from: part === 0 ? from : (group[0] ?? from),
    to: part === count - 1 ? to : (groups[part + 1]?.[0] ?? 0) - 1,
    bytes: bytes / count,
    ids: group,
  }));
}

function isSmall({ bytes: one }: Window, { bytes: other }: Window): boolean {
  return one !== undefined && other !== undefined && one + other < WINDOW_BYTES / 2;
}

function together(one: Window, other: Window): Window {
  return {
    from: one.from,
    to: other.to,
    bytes: (one.bytes ?? 0) + (other.bytes ?? 0),
    ids: [...(one.ids ?? []), ...(other.ids ?? [])],
  };
}
