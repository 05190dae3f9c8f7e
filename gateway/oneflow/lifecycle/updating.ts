/** Changes of what a service says of itself, while it runs: an edit by its owner, and the auto-scaler's notes. */

import type { ElasticityPolicy, Role, ScheduledPolicy, ServiceBody } from "../model.ts";
import { changeRole, type Draft } from "./draft.ts";
import type { PolicyNotes } from "./events.ts";
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
  return withCountersOf(present, { ...present, ...Object.fromEntries(wishes), ...Object.fromEntries(kept) });
}

/** Counters are the auto-scaler's: a policy that stays the same keeps its own, and a new one has none. */
function withCountersOf(present: Role, edited: Role): Role {
  if (present.type !== "vm" || edited.type !== "vm") return edited;
  const { elasticity_policies: elastic, scheduled_policies: scheduled } = edited;
  return {
    ...edited,
    ...(elastic && {
      elasticity_policies: noted(elastic.map(ELASTIC.without), present.elasticity_policies ?? [], ELASTIC),
    }),
    ...(scheduled && {
      scheduled_policies: noted(
        scheduled.map(SCHEDULED.without),
        present.scheduled_policies ?? [],
        SCHEDULED,
      ),
    }),
  };
}

/** Only what an evaluation writes, and only on policies that are still the ones that were evaluated. */
export function notePolicies(draft: Draft, notes: ReadonlyMap<string, PolicyNotes>): void {
  for (const [name, { elasticity_policies = [], scheduled_policies = [] }] of notes)
    changeRole(draft, name, (role) => {
      if (role.type !== "vm") return role;
      const { elasticity_policies: elastic, scheduled_policies: scheduled } = role;
      const notedElastic = elastic && noted(elastic, elasticity_policies, ELASTIC);
      const notedScheduled = scheduled && noted(scheduled, scheduled_policies, SCHEDULED);
      if (notedElastic === elastic && notedScheduled === scheduled) return role;
      return {
        ...role,
        ...(notedElastic && { elasticity_policies: notedElastic }),
        ...(notedScheduled && { scheduled_policies: notedScheduled }),
      };
    });
}

function noted<P>(
  present: readonly P[],
  evaluated: readonly P[],
  { same, notesOf, without }: Noting<P>,
): readonly P[] {
  const next = present.map((policy, index) => {
    const after = evaluated[index];
    if (after === undefined || !same(policy, after)) return policy;
    const notes = notesOf(after);
    return JSON.stringify(notes) === JSON.stringify(notesOf(policy))
      ? policy
      : { ...without(policy), ...notes };
  });
  return next.every((policy, index) => policy === present[index]) ? present : next;
}

interface Noting<P> {
  same(one: P, other: P): boolean;
  /** What an evaluation writes. */
  notesOf(policy: P): Partial<P>;
  without(policy: P): P;
}

const ELASTIC: Noting<ElasticityPolicy> = {
  same: (one, other) =>
    one.expression === other.expression && one.type === other.type && one.adjust === other.adjust,
  notesOf: ({ last_eval, true_evals, missing_evals, expression_evaluated }) => ({
    ...(last_eval !== undefined && { last_eval }),
    ...(true_evals !== undefined && { true_evals }),
    ...(missing_evals !== undefined && { missing_evals }),
    ...(expression_evaluated !== undefined && { expression_evaluated }),
  }),
  without: ({ last_eval: _, true_evals: _1, missing_evals: _2, expression_evaluated: _3, ...policy }) =>
    policy,
};

const SCHEDULED: Noting<ScheduledPolicy> = {
  same: (one, other) => one.start_time === other.start_time && one.recurrence === other.recurrence,
  notesOf: ({ last_eval }) => (last_eval === undefined ? {} : { last_eval }),
  without: ({ last_eval: _, ...policy }) => policy,
};
