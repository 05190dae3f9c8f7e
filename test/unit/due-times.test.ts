import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DueTimes } from "../../shared/due-times.ts";

const step = fc.oneof(
  fc.record({ do: fc.constant("set" as const), key: fc.nat(20), time: fc.nat(50) }),
  fc.record({ do: fc.constant("delete" as const), key: fc.nat(20) }),
  fc.record({ do: fc.constant("take" as const), now: fc.nat(50), most: fc.integer({ min: 1, max: 5 }) }),
);

describe("due times", () => {
  it("are as a sorted list of the newest time of each key would have them (law)", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const due = new DueTimes();
        const model = new Map<number, number>();
        for (const one of steps) {
          if (one.do === "set") {
            due.set(one.key, one.time);
            model.set(one.key, one.time);
          } else if (one.do === "delete") {
            due.delete(one.key);
            model.delete(one.key);
          } else {
            const expected = [...model.values()].filter((time) => time <= one.now).toSorted((a, b) => a - b);
            const taken = due.takeDue(one.now, one.most);
            expect(taken.map((key) => model.get(key))).toEqual(expected.slice(0, one.most));
            for (const key of taken) model.delete(key);
          }
          expect(due.size).toBe(model.size);
          expect(due.first()).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
          for (const key of model.keys()) expect(due.has(key)).toBe(true);
        }
      }),
    );
  });
});
