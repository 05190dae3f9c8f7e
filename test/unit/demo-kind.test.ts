/** The demo tells what its guests are, not what this start would have made of them. */

import { afterEach, expect, it, vi } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { describeDemo, startDemo } from "../../gateway/main/demo.ts";
import { PROCESS_GUESTS } from "../../gateway/main/demo-guests.ts";
import type { Value } from "../../shared/template/types.ts";
import { untilPhase } from "../conformance/cloud/setup.ts";
import { type FlowHouse, flowHouse } from "../support/oneflow.ts";

const WAIT_MS = 20_000;
const PLACE = { onegate: "http://127.0.0.1:5030", homeOption: "", homeVariable: "" };
let house: FlowHouse | undefined;

afterEach(() => house?.close());

it("names the driver of guests that an earlier start made, where that is another", async () => {
  const started = await flowHouse();
  house = started;
  const { cloud, oneflow: flow, clock } = started;
  const describeAs = async (driver: string) => {
    const guests = { ...PROCESS_GUESTS, driver };
    let isStarting = true;
    const demo = startDemo({ cloud, flow, clock, guests, tell: () => {} }).finally(
      () => (isStarting = false),
    );
    // Simulated guests are never READY, so the time runs out.
    while (isStarting) {
      await started.settled();
      await Promise.race([demo, clock.runNext()]);
    }
    return describeDemo(await demo, PLACE);
  };
  expect(await describeAs("dummy")).toContain("Its guests are real processes on this machine");
  expect(await describeAs("process")).toContain(
    'Its guests are VMs of the driver "dummy", as an earlier start in this home chose, on this machine',
  );
});

it("waits for guests that boot again under a service that runs, and calls none READY that does not run", async () => {
  const started = await flowHouse();
  house = started;
  const { cloud, oneflow: flow, clock } = started;
  let isStarting = false;
  const start = async () => {
    isStarting = true;
    const demo = startDemo({ cloud, flow, clock, guests: PROCESS_GUESTS, tell: () => {} });
    return describeDemo(await demo.finally(() => (isStarting = false)), PLACE);
  };
  const say = async (READY: Value, ids: readonly number[]) => {
    for (const id of ids) await cloud.vms.updateUserTemplate(SYSTEM, id, { READY }, "append");
    await started.settled();
  };
  const first = start();
  await vi.waitFor(async () => expect(await cloud.vms.list(SYSTEM)).toHaveLength(1), WAIT_MS);
  await say("YES", [0]);
  await vi.waitFor(async () => expect(await cloud.vms.list(SYSTEM)).toHaveLength(3), WAIT_MS);
  await say("YES", [1, 2]);
  expect((await first).match(/RUNNING {2}READY=YES/g)).toHaveLength(3);

  // As clear_ready does, when they boot anew.
  await say({}, [1, 2]);
  const second = start();
  await say("YES", [1]);
  expect(isStarting).toBe(true);
  await say("YES", [2]);
  expect((await second).match(/RUNNING {2}READY=YES/g)).toHaveLength(3);

  await cloud.vms.act(SYSTEM, 2, "poweroff");
  await untilPhase(cloud, SYSTEM, 2, "POWEROFF");
  expect(await start()).toMatch(/VM 2 .* POWEROFF {2}READY=not yet/);
});
