/** What a guest's wires carry is noted for the probes, and counted on by the house that finds the guest. */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { trafficNote } from "../../gateway/cloud/embedded/drivers/qemu-traffic.ts";
import { readWireTraffic, wireTrafficPath } from "../../shared/guests/wire-traffic.ts";

let dir: string;
const process = { pid: 1007, startTicks: 7 };

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "traffic-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const wireWith = (receivedBytes: number, sentBytes: number) => ({
  traffic: () => ({ receivedBytes, sentBytes }),
});

it("is the sum of its wires since its QEMU began, whichever house counted", async () => {
  await trafficNote({ dir, process, wires: [wireWith(1, 2), wireWith(10, 20)] }).write();
  expect(readWireTraffic(dir, process)).toMatchObject({ receivedBytes: 11, sentBytes: 22 });
  const found = trafficNote({ dir, process, wires: [wireWith(100, 200)] });
  await found.write();
  await found.write();
  expect(readWireTraffic(dir, process)).toMatchObject({ receivedBytes: 111, sentBytes: 222 });
  const bootedAgain = { pid: 1008, startTicks: 8 };
  expect(readWireTraffic(dir, bootedAgain)).toBeUndefined();
  await trafficNote({ dir, process: bootedAgain, wires: [wireWith(0, 0)] }).write();
  expect(readWireTraffic(dir, bootedAgain)).toMatchObject({ receivedBytes: 0, sentBytes: 0 });
});

it("is not noted of a guest that has no wires by now", async () => {
  await trafficNote({ dir, process, wires: [wireWith(1, 2)] }).write();
  await trafficNote({ dir, process, wires: [] }).write();
  expect(existsSync(wireTrafficPath(dir))).toBe(false);
});
