/** Roles, VMs and looks at them, for tests of elasticity. */

import type { Scaling } from "../../gateway/oneflow/elasticity/contest.ts";
import {
  type DecideSettings,
  type Decision,
  decide,
  withoutCounters,
} from "../../gateway/oneflow/elasticity/decide.ts";
import type { ObservedVm } from "../../gateway/oneflow/elasticity/lookup.ts";
import type { ElasticRole } from "../../gateway/oneflow/elasticity/policy.ts";
import { type ReadingsOptions, RoleReadings } from "../../gateway/oneflow/elasticity/readings.ts";
import type { Recommendation } from "../../gateway/oneflow/elasticity/stabilization.ts";
import type { Place } from "../../gateway/oneflow/elasticity/syntax.ts";
import { createPolicyTexts } from "../../gateway/oneflow/elasticity/texts.ts";

type Attributes = Readonly<Record<string, string>>;

/** A VM with attributes at places; `counts` unless told otherwise. */
export function vm(
  id: number,
  places: { readonly [place in Place]?: Attributes },
  counts = true,
): ObservedVm {
  return { id, counts, attribute: (place, name) => places[place]?.[name] };
}

/** A VM whose guest reported these. */
export function guest(id: number, attributes: Attributes): ObservedVm {
  return vm(id, { USER_TEMPLATE: attributes });
}

export interface ScriptedRole {
  readonly readings: RoleReadings;
  /** As it is now, its counters included. */
  role(): ElasticRole;
  vmIds(): readonly number[];
  /** Decides at a moment (seconds since the epoch), and keeps what is to be kept. */
  look(atS: number, settings?: Partial<DecideSettings>): Decision;
  /** Looks, and lets the life cycle do what is decided, at once: VMs without attributes come, the oldest go. */
  step(atS: number, settings?: Partial<DecideSettings>): Scaling | undefined;
  change(change: Partial<ElasticRole>): void;
}

export function scriptedRole(
  first: Partial<ElasticRole>,
  { zone = "UTC", ...options }: ReadingsOptions & { readonly zone?: string } = {},
): ScriptedRole {
  let role: ElasticRole = { name: "frontend", cardinality: 2, ...first };
  let vmIds: readonly number[] = Array.from({ length: role.cardinality }, (_, index) => index);
  let recommended: readonly Recommendation[] = [];
  let made = role.cardinality;
  const readings = new RoleReadings(options);
  const texts = createPolicyTexts(zone);

  const look = (atS: number, settings: Partial<DecideSettings> = {}): Decision => {
    const given = { role, vmIds, recommended };
    const decision = decide(given, readings, atS * 1000, { texts, defaultCooldown: 300, ...settings });
    role = { ...role, ...decision.noted };
    recommended = decision.recommended;
    return decision;
  };
  const scale = ({ cardinality, firstToGo }: Scaling): void => {
    const order = [...new Set([...firstToGo, ...vmIds])];
    const gone = order.slice(0, Math.max(0, vmIds.length - cardinality));
    for (const id of gone) readings.remove(id);
    const kept = vmIds.filter((id) => !gone.includes(id));
    vmIds = [...kept, ...Array.from({ length: cardinality - kept.length }, () => made++)];
    for (const id of vmIds.slice(kept.length)) readings.set(guest(id, {}));
    role = { ...role, cardinality, elasticity_policies: withoutCounters(role.elasticity_policies ?? []) };
    recommended = [];
  };
  for (const id of vmIds) readings.set(guest(id, {}));
  return {
    readings,
    role: () => role,
    vmIds: () => vmIds,
    look,
    step(atS, settings) {
      const { scaling } = look(atS, settings);
      if (scaling !== undefined) scale(scaling);
      return scaling;
    },
    change(change) {
      role = { ...role, ...change };
    },
  };
}
