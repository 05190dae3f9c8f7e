/** Which states of VMs the agent tells, round by round. */

import { expect, test } from "vitest";
import { TIMES_MISSING, VmStates } from "../../agent/host/vm-states.ts";
import type { ReportedState, StatesReading, VmStateReading } from "../../shared/monitor/readings.ts";

const SYNC_MS = 180_000;
const PERIOD_MS = 5000;

function vm(id: number, state: ReportedState = "RUNNING", deployId = `one-${id}`): VmStateReading {
  return { id, deployId, state, more: {} };
}

/** Rounds one after another, each a period later. */
function rounds(told: readonly VmStateReading[] | undefined) {
  const states = new VmStates({ syncEveryMs: SYNC_MS, told });
  let elapsedMs = 0;
  return {
    states,
    round(listed: readonly VmStateReading[], options: { failed?: boolean; mayTellAll?: boolean } = {}) {
      elapsedMs += PERIOD_MS;
      return states.round({ listed, failed: false, mayTellAll: true, elapsedMs, ...options });
    },
  };
}

const changesIn = (readings: readonly StatesReading[]) =>
  readings.filter(({ sync }) => !sync).flatMap(({ vms }) => vms.map(({ id, state }) => `${id} ${state}`));

const isFull = (readings: readonly StatesReading[]): boolean => readings.some(({ sync }) => sync);

test("a VM that is new, and one that changed its state or its deploy id, is told at once and only once", () => {
  const { round } = rounds([]);
  expect(changesIn(round([vm(0), vm(1)]))).toEqual(["0 RUNNING", "1 RUNNING"]);
  expect(changesIn(round([vm(0), vm(1)]))).toEqual([]);
  expect(changesIn(round([vm(0, "SUSPENDED"), vm(1, "RUNNING", "again")]))).toEqual([
    "0 SUSPENDED",
    "1 RUNNING",
  ]);
});

test("a VM is powered off when it was missing five rounds in a row, and one that came back meanwhile is not", () => {
  const { round } = rounds([vm(0), vm(1)]);
  for (let missing = 1; missing < TIMES_MISSING; missing += 1) expect(changesIn(round([vm(1)]))).toEqual([]);
  expect(changesIn(round([vm(0), vm(1)]))).toEqual([]);
  for (let missing = 1; missing < TIMES_MISSING; missing += 1) expect(changesIn(round([vm(1)]))).toEqual([]);
  expect(changesIn(round([vm(1)]))).toEqual(["0 POWEROFF"]);
  expect(changesIn(round([vm(1)]))).toEqual([]);
});

test("a full list names a VM that is missing for a moment as it was told", () => {
  const { round } = rounds([vm(0), vm(1)]);
  const full = round([vm(1)]).find(({ sync }) => sync);
  expect(full?.vms.map(({ id, state }) => `${id} ${state}`)).toEqual(["0 RUNNING", "1 RUNNING"]);
  expect(full?.missingState).toBe("POWEROFF");
});

test("a full list comes each SYNC_STATE_VM", () => {
  const { round } = rounds([]);
  const full = Array.from({ length: 73 }, () => isFull(round([vm(0)])));
  expect(full.flatMap((is, index) => (is ? [index] : []))).toEqual([0, 36, 72]);
});

test("an agent that knows nothing waits with its full list until no VM can be away for a moment only", () => {
  const { round } = rounds(undefined);
  const full = Array.from({ length: TIMES_MISSING }, () => isFull(round([vm(0)])));
  expect(full).toEqual([false, false, false, false, true]);
});

test("while nobody hears, changes are told and full lists are not; the first one follows as soon as it may", () => {
  const { round } = rounds([vm(0)]);
  for (let count = 0; count < 80; count += 1)
    expect(isFull(round([vm(0)], { mayTellAll: false }))).toBe(false);
  expect(changesIn(round([vm(0, "SUSPENDED")], { mayTellAll: false }))).toEqual(["0 SUSPENDED"]);
  expect(isFull(round([vm(0, "SUSPENDED")]))).toBe(true);
});

test("what a failing probe does not list is told as unknown after five such rounds, and never as powered off", () => {
  const { round } = rounds([vm(0), vm(1)]);
  const told = Array.from({ length: 20 }, () => round([vm(1)], { failed: true }));
  expect(told.map(changesIn)).toEqual(
    told.map((_, index) => (index === TIMES_MISSING - 1 ? ["0 UNKNOWN"] : [])),
  );
  expect(told.some(isFull)).toBe(false);
  expect(changesIn(round([vm(0), vm(1)]))).toEqual(["0 RUNNING"]);
});

test("rounds that fail do not count as rounds that a VM was missing in", () => {
  const { round } = rounds([vm(0)]);
  for (let count = 1; count < TIMES_MISSING; count += 1) round([]);
  expect(changesIn(round([], { failed: true }))).toEqual([]);
  expect(changesIn(round([]))).toEqual(["0 POWEROFF"]);
});

test("wild VMs, which share an id, are told apart by their deploy ids", () => {
  const { round } = rounds([]);
  expect(changesIn(round([vm(-1, "RUNNING", "a"), vm(-1, "RUNNING", "b")]))).toHaveLength(2);
  expect(changesIn(round([vm(-1, "RUNNING", "a"), vm(-1, "SUSPENDED", "b")]))).toEqual(["-1 SUSPENDED"]);
});
