/** Whom the drivers trust: the users that their `trusted_users` name, as ids. */

import type { Logger } from "../../shared/log.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";

/** A name that nobody bears is logged, not refused: its user may be made later, and counts after the next start. */
export async function trustedUids(
  cloud: Pick<Cloud, "users">,
  { setting, names }: { readonly setting: string; readonly names: readonly string[] },
  log: Logger,
): Promise<readonly number[]> {
  const users = await cloud.users.list(SYSTEM);
  return names.flatMap((name) => {
    const user = users.find((candidate) => candidate.name === name);
    if (user === undefined) log.warn({ user: name }, `${setting} names a user that is not there`);
    return user === undefined ? [] : [user.id];
  });
}
