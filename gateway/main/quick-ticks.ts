/**
 * Keeps process.nextTick quick in a process that lives long. Node makes an object of each tick; V8 forgets the shape of
 * such objects at a garbage collection that finds none alive, and once it has met a second shape it makes every further
 * tick by its slow path: four times as long, for good. Each HTTP request takes several. One tick that stays keeps the shape.
 */

import { createHook } from "node:async_hooks";

/** Keeps one tick from now on; what it returns lets it go. */
export async function keepTicksQuick(): Promise<() => void> {
  const kept = new Set<object>();
  const hook = createHook({
    init(_id, type, _trigger, resource) {
      if (type === "TickObject" && kept.size === 0) kept.add(resource);
    },
  }).enable();
  await new Promise<void>((resolve) => process.nextTick(resolve));
  hook.disable();
  return () => kept.clear();
}
