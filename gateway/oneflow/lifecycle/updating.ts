/** Changes of what a service says of itself, while it runs: an edit by its owner, and the auto-scaler's notes. */

import type { ElasticityPolicy, Role, ScheduledPolicy, ServiceBody } from "../model.ts";
import { changeRole, type Draft } from "./draft.ts";
import type { ServiceCommand } from "./events.ts";
import { refuseState } from "./refusal.ts";
import { serviceIs } from "./roles.ts";

/**
 * The editor read the body some time ago: what the life cycle writes is kept as it is now, and so is every role that the edit
 * does not name.
 *
 * @throws GatehouseError `wrong_state` while anything is under way or failed.
 */
export function updateBody(draft: Draft, edited: ServiceBody): void {
  if (!serviceIs(draft, "PENDING", "RUNNING", "WARNING", "HOLD", "DONE")) refuseState(draft, "updated");
  const { body } = draft;
  const roles = body.roles.map((present) => {
    const wanted = edited.roles.find(({ name }) => name === present.name);
    return wanted === undefined ? present : editedRole(present, wanted);
  });
  const { log: _log, networks_values: _values, ...wishes } = edited;
  draft.body = {
    ...wishes,
    roles,
    name: body.name,
    state: body.state,
    start_time: body.start_time,
    ...(body.networks_values && { networks_values: body.networks_values }),
    ...(body.log && { log: body.log }),
  };
}

const KEPT = [
  "state",
  "nodes",
  "last_vmname",
  "cardinality",
  "on_hold",
  "parents",
  "template_id",
  "scale_way",
  "vrouter_id",
  "vrouter_ips",
] as const;

function editedRole(present: Role, wanted: Role): Role {
  if (present.type !== wanted.type) return present;
  const kept = Object.entries(present).filter(([key]) => KEPT.some((name) => name === key));
  const wishes = Object.entries(wanted).filter(([key]) => !KEPT.some((name) => name === key));
  return { ...present, ...Object.fromEntries(wishes), ...Object.fromEntries(kept) };
}

type Notes = Extract<ServiceCommand, { kind: "note_policies" }>["roles"];

/** Only what an evaluation writes, and only on policies that are still the ones that were evaluated. */
export function notePolicies(draft: Draft, notes: Notes): void {
  for (const [name, { elasticity_policies = [], scheduled_policies = [] }] of notes)
    changeRole(draft, name, (role) => {
      if (role.type !== "vm") return role;
      const elastic = noted(role.elasticity_policies, elasticity_policies, sameElastic, elasticNotes);
      const scheduled = noted(role.scheduled_policies, scheduled_policies, sameScheduled, scheduledNotes);
      if (elastic === role.elasticity_policies && scheduled === role.scheduled_policies) return role;
      return {
        ...role,
        ...(elastic && { elasticity_policies: elastic }),
        ...(scheduled && { scheduled_policies: scheduled }),
      };
    });
}

function noted<P>(
  present: readonly P[] | undefined,
  evaluated: readonly P[],
  same: (one: P, other: P) => boolean,
  notesOf: (policy: P) => Partial<P>,
): readonly P[] | undefined {
  if (present === undefined) return undefined;
  const next = present.map((policy, index) => {
    const after = evaluated[index];
    if (after === undefined || !same(policy, after)) return policy;
    const notes = notesOf(after);
    return JSON.stringify(notes) === JSON.stringify(notesOf(policy)) ? policy : { ...policy, ...notes };
  });
  return next.every((policy, index) => policy === present[index]) ? present : next;
}

function sameElastic(one: ElasticityPolicy, other: ElasticityPolicy): boolean {
  return one.expression === other.expression && one.type === other.type && one.adjust === other.adjust;
}

function elasticNotes(policy: ElasticityPolicy): Partial<ElasticityPolicy> {
  const { last_eval, true_evals, expression_evaluated } = policy;
  return {
    ...(last_eval !== undefined && { last_eval }),
    ...(true_evals !== undefined && { true_evals }),
    ...(expression_evaluated !== undefined && { expression_evaluated }),
  };
}

function sameScheduled(one: ScheduledPolicy, other: ScheduledPolicy): boolean {
  return one.start_time === other.start_time && one.recurrence === other.recurrence;
}

function scheduledNotes({ last_eval }: ScheduledPolicy): Partial<ScheduledPolicy> {
  return last_eval === undefined ? {} : { last_eval };
}
