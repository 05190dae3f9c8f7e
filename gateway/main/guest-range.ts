/**
 * Which user ids the guests of a house started by root run under. Each home has a range of its own on the machine, for
 * good: two houses with the same ids could read each other's guests, and signal them.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import { GUEST_UIDS } from "../cloud/embedded/drivers/process.ts";
import { readHouseId } from "./house-id.ts";

/** One file a range, named by its first id; it says whose it is. */
const claimSchema = z.object({ home: z.string(), house: z.string() });
type Claim = z.infer<typeof claimSchema>;

/** Ranges tried from the configured first id on. */
const MAX_RANGES = 1_000;

export interface RangeOptions {
  /** Where the machine's claims are kept. */
  readonly directory: string;
  /** `cloud.process.uid_base`. */
  readonly firstUid: number;
  readonly home: string;
  /** See house-id.ts. */
  readonly house: string;
}

/**
 * The first id of this home's range: the one it has, or the next that nobody has. A range whose home is gone is given
 * anew, once no process runs under it.
 * @throws GatehouseError `unavailable` when the claims cannot be kept or all ranges are taken.
 */
export function claimGuestRange(options: RangeOptions): number {
  const { directory, firstUid } = options;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (let range = 0; range < MAX_RANGES; range += 1) {
      const first = firstUid + range * GUEST_UIDS;
      if (isClaimed(join(directory, String(first)), first, options)) return first;
    }
  } catch (error) {
    throw new GatehouseError(
      "unavailable",
      `Guests cannot be given user ids of their own: ${errorText(error)}.`,
      {
        cause: error,
      },
    );
  }
  throw new GatehouseError(
    "unavailable",
    `All ${MAX_RANGES} ranges of guests' user ids from ${firstUid} on are taken (${directory}); set cloud.process.uid_base to another first id.`,
  );
}

/** True when the range is this home's, or has just become so. */
function isClaimed(file: string, first: number, { home, house }: RangeOptions): boolean {
  const claim = readClaim(file);
  if (claim?.house === house) return true;
  if (claim !== undefined && (readHouseId(claim.home) === claim.house || isInUse(first))) return false;
  if (claim === undefined && isInUse(first)) return false;
  rmSync(file, { force: true });
  const text = JSON.stringify({ home, house } satisfies Claim);
  try {
    writeFileSync(file, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    // Another house was faster.
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined when there is none, or none that can be read. */
function readClaim(file: string): Claim | undefined {
  try {
    return claimSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}

/** Does any process run under an id of the range? */
function isInUse(first: number): boolean {
  return readdirSync("/proc").some((name) => {
    if (!/^\d+$/.test(name)) return false;
    const uid = statSync(join("/proc", name), { throwIfNoEntry: false })?.uid ?? -1;
    return uid >= first && uid < first + GUEST_UIDS;
  });
}
