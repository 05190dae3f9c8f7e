/** Operations that only some phases allow. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Vm } from "../model.ts";
import { type Phase, phaseOf } from "./vm-machine.ts";

/** @throws GatehouseError `wrong_state`. */
export function requirePhase(vm: Vm, operation: string, phases: readonly Phase[]): void {
  if (!phases.some((phase) => phase === phaseOf(vm))) throw wrongState(operation, vm, phases);
}

/** OpenNebula's sentence. */
export function wrongState(operation: string, vm: Vm, allowed: readonly Phase[]): GatehouseError {
  return new GatehouseError(
    "wrong_state",
    `Error performing action "${operation}": This action is not available for state ${phaseOf(vm)} (only for ${allowed.join(", ")}).`,
  );
}
