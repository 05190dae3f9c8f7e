/** Who asks something of a cloud. */

import type { User } from "./model.ts";

/** Who asks. `uid` 0 and members of group 0 (oneadmin) may do everything. */
export interface Actor {
  readonly uid: number;
  readonly name: string;
  readonly gid: number;
  readonly gids: readonly number[];
}

/** The house itself. */
export const SYSTEM: Actor = { uid: 0, name: "oneadmin", gid: 0, gids: [0] };

/** Who a user acts as, with all groups. */
export function actorOf({ id, name, gid, gids }: User): Actor {
  return { uid: id, name, gid, gids };
}
