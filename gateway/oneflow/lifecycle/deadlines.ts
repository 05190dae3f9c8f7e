/** Until when a step may take, so that nothing waits for ever; and in which words it is given up. */

import type { Role } from "../model.ts";
import { type Draft, remember } from "./draft.ts";
import type { VmSight } from "./events.ts";

/** A role's step begins now. */
export function setDeadline(draft: Draft, role: string): void {
  const { now, stepTimeout } = draft.context;
  const others = otherDeadlines(draft, role);
  if (stepTimeout > 0) remember(draft, { deadlines: [...others, { role, at: now + stepTimeout }] });
  else clearDeadline(draft, role);
}

export function clearDeadline(draft: Draft, role: string): void {
  const others = otherDeadlines(draft, role);
  if (others.length < (draft.progress.deadlines ?? []).length)
    remember(draft, { deadlines: others.length === 0 ? undefined : others });
}

export function isLate(draft: Draft, role: string): boolean {
  const { now } = draft.context;
  return (draft.progress.deadlines ?? []).some((deadline) => deadline.role === role && now >= deadline.at);
}

export function setNetworksDeadline(draft: Draft): void {
  const { now, stepTimeout } = draft.context;
  remember(draft, { networksDeadline: stepTimeout > 0 ? now + stepTimeout : undefined });
}

export function areNetworksLate(draft: Draft): boolean {
  const { networksDeadline } = draft.progress;
  return networksDeadline !== undefined && draft.context.now >= networksDeadline;
}

/** A step that goes on without one, in a service of another house or one written by hand, gets one now. */
export function ensureDeadline(draft: Draft, role: string): void {
  if (draft.context.stepTimeout === 0) return;
  if (draft.progress.deadlines?.some((deadline) => deadline.role === role) !== true) setDeadline(draft, role);
}

/** The same of networks. */
export function ensureNetworksDeadline(draft: Draft): void {
  if (draft.progress.networksDeadline === undefined) setNetworksDeadline(draft);
}

/** Steps that were under way when the process ended get their whole time again: the house waited, not they. */
export function forgetDeadlines(draft: Draft): void {
  remember(draft, { deadlines: undefined, networksDeadline: undefined });
}

/** `VM 5 of role worker is POWEROFF after 3600 s: recover or delete the service.` */
export function lateSentence(draft: Draft, role: Role, waitsFor: VmSight | undefined): string {
  const time = `after ${draft.context.stepTimeout / 1000} s: recover or delete the service.`;
  if (waitsFor === undefined) return `Role ${role.name} waits for VMs that are being made ${time}`;
  const { vmId, stateName, condition, ready } = waitsFor;
  const unready = condition === "running" && !ready && draft.body.ready_status_gate === true;
  return `VM ${vmId} of role ${role.name} is ${stateName}${unready ? " without READY=YES" : ""} ${time}`;
}

function otherDeadlines(draft: Draft, role: string): readonly { role: string; at: number }[] {
  return (draft.progress.deadlines ?? []).filter((deadline) => deadline.role !== role);
}
