/** Replays recorded metrics under a virtual clock, and tells how a service would have scaled. Pure. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Scaling } from "./contest.ts";
import { type DecideSettings, decide, withoutCounters } from "./decide.ts";
import type { RoleExplanation } from "./explanation.ts";
import type { RecordedMetric } from "./metrics-csv.ts";
import type { ElasticRole } from "./policy.ts";
import { RoleReadings } from "./readings.ts";
import { type Recording, recordingOf } from "./recording.ts";
import type { Recommendation } from "./stabilization.ts";
import type { PolicyTexts } from "./texts.ts";

export interface SimulationOptions {
  readonly texts: PolicyTexts;
  readonly defaultCooldown: number;
  /** Seconds between two looks. */
  readonly interval: number;
  /** ms since the epoch; undefined: the first and the last recorded moment. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** How long VMs take to come or go, in seconds; 0 when undefined. */
  readonly scalingSeconds?: number | undefined;
}

/** One look at a role. */
export interface SimulationStep {
  /** ms since the epoch. */
  readonly at: number;
  readonly role: string;
  /** Before the scaling of this step. */
  readonly cardinality: number;
  readonly state: "RUNNING" | "SCALING" | "COOLDOWN";
  /** Undefined: it stayed as it was. */
  readonly scaling: Scaling | undefined;
  readonly explanation: RoleExplanation;
}

export interface SimulatedRole {
  readonly name: string;
  /** The cardinality from each moment (ms since the epoch) on. */
  readonly cardinalities: readonly { readonly at: number; readonly cardinality: number }[];
}

export interface Simulation {
  readonly steps: readonly SimulationStep[];
  readonly roles: readonly SimulatedRole[];
}

const MAX_STEPS = 1_000_000;

/**
 * As in a service: one role scales at a time, and the others wait until it has cooled down. The recorded VMs are the
 * first of their role; VMs that the simulation adds say only what was recorded of all.
 * @throws GatehouseError `bad_request` when there is nothing to replay, or too much.
 */
export function simulate(
  roles: readonly ElasticRole[],
  metrics: readonly RecordedMetric[],
  options: SimulationOptions,
): Simulation {
  const simulated = roles.map((role) => new RoleInTime(role, recordingOf(metrics, role.name)));
  const { from, to, step } = spanOf(simulated, options);
  const settings = { ...options, pace: options.interval, thorough: true };
  const steps: SimulationStep[] = [];
  let busy: Busy = { scalingUntil: from, cooldownUntil: from };
  for (let at = from; at <= to; at += step) {
    for (const role of simulated) {
      const looked = role.look(at, busy, settings);
      steps.push(looked);
      if (looked.scaling === undefined) continue;
      const scalingUntil = at + (options.scalingSeconds ?? 0) * 1000;
      busy = { scalingUntil, cooldownUntil: scalingUntil + looked.scaling.cooldown * 1000 };
      // The others of this look already find the service scaling, however short it is.
      if (busy.cooldownUntil === at) busy = { ...busy, cooldownUntil: at + 1 };
    }
  }
  return { steps, roles: simulated.map((role) => role.told(from)) };
}

interface Busy {
  readonly scalingUntil: number;
  readonly cooldownUntil: number;
}

function spanOf(
  roles: readonly RoleInTime[],
  { fromMs, toMs, interval }: SimulationOptions,
): { readonly from: number; readonly to: number; readonly step: number } {
  const ends = roles.flatMap(({ recording: { moments } }) => [moments.at(0), moments.at(-1)]);
  const recorded = ends.filter((moment) => moment !== undefined);
  const from = fromMs ?? Math.min(...recorded);
  const to = toMs ?? Math.max(...recorded);
  if (!Number.isFinite(from) || !Number.isFinite(to) || to < from) {
    throw new GatehouseError(
      "bad_request",
      "There is nothing to replay: no metric of a role, and no span of time.",
    );
  }
  const step = interval * 1000;
  if (!(step > 0) || ((to - from) / step) * roles.length > MAX_STEPS) {
    throw new GatehouseError(
      "bad_request",
      `A look each ${interval} s from ${new Date(from).toISOString()} to ${new Date(to).toISOString()} is no simulation; allowed are ${MAX_STEPS} looks.`,
    );
  }
  return { from, to, step };
}

/** A role as it changes while time goes on. */
class RoleInTime {
  readonly recording: Recording;
  readonly #readings: RoleReadings;
  readonly #cardinalities: { at: number; cardinality: number }[] = [];
  #role: ElasticRole;
  #vmIds: readonly number[] = [];
  #made = 0;
  #recommended: readonly Recommendation[] = [];
  #nowMs = 0;

  constructor(role: ElasticRole, recording: Recording) {
    this.#role = role;
    this.recording = recording;
    this.#readings = new RoleReadings({
      guestMetrics: role.guest_metrics,
      history: (id, key, sinceMs) => recording.history(id, key, sinceMs, this.#nowMs),
    });
    this.#resize(role.cardinality, []);
  }

  look(at: number, busy: Busy, settings: DecideSettings): SimulationStep {
    this.#nowMs = at;
    for (const id of this.#vmIds) this.#readings.set(this.recording.vm(id, id, at));
    const role = this.#role;
    const state = at < busy.scalingUntil ? "SCALING" : at < busy.cooldownUntil ? "COOLDOWN" : "RUNNING";
    const blocked = state === "RUNNING" ? undefined : { state, until: Math.ceil(busy.cooldownUntil / 1000) };
    const given = { role, vmIds: this.#vmIds, recommended: this.#recommended, blocked };
    const { scaling, noted, recommended, explanation } = decide(given, this.#readings, at, settings);
    this.#role = { ...role, ...noted };
    this.#recommended = recommended;
    if (scaling !== undefined) this.#scale(at, scaling);
    return { at, role: role.name, cardinality: role.cardinality, state, scaling, explanation };
  }

  told(from: number): SimulatedRole {
    const first = { at: from, cardinality: this.#cardinalities[0]?.cardinality ?? this.#role.cardinality };
    return { name: this.#role.name, cardinalities: [first, ...this.#cardinalities.slice(1)] };
  }

  #scale(at: number, { cardinality, firstToGo }: Scaling): void {
    this.#nowMs = at;
    const policies = withoutCounters(this.#role.elasticity_policies ?? []);
    this.#role = { ...this.#role, cardinality, elasticity_policies: policies };
    this.#recommended = [];
    this.#resize(cardinality, firstToGo);
  }

  /** A VM's number is its place among all that the role ever had. */
  #resize(cardinality: number, firstToGo: readonly number[]): void {
    const surplus = this.#vmIds.length - cardinality;
    const order = [...new Set([...firstToGo, ...this.#vmIds])];
    const gone = new Set(order.slice(0, Math.max(0, surplus)));
    for (const id of gone) this.#readings.remove(id);
    const added = Array.from({ length: Math.max(0, -surplus) }, () => this.#made++);
    this.#vmIds = [...this.#vmIds.filter((id) => !gone.has(id)), ...added];
    this.#cardinalities.push({ at: this.#nowMs, cardinality });
  }
}
