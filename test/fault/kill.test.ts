import { expect, it } from "vitest";
import { killRounds } from "./kill-rounds.ts";

// `npm run soak -- kill` runs 100 rounds; here a sample.
it("keeps every acknowledged write, whole, through kill -9 at random moments", {
  timeout: 240_000,
}, async () => {
  const { acknowledged } = await killRounds({ rounds: 10, seed: 7, log: () => undefined });
  expect(acknowledged).toBeGreaterThan(10);
});
