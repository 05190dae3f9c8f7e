import { expect, it } from "vitest";
import { monitorFuzz } from "../soak/monitor-fuzz.ts";

it("takes or refuses a sample of the fuzz soak without a crash, a forgery taken or memory kept", async () => {
  const result = await monitorFuzz({ inputs: 20_000, seed: 7 });
  expect(result.taken).toBeGreaterThan(1_000);
  expect(result.refused).toBeGreaterThan(5_000);
}, 120_000);
