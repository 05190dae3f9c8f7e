import { expect, it } from "vitest";
import { monitorDaemonFuzz } from "../soak/monitor-daemon-fuzz.ts";
import { monitorFuzz } from "../soak/monitor-fuzz.ts";

it("takes or refuses a sample of the fuzz soak without a crash, a forgery taken or memory kept", async () => {
  const result = await monitorFuzz({ inputs: 20_000, seed: 7 });
  expect(result.taken).toBeGreaterThan(1_000);
  expect(result.refused).toBeGreaterThan(5_000);
}, 120_000);

it("leaves a daemon that hears a sample of the junk whole, and the cloud as it was", async () => {
  const { refused } = await monitorDaemonFuzz({ inputs: 6_000, seed: 7 });
  expect(Object.keys(refused)).toEqual(
    expect.arrayContaining([
      "malformed",
      "forged",
      "replayed",
      "unknown_key",
      "unknown_host",
      "unknown_version",
    ]),
  );
}, 120_000);
