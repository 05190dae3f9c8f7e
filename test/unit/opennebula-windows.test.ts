import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  halves,
  OPEN,
  regrouped,
  WHOLE,
  WINDOW_BYTES,
  type Window,
  windowsAt,
} from "../../gateway/cloud/opennebula/windows.ts";

/** Every id from 0 on lies in one window, and in no other. */
function expectWhole(windows: readonly Window[]): void {
  let next = 0;
  for (const [index, { from, to }] of windows.entries()) {
    expect(from).toBe(next);
    if (index === windows.length - 1) expect(to).toBe(OPEN);
    else expect(to).toBeGreaterThanOrEqual(from);
    next = to + 1;
  }
}

describe("windows of ids", () => {
  it("begin where they are told to, and leave no id out", () => {
    expect(windowsAt([])).toEqual([WHOLE]);
    expect(windowsAt([900, 10, 900, 0])).toEqual([
      { from: 0, to: 9 },
      { from: 10, to: 899 },
      { from: 900, to: OPEN },
    ]);
  });

  it("are halved until they are of one id", () => {
    expect(halves({ from: 0, to: 9 }, 4)).toEqual([
      { from: 0, to: 4 },
      { from: 5, to: 9 },
    ]);
    expect(halves({ from: 100, to: OPEN }, 4)).toEqual([
      { from: 100, to: 103 },
      { from: 104, to: OPEN },
    ]);
    expect(halves({ from: 7, to: 7 }, 4)).toBeUndefined();
  });

  it("hold every id, and about as much as one answer may bring, after each look (law)", () => {
    const vms = fc.uniqueArray(fc.nat(1_000_000), { maxLength: 300 });
    fc.assert(
      fc.property(
        vms,
        fc.array(fc.nat(1_000_000), { maxLength: 20 }),
        fc.integer({ min: 1, max: WINDOW_BYTES }),
        (ids, starts, each) => {
          const seen = windowsAt(starts).map((window) => {
            const inside = ids.filter((id) => id >= window.from && (window.to === OPEN || id <= window.to));
            return { ...window, ids: inside, bytes: inside.length * each };
          });
          const next = regrouped(seen);
          expectWhole(next);
          expect(next.flatMap((window) => window.ids ?? []).toSorted((a, b) => a - b)).toEqual(
            ids.toSorted((a, b) => a - b),
          );
          for (const { bytes = 0 } of next)
            expect(bytes).toBeLessThanOrEqual(Math.max(2 * WINDOW_BYTES, each));
          // Of neighbours that both are small there is one.
          for (const [index, { bytes = 0 }] of next.entries())
            expect(bytes + (next[index + 1]?.bytes ?? WINDOW_BYTES)).toBeGreaterThanOrEqual(WINDOW_BYTES / 2);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("that could not be looked at stay by themselves", () => {
    const seen = [
      { from: 0, to: 4, bytes: 10, ids: [1] },
      { from: 5, to: 5 },
      { from: 6, to: OPEN, bytes: 10, ids: [9] },
    ];
    expect(regrouped(seen).map(({ from }) => from)).toEqual([0, 5, 6]);
  });
});
