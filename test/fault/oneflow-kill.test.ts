import { expect, it } from "vitest";
import { oneflowKillRounds } from "./oneflow-kill-rounds.ts";

// `npm run soak -- oneflow-kill` runs 100 rounds; here a sample.
it("brings every service where it was going through kill -9 at random moments, with no VM more or less", {
  timeout: 120_000,
}, async () => {
  expect(await oneflowKillRounds({ rounds: 8, seed: 5, log: () => undefined })).toMatchObject({ rounds: 8 });
});
