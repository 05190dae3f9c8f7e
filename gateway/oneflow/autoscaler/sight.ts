/** What the API asks of the auto-scaler. */

import type { Document } from "../../cloud/model.ts";
import type { RoleExplanation } from "../elasticity/explanation.ts";

export interface ExplainedRole extends RoleExplanation {
  /** When it is looked at next unless something is heard before, in seconds since the epoch; undefined: only then. */
  readonly nextLook: number | undefined;
}

export interface ServiceExplanation {
  readonly service: number;
  readonly name: string;
  /** RUNNING, COOLDOWN, ... */
  readonly state: string;
  /** Seconds since the epoch. */
  readonly at: number;
  readonly roles: readonly ExplainedRole[];
}

export interface ScalingSight {
  /** A service's document with what is noted of its policies in memory alone. */
  present(document: Document): Document;
  /**
   * Why each role of a service of VMs scales, or does not; nothing is changed by it.
   * @param roleName the only one
   * @throws GatehouseError `not_found` for a role that there is not
   */
  explain(document: Document, roleName?: string): Promise<ServiceExplanation>;
}
