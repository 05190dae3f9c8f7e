/** A large core in a process of its own, with a hook manager, told over IPC what to change (large-core-child.ts). */

import { startHookPublisher } from "./hook-publisher.ts";
import { type Change, startLargeCore } from "./large-core.ts";

const [count = "0"] = process.argv.slice(2);
// A few ids are missing in each row, as where VMs have ended.
const ids = Array.from({ length: Number(count) }, (_, index) => index + 3 * Math.floor(index / 100));
const core = await startLargeCore(ids);
const hooks = await startHookPublisher();

process.on("message", ({ id, isPublished }: Change) => {
  core.touch(id);
  if (isPublished) hooks.publish("EVENT API one.vm.update 1 ", updateOf(id));
});
process.on("disconnect", () => process.exit());
process.send?.({ endpoint: core.endpoint, hooks: hooks.endpoint, ids });

function updateOf(id: number): string {
  const parameter = `<PARAMETER><POSITION>2</POSITION><TYPE>IN</TYPE><VALUE>${id}</VALUE></PARAMETER>`;
  return `<HOOK_MESSAGE><CALL_INFO><PARAMETERS>${parameter}</PARAMETERS></CALL_INFO></HOOK_MESSAGE>`;
}
