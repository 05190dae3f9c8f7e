/** Who may run programs on this machine: the users that `cloud.process.trusted_users` names, as ids. */

import type { Logger } from "../../shared/log.ts";
import { type Cloud, SYSTEM } from "../cloud/cloud.ts";
import type { Config } from "../config.ts";

/** A name that nobody bears is logged, not refused: its user may be made later, and counts after the next start. */
export async function trustedUids(
  cloud: Pick<Cloud, "users">,
  config: Config,
  log: Logger,
): Promise<readonly number[]> {
  const users = await cloud.users.list(SYSTEM);
  return config.cloud.process.trusted_users.flatMap((name) => {
    const user = users.find((candidate) => candidate.name === name);
    if (user === undefined)
      log.warn({ user: name }, "cloud.process.trusted_users names a user that is not there");
    return user === undefined ? [] : [user.id];
  });
}
