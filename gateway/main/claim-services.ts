/** A house's claim to the services of the OpenNebula that it stands before. */

import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Claim } from "../cloud/opennebula/claim.ts";
import type { OpenNebulaCloud } from "../cloud/opennebula/opennebula-cloud.ts";
import type { Config } from "../config.ts";
import { houseId } from "./house-id.ts";

const BEAT_BYTES = 8;

/** @param onLost told why, when another house has taken them: what this one has under way for them must end. */
export function servicesClaim(
  { home }: Pick<Config, "home">,
  cloud: Pick<OpenNebulaCloud, "claim">,
  onLost: (reason: string) => void,
): Claim {
  return cloud.claim({
    claimant: { house: houseId(home), machine: hostname() },
    newBeat: () => randomBytes(BEAT_BYTES).toString("hex"),
    onLost,
  });
}
