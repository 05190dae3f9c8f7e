/**
 * VMs on their way out, each down a chain of requests until it is gone:
 *
 *     asked to end   terminate ──▶ terminate-hard ──▶ delete ──▶ stuck     its role shrinks or ends
 *     deleted        delete ──▶ terminate-hard ──▶ stuck                   it failed and is replaced, or recover --delete
 *
 *     stage          due ──told──▶ told ──seen ending──▶ going ──seen done──▶ (gone)
 *                     │                                    │
 *                     └──refused──▶ next request           └──back among the living──▶ next request
 */

import type { Role, ShutdownAction } from "../model.ts";
import { ask, type Draft, remember } from "./draft.ts";
import { log, note } from "./log.ts";
import type { Leaving } from "./progress.ts";
import { conditionOf, nodesOf } from "./roles.ts";

const ASKED_TO_END = ["terminate", "terminate-hard", "delete"] as const;
const DELETED = ["delete", "terminate-hard"] as const;

const NAMES = { terminate: "Terminate", "terminate-hard": "Terminate", delete: "Delete" } as const;

export function leavingOf(draft: Draft, vmId: number): Leaving | undefined {
  return draft.progress.leaving?.[vmId];
}

/** Whether a VM of a role will not go, whatever it was told. */
export function isStuck(draft: Draft, role: Role): boolean {
  return nodesOf(role).some(({ deploy_id }) => leavingOf(draft, deploy_id)?.stage === "stuck");
}

/** Sends VMs out, or sends them anew: whatever they were told before. */
export function letGo(
  draft: Draft,
  vmIds: readonly number[],
  why: Leaving["why"],
  action: ShutdownAction | undefined,
): void {
  if (vmIds.length === 0) return;
  const act = chainOf(draft, why) === DELETED ? "delete" : firstAct(draft, action);
  const sent = vmIds.map((vmId): [string, Leaving] => [String(vmId), { why, act, stage: "due" }]);
  remember(draft, { leaving: { ...draft.progress.leaving, ...Object.fromEntries(sent) } });
}

/** The role's own way to end, the service's, the operator's (spec oneflow-lifecycle.md 7). */
function firstAct(draft: Draft, action: ShutdownAction | undefined): "terminate" | "terminate-hard" {
  const wanted = action ?? draft.body.shutdown_action ?? draft.context.shutdownAction;
  return wanted === "terminate-hard" || wanted === "shutdown-hard" ? "terminate-hard" : "terminate";
}

function chainOf(draft: Draft, why: Leaving["why"]): readonly Leaving["act"][] {
  return why === "replace" || draft.progress.force === true ? DELETED : ASKED_TO_END;
}

/** Asks for what is due, and sees who is going. */
export function driveLeaving(draft: Draft): void {
  const moved: [string, Leaving][] = [];
  for (const [key, entry] of Object.entries(draft.progress.leaving ?? {})) {
    const vmId = Number(key);
    const condition = conditionOf(draft, vmId);
    if (condition === "done") continue;
    const ending = condition === "ending";
    if (entry.stage === "due" && (!ending || entry.act === "delete")) {
      ask(draft, { kind: "act_on_vm", vmId, act: entry.act });
    } else if (ending && (entry.stage === "due" || entry.stage === "told")) {
      moved.push([key, { ...entry, stage: "going" }]);
    } else if (!ending && entry.stage === "going") {
      moved.push([key, nextOf(draft, vmId, entry, "the VM did not end")]);
    }
  }
  if (moved.length > 0)
    remember(draft, { leaving: { ...draft.progress.leaving, ...Object.fromEntries(moved) } });
}

/** The cloud took what a VM was told. */
export function leavingTold(draft: Draft, vmId: number, act: Leaving["act"]): void {
  const entry = leavingOf(draft, vmId);
  if (entry?.act === act && entry.stage === "due") setLeaving(draft, vmId, { ...entry, stage: "told" });
}

/** The cloud refused: the next request of the chain is due, unless the VM is on its way out anyhow. */
export function leavingRefused(draft: Draft, vmId: number, act: Leaving["act"], message: string): void {
  const entry = leavingOf(draft, vmId);
  if (entry?.act !== act || entry.stage !== "due") return;
  if (conditionOf(draft, vmId) === "ending") setLeaving(draft, vmId, { ...entry, stage: "going" });
  else setLeaving(draft, vmId, nextOf(draft, vmId, entry, message));
}

/** A restart forgets what was told to VMs that do not show it: they are told again. */
export function retell(draft: Draft): void {
  const entries = Object.entries(draft.progress.leaving ?? {});
  const again = entries.flatMap(([key, entry]): [string, Leaving][] =>
    entry.stage === "told" && conditionOf(draft, Number(key)) !== "ending"
      ? [[key, { ...entry, stage: "due" }]]
      : [],
  );
  if (again.length > 0)
    remember(draft, { leaving: { ...draft.progress.leaving, ...Object.fromEntries(again) } });
}

/** Forgets VMs that are gone, or that are to stay after all. */
export function forgetLeaving(draft: Draft, vmIds: ReadonlySet<number>): void {
  const entries = Object.entries(draft.progress.leaving ?? {});
  const kept = entries.filter(([key]) => !vmIds.has(Number(key)));
  if (kept.length < entries.length)
    remember(draft, { leaving: kept.length === 0 ? undefined : Object.fromEntries(kept) });
}

function setLeaving(draft: Draft, vmId: number, entry: Leaving): void {
  remember(draft, { leaving: { ...draft.progress.leaving, [vmId]: entry } });
}

/** Its log lines are the original's (spec oneflow-lifecycle.md 7). */
function nextOf(draft: Draft, vmId: number, entry: Leaving, reason: string): Leaving {
  const chain = chainOf(draft, entry.why);
  const next = chain[chain.indexOf(entry.act) + 1];
  const start = `Role ${roleOfVm(draft, vmId)} : ${NAMES[entry.act]} failed for VM ${vmId}`;
  if (next === undefined) {
    log(draft, "ROL", "E", `${start}; ${reason}`);
    return { ...entry, stage: "stuck" };
  }
  if (next === "delete") log(draft, "ROL", "E", `${start}, will perform a Delete; ${reason}`);
  else note(draft, "ROL", "E", `${start}, will perform a Terminate-hard; ${reason}`);
  return { ...entry, act: next, stage: "due" };
}

function roleOfVm(draft: Draft, vmId: number): string {
  const role = draft.body.roles.find(({ nodes = [] }) => nodes.some(({ deploy_id }) => deploy_id === vmId));
  return role?.name ?? "";
}
