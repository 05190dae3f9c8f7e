/** Which value of a VM a name stands for: the four places in their order, and what guests may not supply. */

import { leadingNumber } from "./numbers.ts";
import { PLACES, type Place, type Reference } from "./syntax.ts";

/** A VM as the auto-scaler sees it. */
export interface ObservedVm {
  readonly id: number;
  /** Whether its values count in means: RUNNING, and at rest or powered off as well (seed 003, 1.4.6). */
  readonly counts: boolean;
  /** The text of a single attribute at a place; undefined where there is none, or a vector, or several. */
  attribute(place: Place, name: string): string | undefined;
}

/** Why a value that is there does not count. */
export type IgnoredReason = "no_number" | "not_finite";

export interface IgnoredValue {
  readonly vmId: number;
  readonly place: Place;
  /** Shortened. */
  readonly text: string;
  readonly reason: IgnoredReason;
}

export type Lookup =
  | { readonly kind: "value"; readonly value: number }
  | { readonly kind: "ignored"; readonly ignored: IgnoredValue }
  | { readonly kind: "missing" };

const MISSING: Lookup = { kind: "missing" };
const SHOWN_LENGTH = 40;

/** Where a reference is looked for: a role that declares its guests' metrics takes no other unqualified name from them. */
export function placesOf(
  reference: Reference,
  guestMetrics: ReadonlySet<string> | undefined,
): readonly Place[] {
  if (reference.place !== undefined) return [reference.place];
  const mayGuest = guestMetrics === undefined || guestMetrics.has(reference.name);
  return mayGuest ? PLACES : PLACES.filter((place) => place !== "USER_TEMPLATE");
}

/** The first place that has the name decides, also when what stands there is no number. */
export function lookUp(vm: ObservedVm, name: string, places: readonly Place[]): Lookup {
  for (const place of places) {
    const text = vm.attribute(place, name);
    if (text === undefined) continue;
    const value = leadingNumber(text);
    if (value !== undefined) return { kind: "value", value };
    const reason: IgnoredReason = /^\s*[+-]?[0-9.]/.test(text) ? "not_finite" : "no_number";
    return {
      kind: "ignored",
      ignored: { vmId: vm.id, place, text: text.slice(0, SHOWN_LENGTH), reason },
    };
  }
  return MISSING;
}
