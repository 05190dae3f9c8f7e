/** What functions over time go by: the samples of a role's VMs as they report, and after a start what history has of them. */

import type { History } from "../../../shared/monitor/history.ts";
import type { CloudMonitoring } from "../../cloud/monitoring.ts";
import { type ObservedVm, placesOf } from "../elasticity/lookup.ts";
import { leadingNumber } from "../elasticity/numbers.ts";
import type { ElasticityPolicy } from "../elasticity/policy.ts";
import { plainKey } from "../elasticity/readings.ts";
import {
  createRecentSamples,
  type RecentSamples,
  type Sample,
  type SampleHistory,
} from "../elasticity/samples.ts";
import type { Place, Reference } from "../elasticity/syntax.ts";
import type { PolicyTexts } from "../elasticity/texts.ts";

/** Who has just spoken of a VM: its guest, or the agent of its host. */
export interface Spoken {
  readonly guest: boolean;
  readonly agent: boolean;
}

export class RoleSamples {
  /** By their keys, without the function. */
  readonly #references: ReadonlyMap<string, Reference>;
  readonly #keptMs: number;
  readonly #guestMetrics: ReadonlySet<string> | undefined;
  readonly #samples: RecentSamples;

  private constructor(
    references: readonly Reference[],
    keptMs: number,
    guestMetrics: readonly string[] | undefined,
  ) {
    this.#references = new Map(references.map((reference) => [plainKey(reference), reference]));
    this.#keptMs = keptMs;
    this.#guestMetrics = guestMetrics && new Set(guestMetrics.map((name) => name.toUpperCase()));
    this.#samples = createRecentSamples(keptMs);
  }

  /** Undefined where no policy looks back. */
  static of(
    policies: readonly ElasticityPolicy[],
    guestMetrics: readonly string[] | undefined,
    texts: PolicyTexts,
  ): RoleSamples | undefined {
    const references = policies.flatMap(({ expression }) => {
      const parsed = texts.expression(expression);
      return parsed.kind === "parsed" ? parsed.value.references.filter(({ over }) => over) : [];
    });
    const seconds = references.map(({ over }) => over?.seconds ?? 0);
    if (references.length === 0) return undefined;
    return new RoleSamples(references, Math.max(...seconds) * 1000, guestMetrics);
  }

  get history(): SampleHistory {
    return this.#samples.history;
  }

  /** Notes what was said by whoever has just spoken; what is only still there is no new sample. */
  note(vm: ObservedVm, { guest, agent }: Spoken, nowMs: number): void {
    for (const [key, reference] of this.#references) {
      const place = this.#placeOf(vm, reference);
      const isNew = place === "MONITORING" ? agent : guest;
      const value = place && isNew ? leadingNumber(vm.attribute(place, reference.name) ?? "") : undefined;
      if (value !== undefined) this.#samples.note(vm.id, key, { at: nowMs, value });
    }
  }

  forget(vmId: number): void {
    this.#samples.forget(vmId);
  }

  /** What was measured before the start. A history that cannot be read is none. */
  async preload(
    vm: ObservedVm,
    nowMs: number,
    monitoring: Pick<CloudMonitoring, "vmHistory">,
  ): Promise<void> {
    const wanted = [...this.#references].filter(
      ([, reference]) =>
        (reference.place ?? "MONITORING") === "MONITORING" &&
        this.#placeOf(vm, reference) !== "USER_TEMPLATE",
    );
    if (wanted.length === 0) return;
    const to = Math.floor(nowMs / 1000);
    const from = to - Math.ceil(this.#keptMs / 1000);
    const history = await monitoring.vmHistory(vm.id, { from, to, resolution: "raw" }).catch(() => undefined);
    if (history === undefined) return;
    for (const [key, { name }] of wanted) {
      for (const sample of samplesIn(history, name)) this.#samples.note(vm.id, key, sample);
    }
  }

  #placeOf(vm: ObservedVm, reference: Reference): Place | undefined {
    const places = placesOf(reference, this.#guestMetrics);
    return places.find((place) => vm.attribute(place, reference.name) !== undefined);
  }
}

function samplesIn(history: History, name: string): readonly Sample[] {
  if (history.resolution !== "raw") return [];
  return history.points.flatMap(({ at, names, values }) => {
    const index = names.indexOf(name);
    const value = index < 0 ? undefined : leadingNumber(String(values[index]));
    return value === undefined ? [] : [{ at: at * 1000, value }];
  });
}
