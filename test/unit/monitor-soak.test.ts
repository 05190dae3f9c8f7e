import { expect, it } from "vitest";
import { monitorSoak } from "../soak/monitor.ts";

it("loses no state change of a sample of the soak's agents, and stores what they measure", {
  timeout: 120_000,
}, async () => {
  const result = await monitorSoak({ inputs: 90, hosts: 40, seed: 7 });
  expect(result.changes).toBeGreaterThan(40);
  expect(result.restarts).toBeGreaterThan(3);
  expect(result.recordsStored).toBeGreaterThan(1_600);
});
