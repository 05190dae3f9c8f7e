/** What the wires of a house share: the virtual networks between them, the house's time, and its memory. */

import type { Clock } from "../../../../shared/clock.ts";
import { FairShare } from "./fair-share.ts";
import { HeldBytes } from "./held-bytes.ts";
import type { Outlet } from "./outlet.ts";
import { Switch } from "./switch.ts";

export interface Lan {
  readonly switch: Switch<Outlet>;
  readonly time: FairShare;
  readonly held: HeldBytes;
}

export function newLan(clock: Clock): Lan {
  return { switch: new Switch(), time: new FairShare(clock), held: new HeldBytes() };
}
