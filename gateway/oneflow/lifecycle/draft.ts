/** A flow while one step works on it. Only this file and its callers within a step change one; a step's caller sees flows alone. */

import type { Role, ServiceBody } from "../model.ts";
import { type Effect, effectKey } from "./effects.ts";
import type { VmSight } from "./events.ts";
import type { Flow, FlowContext, Step } from "./flow.ts";
import type { Progress } from "./progress.ts";
import { wakeAt } from "./wake.ts";

export interface Draft {
  readonly id: number;
  readonly context: FlowContext;
  body: ServiceBody;
  progress: Progress;
  readonly sights: Map<number, VmSight>;
  readonly asked: Set<string>;
  readonly effects: Effect[];
}

export function openDraft(flow: Flow, context: FlowContext): Draft {
  return {
    id: flow.id,
    context,
    body: flow.body,
    progress: flow.progress,
    sights: new Map(flow.sights),
    asked: new Set(flow.asked),
    effects: [],
  };
}

export function closeDraft(draft: Draft, before: Flow): Step {
  const { id, body, progress, sights, asked, effects } = draft;
  const changed = body !== before.body || progress !== before.progress;
  return { flow: { id, body, progress, sights, asked }, effects, wakeAt: wakeAt(progress), changed };
}

/** Asks for an effect unless it is under way. */
export function ask(draft: Draft, effect: Effect): void {
  const key = effectKey(effect);
  if (key !== undefined) {
    if (draft.asked.has(key)) return;
    draft.asked.add(key);
  }
  draft.effects.push(effect);
}

/** Whether this effect was under way; from now on it is not. */
export function answered(draft: Draft, effect: Effect): boolean {
  const key = effectKey(effect);
  return key !== undefined && draft.asked.delete(key);
}

/** Changes one role; giving back the same one changes nothing. */
export function changeRole(draft: Draft, name: string, change: (role: Role) => Role): void {
  const index = draft.body.roles.findIndex((role) => role.name === name);
  const before = draft.body.roles[index];
  if (before === undefined) return;
  const after = change(before);
  if (after !== before) draft.body = { ...draft.body, roles: draft.body.roles.with(index, after) };
}

export function roleNamed(draft: Draft, name: string): Role | undefined {
  return draft.body.roles.find((role) => role.name === name);
}

/** Changes what is remembered; keys that become undefined go, so that rest is empty. */
export function remember(
  draft: Draft,
  change: Partial<{ [K in keyof Progress]: Progress[K] | undefined }>,
): void {
  if (Object.entries(change).every(([key, value]) => draft.progress[key as keyof Progress] === value)) return;
  const kept = Object.entries({ ...draft.progress, ...change }).filter(([, value]) => value !== undefined);
  draft.progress = Object.fromEntries(kept);
}
