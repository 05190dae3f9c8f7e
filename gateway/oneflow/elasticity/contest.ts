/** Where the policies of a role ask for a cardinality, and the first that may have it wins. */

import { limitRefusal } from "./adjust.ts";
import type { Prevention } from "./explanation.ts";
import type { ElasticRole, Mode } from "./policy.ts";
import type { Readings } from "./readings.ts";
import { chooseScaleIn } from "./scale-in.ts";
import { noteRecommendation, type Recommendation, stabilized } from "./stabilization.ts";

/** A role that runs, or may. */
export interface ScalingRole {
  readonly role: ElasticRole;
  /** All its VMs, the oldest first. */
  readonly vmIds: readonly number[];
  /** What the last decision gave; empty after a start and after each scaling. */
  readonly recommended: readonly Recommendation[];
  /** Why nothing may happen now: the service is not RUNNING, perhaps until a moment (seconds since the epoch). */
  readonly blocked?: { readonly state: string; readonly until?: number | undefined } | undefined;
}

/** What is to be asked of the life cycle. */
export interface Scaling {
  readonly cardinality: number;
  /** Seconds; 0 when only `min_vms` is restored. */
  readonly cooldown: number;
  /** VMs that go first when it shrinks; empty: the oldest. */
  readonly firstToGo: readonly number[];
  /** `index` into the role's list of that kind. */
  readonly by:
    | { readonly kind: "scheduled" | "elasticity"; readonly index: number }
    | { readonly kind: "min_vms" };
}

/** What a policy that fires asks for. */
export interface Asked {
  readonly by: Scaling["by"];
  readonly cardinality: number;
  readonly cooldown: number;
  readonly mode: Mode;
  readonly isStabilized: boolean;
}

export class Contest {
  readonly #given: ScalingRole;
  readonly #role: ElasticRole;
  readonly #readings: Readings;
  readonly #nowS: number;
  #recommended: readonly Recommendation[];
  #isRecommended = false;
  #scaling: Scaling | undefined;

  constructor(given: ScalingRole, readings: Readings, nowS: number) {
    this.#given = given;
    this.#role = given.role;
    this.#readings = readings;
    this.#nowS = nowS;
    this.#recommended = given.recommended;
  }

  /** What won; undefined: nothing has yet. */
  get scaling(): Scaling | undefined {
    return this.#scaling;
  }

  /**
   * What the policies asked for so far, this look included. `rested`: some policy was within its period, so that
   * nothing being asked for does not mean that it would not be.
   */
  recommended(rested: boolean): readonly Recommendation[] {
    const isUnsaid = rested && this.#recommended.length > 0;
    if (this.#given.blocked === undefined && !isUnsaid) this.#recommend(this.#role.cardinality);
    return this.#recommended;
  }

  /** A policy that fires asks for its cardinality. Undefined: it gets it. */
  ask(asked: Asked): Prevention | undefined {
    const { cardinality } = this.#role;
    if (asked.cardinality === cardinality) return { reason: "same_cardinality" };
    const sentence = limitRefusal(this.#role, asked.cardinality);
    if (sentence !== undefined) return { reason: "limit", sentence };
    if (asked.mode === "observe") return { reason: "observed_only" };
    const agreed = asked.isStabilized ? this.#stabilized(asked.cardinality) : asked.cardinality;
    if (agreed === cardinality) return this.#heldBack(asked.cardinality);
    return this.#win(asked, agreed);
  }

  #win(asked: Asked, agreed: number): Prevention | undefined {
    const { cardinality } = this.#role;
    const { by, cooldown } = asked;
    const shrinking = Math.max(0, cardinality - agreed);
    const { count, firstToGo, protectedIds } = this.#scaleIn(shrinking);
    if (shrinking > 0 && count === 0) return { reason: "protected", vmIds: protectedIds };
    const reached = shrinking > 0 ? cardinality - count : agreed;
    this.#scaling = { cardinality: reached, cooldown, firstToGo, by };
    return undefined;
  }

  #scaleIn(shrinking: number): ReturnType<typeof chooseScaleIn> {
    if (shrinking === 0) return { count: 0, firstToGo: [], protectedIds: [] };
    return chooseScaleIn(this.#role, this.#given.vmIds, shrinking, this.#readings);
  }

  #windowOf(to: number): number {
    const { cardinality, stabilization_up = 0, stabilization_down = 0 } = this.#role;
    return to > cardinality ? stabilization_up : stabilization_down;
  }

  #stabilized(to: number): number {
    this.#recommend(to);
    const window = this.#windowOf(to);
    if (window === 0) return to;
    return stabilized(this.#role.cardinality, to, this.#recommended, this.#nowS - window);
  }

  #heldBack(to: number): Prevention {
    const direction = to > this.#role.cardinality ? "up" : "down";
    return { reason: "stabilization", direction, windowSeconds: this.#windowOf(to) };
  }

  /** What the policies ask for at this look: the first of them that wants a change, else what there is. */
  #recommend(to: number): void {
    if (this.#isRecommended) return;
    this.#isRecommended = true;
    const { cardinality } = this.#role;
    const kept = this.#longestWindow();
    if (kept === 0) return;
    const at = this.#nowS;
    const known = this.#recommended.length > 0 ? this.#recommended : [{ at, cardinality }];
    this.#recommended = noteRecommendation(known, { at, cardinality: to }, kept);
  }

  #longestWindow(): number {
    const { stabilization_up = 0, stabilization_down = 0 } = this.#role;
    return Math.max(stabilization_up, stabilization_down);
  }

  restoreMinimum(): boolean {
    const { cardinality, min_vms } = this.#role;
    if (min_vms === undefined || cardinality >= min_vms) return false;
    if (this.#scaling !== undefined) return false;
    this.#scaling = { cardinality: min_vms, cooldown: 0, firstToGo: [], by: { kind: "min_vms" } };
    return true;
  }
}
