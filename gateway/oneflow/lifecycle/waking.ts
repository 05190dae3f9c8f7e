/** VMs that are told something once: the sleeping and the lost ones by recover, the held ones by release. */

import { ask, type Draft, remember } from "./draft.ts";
import type { VmCondition } from "./events.ts";
import type { WakeAct } from "./progress.ts";
import { conditionOf } from "./roles.ts";

/** In what condition a VM may be told what. */
const FITS: { readonly [act in WakeAct]: readonly VmCondition[] } = {
  resume: ["resting", "powered_off"],
  boot: ["unknown"],
  release: ["held"],
};

/** What brings a VM back up; undefined when it needs nothing. */
export function wakeActFor(condition: VmCondition): "resume" | "boot" | undefined {
  if (FITS.resume.includes(condition)) return "resume";
  return FITS.boot.includes(condition) ? "boot" : undefined;
}

export function wake(draft: Draft, acts: ReadonlyMap<number, WakeAct>): void {
  if (acts.size > 0) remember(draft, { wake: { ...draft.progress.wake, ...Object.fromEntries(acts) } });
}

/** Whether a VM is still to be told this, and is such that it makes sense. */
export function mustWake(draft: Draft, vmId: number): boolean {
  const act = draft.progress.wake?.[vmId];
  return act !== undefined && FITS[act].includes(conditionOf(draft, vmId));
}

export function driveWaking(draft: Draft): void {
  const { wake: acts } = draft.progress;
  if (acts === undefined) return;
  const outlived = new Set<number>();
  for (const [key, act] of Object.entries(acts)) {
    const vmId = Number(key);
    if (mustWake(draft, vmId)) ask(draft, { kind: "act_on_vm", vmId, act });
    else if (!mayComeToFit(draft, vmId, act)) outlived.add(vmId);
  }
  forgetWaking(draft, outlived);
}

/** News of a VM may be late: one that is said to start may be held in truth, and then it must be told. */
function mayComeToFit(draft: Draft, vmId: number, act: WakeAct): boolean {
  return act === "release" && conditionOf(draft, vmId) === "starting";
}

export function forgetWaking(draft: Draft, vmIds: ReadonlySet<number>): void {
  const entries = Object.entries(draft.progress.wake ?? {});
  const kept = entries.filter(([key]) => !vmIds.has(Number(key)));
  if (kept.length < entries.length)
    remember(draft, { wake: kept.length === 0 ? undefined : Object.fromEntries(kept) });
}
