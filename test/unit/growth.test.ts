import { expect, it } from "vitest";
import { fittedGrowth } from "../support/growth.ts";
import { seededRandom } from "../support/random.ts";

/** What the soaks call flat: a line through the last two thirds of their samples. */

const line = (length: number, at: (index: number) => number) =>
  Array.from({ length }, (_, index) => at(index));

it("is what a line grows by, without the first third", () => {
  expect(fittedGrowth(line(36, (index) => (index < 12 ? 0 : 100 + index)))).toEqual({ from: 112, to: 135 });
});

it("is not turned by the start, nor by a few samples that stand out", () => {
  const samples = line(36, (index) => (index < 12 ? index * 50 : index % 7 === 0 ? 900 : 400));
  expect(fittedGrowth(samples)).toEqual({ from: 400, to: 400 });
});

it("sees what grows beneath what scatters", () => {
  const random = seededRandom(3);
  const { from, to } = fittedGrowth(line(36, (index) => 100 + index * 2 + random.integer(20)));
  expect(to - from).toBeGreaterThan(30);
  expect(to - from).toBeLessThan(62);
});

it("is none of too few samples", () => {
  expect(fittedGrowth([7])).toEqual({ from: 7, to: 7 });
  expect(fittedGrowth([])).toEqual({ from: 0, to: 0 });
});
