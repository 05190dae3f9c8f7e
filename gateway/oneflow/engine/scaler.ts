/** OneGate's scale route over the life cycle of this house. */

import type { ServiceScaler } from "../directory.ts";
import type { OneFlow } from "./oneflow.ts";

export function createScaler(oneflow: Pick<OneFlow, "command">): ServiceScaler {
  return {
    async scale(actor, serviceId, role, cardinality) {
      await oneflow.command(actor, serviceId, { kind: "scale", role, cardinality, force: false });
    },
  };
}
