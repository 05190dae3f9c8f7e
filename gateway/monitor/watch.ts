/**
 * How a host is watched, as a table: what is known of its agent, what can happen, and what is done then. Pure; the
 * watcher brings it the time, and does what it says. docs/monitoring.md shows the table.
 */

/** What is known of a host's agent. */
export const WATCH_PHASES = [
  /** Not started by us yet. */
  "unstarted",
  /** Started, and nothing was heard since. */
  "starting",
  "heard",
  /** Nothing was heard for the interval, and its last start is too recent to start it again. */
  "silent",
  /** The cloud was told that the host cannot be monitored. */
  "failed",
] as const;

export type WatchPhase = (typeof WATCH_PHASES)[number];

export const WATCH_EVENTS = [
  /** A message of the host came. */
  "heard",
  /** None came for the interval (MONITORING_INTERVAL_HOST). */
  "quiet",
  /** RESTART_MS have passed since its last start, or it was never started. */
  "rested",
  /** It could not be started. */
  "start_failed",
] as const;

export type WatchEvent = (typeof WATCH_EVENTS)[number];

export type WatchEffect =
  /** Start its agent, in place of one that runs. */
  | "start"
  /** Tell the cloud that the host fails. */
  | "fail";

export interface WatchStep {
  readonly next: WatchPhase;
  readonly effects: readonly WatchEffect[];
}

/** A start is left alone for so long, and an agent not started more often: upstream's own limit (spec monitoring.md 5). */
export const RESTART_MS = 300_000;

const HEARD: WatchStep = { next: "heard", effects: [] };
const START: WatchStep = { next: "starting", effects: ["start"] };
const FAIL: WatchStep = { next: "failed", effects: ["fail"] };

/** An event that a phase does not name changes nothing. */
export const WATCH_TABLE: Readonly<Record<WatchPhase, Readonly<Partial<Record<WatchEvent, WatchStep>>>>> = {
  unstarted: { heard: HEARD, rested: START },
  starting: { heard: HEARD, rested: { next: "failed", effects: ["fail", "start"] }, start_failed: FAIL },
  heard: { quiet: { next: "silent", effects: [] } },
  silent: { heard: HEARD, rested: START, start_failed: FAIL },
  // Told again when the reason is another one; ERROR ends with the next SYSTEM_HOST, which the cloud sees to.
  failed: { heard: HEARD, rested: { next: "failed", effects: ["start"] }, start_failed: FAIL },
};

/** One host; times are ms of `Clock.elapsed`. */
export interface Watch {
  readonly phase: WatchPhase;
  /** When something was heard last, or the watch began as if it had been. */
  readonly heardAt: number | undefined;
  readonly startedAt: number | undefined;
}

/** A host whose agent we start. */
export function newWatch(): Watch {
  return { phase: "unstarted", heardAt: undefined, startedAt: undefined };
}

/** A host whose agent stands by itself: it has the interval to be heard. */
export function heardWatch(now: number): Watch {
  return { phase: "heard", heardAt: now, startedAt: undefined };
}

export interface Watched {
  readonly watch: Watch;
  readonly effects: readonly WatchEffect[];
}

/** What an event makes of a host. */
export function onWatchEvent(watch: Watch, event: WatchEvent, now: number): Watched {
  const known = event === "heard" ? { ...watch, heardAt: now } : watch;
  const step = WATCH_TABLE[watch.phase][event];
  if (step === undefined) return { watch: known, effects: [] };
  const startedAt = step.effects.includes("start") ? now : known.startedAt;
  return { watch: { ...known, phase: step.next, startedAt }, effects: step.effects };
}

/** What the timer finds, of a host that is looked at from time to time: every event that is due, one after another. */
export function onWatchTimer(watch: Watch, now: number, intervalMs: number): Watched {
  const effects: WatchEffect[] = [];
  let known = watch;
  for (const event of ["quiet", "rested"] as const) {
    if (!isDue(known, event, now, intervalMs)) continue;
    const after = onWatchEvent(known, event, now);
    known = after.watch;
    effects.push(...after.effects);
  }
  return { watch: known, effects };
}

function isDue(
  { heardAt, startedAt }: Watch,
  event: "quiet" | "rested",
  now: number,
  intervalMs: number,
): boolean {
  if (event === "quiet") return heardAt !== undefined && now - heardAt >= intervalMs;
  return startedAt === undefined || now - startedAt >= RESTART_MS;
}

/** Seconds since anything was heard, or since its agent was started when nothing ever was. */
export function silenceS({ heardAt, startedAt }: Watch, now: number): number {
  return Math.round((now - (heardAt ?? startedAt ?? now)) / 1_000);
}

/** The table as docs/monitoring.md prints it. */
export function watchRows(): readonly (readonly [WatchPhase, WatchEvent, WatchPhase, string])[] {
  return WATCH_PHASES.flatMap((phase) =>
    WATCH_EVENTS.flatMap((event) => {
      const step = WATCH_TABLE[phase][event];
      return step === undefined ? [] : [[phase, event, step.next, step.effects.join(", ")] as const];
    }),
  );
}
