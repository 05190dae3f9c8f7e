import { createHook } from "node:async_hooks";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { keepTicksQuick } from "../../gateway/main/quick-ticks.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** The ticks that are made meanwhile. */
async function ticksOf(work: () => Promise<void>): Promise<readonly WeakRef<object>[]> {
  const ticks: WeakRef<object>[] = [];
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      if (type === "TickObject") ticks.push(new WeakRef(resource));
    },
  }).enable();
  await work();
  hook.disable();
  return ticks;
}

async function living(ticks: readonly WeakRef<object>[]): Promise<number> {
  // A reference that was looked at in this turn lives until its end.
  await setImmediate();
  collect();
  return ticks.filter((tick) => tick.deref() !== undefined).length;
}

it("one tick outlives every collection until it is let go", async () => {
  let letGo: () => void = () => {};
  const ticks = await ticksOf(async () => {
    letGo = await keepTicksQuick();
  });
  expect(await living(ticks)).toBe(1);
  expect(await living(ticks)).toBe(1);
  letGo();
  expect(await living(ticks)).toBe(0);
});
