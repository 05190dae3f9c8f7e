import fc from "fast-check";
import { expect, it } from "vitest";
import { firstDelivery, MAX_BOOT_ID, nextBootId } from "../../shared/monitor/boot.ts";
import { REPLAY_WINDOW_FRAMES, ReplayWindow } from "../../shared/monitor/replay-window.ts";

/** The law, written down: every accepted number of the newest boot is kept, and 1,024 of them are looked at. */
function reference(): (bootId: number, sequence: number) => string {
  let boot = -1;
  let seen = new Set<number>();
  return (bootId, sequence) => {
    if (bootId < boot) return "old_boot";
    const fresh = bootId > boot;
    if (fresh) {
      boot = bootId;
      seen = new Set();
    }
    const highest = Math.max(0, ...seen);
    if (!fresh && (seen.has(sequence) || sequence <= highest - REPLAY_WINDOW_FRAMES)) return "replayed";
    seen.add(sequence);
    return fresh ? "new_boot" : "new";
  };
}

it("says of any order of frames what a set of all of them would say", () => {
  const near = fc.nat({ max: 40 }).map((n) => ({ step: n - 20 }));
  const far = fc
    .constantFrom(1023, 1024, 1025, 2048, 5000, -1022, -1023, -1024, -1025, 31, 32, 33)
    .map((step) => ({ step }));
  const boot = fc.constantFrom({ boots: 1 }, { boots: -1 }, { boots: 0 });
  const moves = fc.array(fc.oneof({ weight: 20, arbitrary: near }, { weight: 4, arbitrary: far }, boot), {
    maxLength: 120,
  });
  fc.assert(
    fc.property(moves, (list) => {
      const window = new ReplayWindow();
      const expected = reference();
      let bootId = 5;
      let sequence = 3000;
      for (const move of list) {
        const one = "boots" in move ? bootId + move.boots : bootId;
        sequence = Math.max(1, sequence + ("step" in move ? move.step : 0));
        const verdict = window.verdict(one, sequence);
        expect(window.accept(one, sequence)).toBe(verdict);
        expect(verdict).toBe(expected(one, sequence));
        bootId = Math.max(bootId, one);
      }
    }),
    { numRuns: 500 },
  );
});

it("does not change by being asked, so that a forged boot cannot close it", () => {
  const window = new ReplayWindow();
  window.accept(7, 1);
  expect(window.verdict(MAX_BOOT_ID, 1)).toBe("new_boot");
  expect(window.verdict(7, 2)).toBe("new");
  expect(window.accept(7, 2)).toBe("new");
});

it("takes after a restart nothing that may have been seen before it", () => {
  const window = new ReplayWindow();
  window.accept(7, 10);
  window.accept(7, 12);
  const again = new ReplayWindow(window.memory);
  expect([12, 11, 10, 1].map((sequence) => again.accept(7, sequence))).toEqual(Array(4).fill("replayed"));
  expect([14, 13, 13, 15].map((sequence) => again.accept(7, sequence))).toEqual([
    "new",
    "new",
    "replayed",
    "new",
  ]);
  expect(again.accept(6, 100)).toBe("old_boot");
  expect(again.accept(8, 1)).toBe("new_boot");
});

it("gives boot ids that rise, with and without what was kept, and not by a mad clock", () => {
  expect(nextBootId(undefined, 1_795_169_756.9)).toBe(1_795_169_756);
  expect(nextBootId(1_795_169_756, 1_795_169_756)).toBe(1_795_169_757);
  expect(nextBootId(1_795_169_757, 100)).toBe(1_795_169_758);
  expect(nextBootId(5, 1e15)).toBe(6);
  expect(() => nextBootId(MAX_BOOT_ID, 5)).toThrow("a new key is needed");
});

it("numbers deliveries above those of every earlier boot, in numbers that stay exact", () => {
  expect(firstDelivery(6)).toBeGreaterThan(firstDelivery(5) + 1_000_000);
  expect(Number.isSafeInteger(firstDelivery(MAX_BOOT_ID) + 2 ** 20 - 1)).toBe(true);
});
