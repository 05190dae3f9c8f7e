/** The drivers that the configuration asks for. */

import { chmodSync, constants, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { Driver } from "../cloud/embedded/driver.ts";
import { dummyDriver } from "../cloud/embedded/drivers/dummy.ts";
import { processDriver } from "../cloud/embedded/drivers/process.ts";
import { processDriverUse } from "../config/listening.ts";
import type { Config } from "../config.ts";
import { claimGuestRange, type RangeOptions } from "./guest-range.ts";
import { installGuestTools } from "./guest-tools.ts";
import { houseId } from "./house-id.ts";
import { makeQemuDriver } from "./qemu-driver.ts";
import { guestsHaveUids, ROOTS } from "./qemu-places.ts";

/** Where root's guests are: the home's mode keeps their own uids out of it. */
const ROOTS_GUESTS = join(ROOTS, "guests");
/** Which house has which user ids. */
const ROOTS_RANGES = join(ROOTS, "uids");

export interface Drivers {
  readonly all: readonly Driver[];
  /** The one that runs every VM, when every VM is to be simulated. */
  readonly only: Driver | undefined;
}

/** Where the process driver keeps its guests. */
export function guestsDirectory({ home, cloud }: Pick<Config, "home" | "cloud">): string {
  return (
    cloud.process.run_dir ?? (guestsHaveUids() ? join(ROOTS_GUESTS, houseId(home)) : join(home, "guests"))
  );
}

export interface DriverParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** The ids of their `trusted_users`; may be filled later, once users are known. */
  readonly trusted: { readonly process: ReadonlySet<number>; readonly qemu: ReadonlySet<number> };
  /** Where OneGate is; undefined while it does not listen. */
  readonly onegateEndpoint: () => string | undefined;
}

export function makeDrivers(config: Config, parts: DriverParts): Drivers {
  const { clock, trusted } = parts;
  const dummy = dummyDriver({ clock, bootMs: config.cloud.dummy_boot_ms });
  if (config.cloud.driver === "dummy") return { all: [dummy], only: dummy };
  const { uid_base, grace_ms, max_log_bytes } = config.cloud.process;
  const use = processDriverUse(config);
  const asRoot = guestsHaveUids();
  const { home } = config;
  const house = houseId(home);
  const runDir = guestsDirectory(config);
  // A VM has one driver, and its uid comes of its id, so both drivers have the same range.
  const uidBase = asRoot ? claimRange({ firstUid: uid_base, home, house }) : undefined;
  const local = processDriver({
    clock,
    enabled: use.allowed,
    refusalReason: `VMs do not run as processes: ${use.reason}; cloud.process.enabled (GATEHOUSE_CLOUD_PROCESS_ENABLED) may be always, auto or never.`,
    trustedUids: trusted.process,
    runDir,
    path: guestPath(runDir, asRoot),
    uidBase,
    graceMs: grace_ms,
    maxLogBytes: max_log_bytes,
  });
  const qemu = makeQemuDriver(config, { ...parts, trustedUids: trusted.qemu, uidBase });
  return { all: [local, qemu, dummy], only: undefined };
}

/** Guests pass through the folder above to their files, so it must not get the mode of the claims in it. */
function claimRange(range: Omit<RangeOptions, "directory">): number {
  mkdirSync(ROOTS, { recursive: true, mode: 0o711 });
  if ((statSync(ROOTS).mode & constants.S_IXOTH) === 0) chmodSync(ROOTS, 0o711);
  return claimGuestRange({ directory: ROOTS_RANGES, ...range });
}

/** The guests' PATH, made ready with the first guest. */
function guestPath(runDir: string, ownUids: boolean): () => string {
  let path: string | undefined;
  return () => {
    path ??= installGuestTools(runDir, ownUids);
    return path;
  };
}
