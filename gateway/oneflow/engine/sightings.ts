/** What was seen of a service's VMs and not yet told to its life cycle: of each VM the newest. */

import type { FlowEvent, VmSight } from "../lifecycle/events.ts";
import { sameSight } from "./sight.ts";

export class Sightings {
  readonly #seen = new Map<number, VmSight>();
  /** VMs that were made, of which `vm_made` has not been posted: what is seen of them waits for that. */
  readonly #expected = new Set<number>();

  expect(vmId: number): void {
    this.#expected.add(vmId);
  }

  /** The event is posted that tells of VMs that were made. */
  told(event: FlowEvent): void {
    if (event.kind === "vm_made") this.#expected.delete(event.sight.vmId);
    if (event.kind === "router_filled") for (const { sight } of event.vms) this.#expected.delete(sight.vmId);
  }

  /** @param known what the life cycle was last told. @returns whether that is news. */
  see(sight: VmSight, known: VmSight | undefined): boolean {
    const last = this.#seen.get(sight.vmId) ?? known;
    if (last !== undefined && sameSight(last, sight)) return false;
    this.#seen.set(sight.vmId, sight);
    return true;
  }

  hasNews(): boolean {
    for (const vmId of this.#seen.keys()) if (!this.#expected.has(vmId)) return true;
    return false;
  }

  take(): readonly VmSight[] {
    const taken = [...this.#seen.values()].filter(({ vmId }) => !this.#expected.has(vmId));
    for (const { vmId } of taken) this.#seen.delete(vmId);
    return taken;
  }
}
