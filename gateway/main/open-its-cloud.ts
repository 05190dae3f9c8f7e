/** The cloud that a house stands before: its own, or a real OpenNebula. */

import type { EmbeddedCloud } from "../cloud/embedded/embedded-cloud.ts";
import type { OpenNebulaCloud } from "../cloud/opennebula/opennebula-cloud.ts";
import type { Config } from "../config.ts";
import { type OpenCloudOptions, openCloud } from "./open-cloud.ts";
import { openOpenNebula } from "./open-opennebula.ts";
import type { ServerIdentity } from "./server-proof.ts";

export interface ItsCloud {
  readonly cloud: EmbeddedCloud | OpenNebulaCloud;
  /** Undefined before a real OpenNebula. */
  readonly embedded: EmbeddedCloud | undefined;
  /** Undefined before a cloud of its own. */
  readonly remote: OpenNebulaCloud | undefined;
}

/** `identity` is who the house is to an OpenNebula; undefined: it has a cloud of its own. @throws as openCloud. */
export async function openItsCloud(
  config: Config,
  options: OpenCloudOptions,
  identity: ServerIdentity | undefined,
): Promise<ItsCloud> {
  if (identity === undefined) {
    const embedded = await openCloud(config, options);
    return { cloud: embedded, embedded, remote: undefined };
  }
  const { clock, log } = options;
  const remote = await openOpenNebula(config, { server: identity.server, clock, log });
  return { cloud: remote, embedded: undefined, remote };
}
