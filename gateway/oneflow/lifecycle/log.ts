/** A service's log, and the two changes of state that it tells of. */

import { ROLE_STATE, roleStateName } from "../../../shared/states/role.ts";
import { SERVICE_STATE, serviceStateName } from "../../../shared/states/service.ts";
import { changeRole, type Draft, roleNamed } from "./draft.ts";
import type { LogTopic } from "./effects.ts";

/** Entries that a document keeps (spec oneflow-lifecycle.md 1). */
export const MAX_LOG_ENTRIES = 50;

/** In the document and in the log file. */
export function log(draft: Draft, topic: LogTopic, severity: "I" | "E", message: string): void {
  const entry = { timestamp: Math.floor(draft.context.now / 1000), severity, message };
  const kept = (draft.body.log ?? []).slice(1 - MAX_LOG_ENTRIES);
  draft.body = { ...draft.body, log: [...kept, entry] };
  note(draft, topic, severity, message);
}

/** In the log file alone. */
export function note(draft: Draft, topic: LogTopic, severity: "I" | "E", message: string): void {
  draft.effects.push({ kind: "note", topic, severity, message });
}

export type ServiceStateName = keyof typeof SERVICE_STATE;
export type RoleStateName = keyof typeof ROLE_STATE;

export function enterState(draft: Draft, name: ServiceStateName): void {
  const state = SERVICE_STATE[name];
  if (draft.body.state === state) return;
  draft.body = { ...draft.body, state };
  log(draft, "SER", "I", `New state: ${serviceStateName(state)}`);
}

export function enterRoleState(draft: Draft, role: string, name: RoleStateName): void {
  const state = ROLE_STATE[name];
  if (roleNamed(draft, role)?.state === state) return;
  changeRole(draft, role, (before) => ({ ...before, state }));
  note(draft, "ROL", "I", `Role ${role} new state: ${roleStateName(state)}`);
}
