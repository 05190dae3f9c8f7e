/** The demo tells what its guests are, not what this start would have made of them. */

import { afterEach, expect, it } from "vitest";
import { describeDemo, startDemo } from "../../gateway/main/demo.ts";
import { PROCESS_GUESTS } from "../../gateway/main/demo-guests.ts";
import { type FlowHouse, flowHouse } from "../support/oneflow.ts";

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
