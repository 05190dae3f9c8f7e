/** Periods of the agent's groups: nobody waits for another, and none overlaps itself. */

import { expect, test } from "vitest";
import { BackOff } from "../../agent/host/back-off.ts";
import { Schedule } from "../../agent/host/schedule.ts";
import { manualClock } from "../support/manual-clock.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("rounds come on their period, and one that hangs holds up itself alone", async () => {
  const clock = manualClock();
  const hang = Promise.withResolvers<void>();
  const rounds = { hanging: 0, sound: 0 };
  const common = { clock, random: () => 0.5, periodMs: 5000 };
  const hanging = new Schedule({
    ...common,
    work: () => {
      rounds.hanging += 1;
      return hang.promise;
    },
  });
  const sound = new Schedule({
    ...common,
    work: async () => {
      rounds.sound += 1;
    },
  });
  hanging.start();
  sound.start();
  for (let second = 0; second < 60; second += 1) {
    clock.advance(1000);
    await settled();
  }
  expect(rounds).toEqual({ hanging: 1, sound: 12 });
  hang.resolve();
  await settled();
  clock.advance(1);
  expect(rounds.hanging).toBe(2);
});

test("periods differ by up to a twentieth, so that hosts do not speak in step", async () => {
  for (const [drawn, expected] of [
    [0, 95_000],
    [1, 105_000],
  ] as const) {
    const clock = manualClock();
    const at: number[] = [];
    const schedule = new Schedule({
      clock,
      random: () => drawn,
      periodMs: 100_000,
      work: async () => void at.push(clock.elapsed()),
    });
    schedule.start();
    await clock.runNext();
    await settled();
    await clock.runNext();
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBe(expected);
  }
});

test("a forced round comes at once, or right after the one under way", async () => {
  const clock = manualClock();
  const ends: (() => void)[] = [];
  const schedule = new Schedule({
    clock,
    random: () => 0.5,
    periodMs: 600_000,
    work: () => new Promise((resolve) => ends.push(resolve)),
  });
  schedule.start();
  schedule.force();
  expect(ends).toHaveLength(1);
  schedule.force();
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await settled();
  clock.advance(0);
  expect(ends).toHaveLength(2);
});

test("the waits of the back-off grow to half a minute, and begin anew once it is told", () => {
  const backOff = new BackOff(() => 0);
  const waits = Array.from({ length: 9 }, () => backOff.next() / 1000);
  expect(waits).toEqual([1, 1, 2, 4, 8, 16, 28, 28, 28]);
  backOff.reset();
  expect(backOff.next()).toBe(1000);
});
