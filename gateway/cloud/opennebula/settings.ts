/** What a house must be told of the OpenNebula that it stands before. */

import type { Clock } from "../../../shared/clock.ts";
import type { Logger } from "../../../shared/log.ts";
import type { ServerCredentials } from "../access/server-session.ts";

export interface OpenNebulaTimes {
  /** What `peek` gives was read, or seen unchanged, at most so long ago; 0: it gives nothing. */
  readonly cacheMs: number;
  /** Between two looks at all VMs, documents, networks, routers and hosts, while somebody listens. */
  readonly pollMs: number;
  /** Between two looks at the latest readings of all VMs, while somebody listens; 0: never. */
  readonly monitoringMs: number;
  /** For one call's answer, whole. */
  readonly timeoutMs: number;
  /** How long what a call of unknown outcome would have made is looked for. */
  readonly settleMs: number;
}

export const DEFAULT_TIMES: OpenNebulaTimes = {
  cacheMs: 2_000,
  pollMs: 2_000,
  monitoringMs: 30_000,
  timeoutMs: 30_000,
  settleMs: 5_000,
};

export interface OpenNebulaOptions extends Partial<OpenNebulaTimes> {
  /** `http://frontend:2633/RPC2` */
  readonly endpoint: string;
  /** Who may speak for its users: serveradmin. */
  readonly server: ServerCredentials;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where oned's hook manager publishes, as `tcp://127.0.0.1:2101`: changes are then seen at once. */
  readonly hooks?: string | undefined;
  /** Calls that the core has to work on at the same time; the rest waits. */
  readonly maxCalls?: number;
}
