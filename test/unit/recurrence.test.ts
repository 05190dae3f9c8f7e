import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { afterDoing, isPending, nextTime } from "../../gateway/cloud/embedded/schedule/recurrence.ts";
import type { ActionRepeat, ScheduledAction } from "../../gateway/cloud/model.ts";

/** Local time, so the tests hold in every time zone. */
const local = (...[year, month, day, hour = 9, minute = 30]: readonly number[]) =>
  new Date(year ?? 0, (month ?? 1) - 1, day, hour, minute).getTime() / 1_000;
const action = (part: Partial<ScheduledAction>): ScheduledAction => ({
  id: 0,
  action: "suspend",
  args: "",
  time: 100,
  message: "",
  ...part,
});

describe("an action that repeats", () => {
  it.each<[string, ActionRepeat, number, number, number]>([
    [
      "weekly, later this week",
      { unit: "weekly", days: [1, 5] },
      local(2026, 11, 2),
      local(2026, 11, 2),
      local(2026, 11, 6),
    ],
    [
      "weekly, next week",
      { unit: "weekly", days: [1, 5] },
      local(2026, 11, 6),
      local(2026, 11, 6),
      local(2026, 11, 9),
    ],
    [
      "weekly, on the same day next week",
      { unit: "weekly", days: [1] },
      local(2026, 11, 2),
      local(2026, 11, 2),
      local(2026, 11, 9),
    ],
    [
      "weekly, after a month of absence",
      { unit: "weekly", days: [1] },
      local(2026, 10, 5),
      local(2026, 11, 3),
      local(2026, 11, 9),
    ],
    [
      "monthly",
      { unit: "monthly", days: [1, 15] },
      local(2026, 11, 15),
      local(2026, 11, 15),
      local(2026, 12, 1),
    ],
    [
      "monthly, past a short month",
      { unit: "monthly", days: [31] },
      local(2026, 3, 31),
      local(2026, 3, 31),
      local(2026, 5, 31),
    ],
    [
      "yearly, New Year being day 0",
      { unit: "yearly", days: [0] },
      local(2026, 1, 1),
      local(2026, 1, 1),
      local(2027, 1, 1),
    ],
    [
      "yearly, on day 365 of the next leap year",
      { unit: "yearly", days: [365] },
      local(2024, 12, 31),
      local(2024, 12, 31),
      local(2028, 12, 31),
    ],
    ["hourly", { unit: "hourly", days: [3] }, 1_000, 1_000, 1_000 + 3 * 3_600],
    ["hourly, after an absence", { unit: "hourly", days: [3] }, 1_000, 1_000 + 7 * 3_600, 1_000 + 9 * 3_600],
  ])("comes next: %s", (_, repeat, last, now, next) => {
    expect(nextTime(repeat, last, now)).toBe(next);
  });

  it("comes later than it was and than it is, on a day of its rule, at its hour (law)", () => {
    const span = { min: 1_000_000_000, max: 2_000_000_000 };
    fc.assert(
      fc.property(
        fc.integer(span),
        fc.integer(span),
        fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1 }),
        (last, now, days) => {
          const next = nextTime({ unit: "weekly", days }, last, now) ?? 0;
          expect(next).toBeGreaterThan(Math.max(last, now));
          expect(next - Math.max(last, now)).toBeLessThan(8.1 * 86_400);
          expect(days).toContain(new Date(next * 1_000).getDay());
        },
      ),
    );
  });

  it("ends after so many times, or after its date", () => {
    const repeat: ActionRepeat = { unit: "hourly", days: [1] };
    const twice = action({ repeat, end: { kind: "times", left: 2 } });
    const once = afterDoing(twice, 100);
    expect([isPending(twice), isPending(once), isPending(afterDoing(once, 3_700))]).toEqual([
      true,
      true,
      false,
    ]);
    const dated = action({ repeat, end: { kind: "date", at: 200 } });
    expect([isPending(dated), isPending(afterDoing(dated, 100))]).toEqual([true, false]);
    const ever = action({ repeat, end: { kind: "never" } });
    expect(isPending(afterDoing(ever, 100_000))).toBe(true);
  });
});

describe("an action that does not repeat", () => {
  it("is over once it was done, also when the clock was behind its time", () => {
    expect(isPending(action({}))).toBe(true);
    expect(isPending(afterDoing(action({}), 100))).toBe(false);
    expect(isPending(afterDoing(action({}), 50))).toBe(false);
  });
});
