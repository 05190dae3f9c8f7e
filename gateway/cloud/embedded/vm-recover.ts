/** What an administrator may do with a VM that is stuck: try again what failed, or end it whatever it does. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Vm } from "../model.ts";
import type { RecoverOperation } from "../pools/vm-pool.ts";
import { nextPhase, type Phase, phaseOf } from "./vm-machine.ts";

/** The work that each failure is left over from. */
const RETRIED: { readonly [phase in Phase]?: Phase } = {
  BOOT_FAILURE: "BOOT",
  BOOT_STOPPED_FAILURE: "BOOT_STOPPED",
  BOOT_UNDEPLOY_FAILURE: "BOOT_UNDEPLOY",
  EPILOG_FAILURE: "EPILOG",
  EPILOG_STOP_FAILURE: "EPILOG_STOP",
  EPILOG_UNDEPLOY_FAILURE: "EPILOG_UNDEPLOY",
};

function isRetried(phase: string): phase is keyof typeof RETRIED {
  return phase in RETRIED;
}

/**
 * Where a recover operation leads.
 * @throws GatehouseError `wrong_state` when there is nothing to recover, `bad_request` for operations that only make
 *   sense with drivers whose outcome an administrator must guess; here a driver always tells.
 */
export function recoverPhase(vm: Vm, operation: RecoverOperation): Phase {
  const phase = phaseOf(vm);
  if (operation !== "retry" && operation !== "delete")
    throw new GatehouseError(
      "bad_request",
      `Recover operation "${operation}" is not available here: retry and delete are.`,
    );
  const next =
    operation === "delete" ? nextPhase(vm, "terminate-hard") : isRetried(phase) ? RETRIED[phase] : undefined;
  if (next === undefined)
    throw new GatehouseError(
      "wrong_state",
      `Recover operation ${operation} is not available for state ${phase}.`,
    );
  return next;
}
