import { expect, it } from "vitest";
import { oneflowSoak } from "../soak/oneflow.ts";

it("deploys a sample of the soak's services side by side, each VM once, and no timer stays with those at rest", {
  timeout: 120_000,
}, async () => {
  const result = await oneflowSoak({ inputs: 60, asks: 10, restMs: 0 });
  expect(result).toMatchObject({ services: 60, vms: 600 });
  expect(result.timersLeft).toBeLessThanOrEqual(10);
});
