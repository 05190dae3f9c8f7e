import { expect, it } from "vitest";
import { templateFuzz } from "../soak/template-fuzz.ts";

it("accepts or refuses a sample of the fuzz soak without a crash, a hang or a changed meaning", () => {
  const result = templateFuzz({ inputs: 20_000, seed: 7 });
  expect(result.inputs).toBe(20_000);
  expect(result.accepted).toBeGreaterThan(5_000);
  expect(result.refused).toBeGreaterThan(5_000);
}, 120_000);
