/** The qemu driver as the configuration has it; whether KVM works is found out with the first guest. */

import { totalmem } from "node:os";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { Driver } from "../cloud/embedded/driver.ts";
import { qemuDriver } from "../cloud/embedded/drivers/qemu.ts";
import { type FoundAccelerator, findAccelerator } from "../cloud/embedded/drivers/qemu-accelerator.ts";
import { findTool } from "../cloud/embedded/drivers/tool.ts";
import type { Config } from "../config.ts";
import { firmwareDirectories, imageDirectories, qemuDirectory } from "./qemu-places.ts";

const MEBIBYTE = 1024 * 1024;

export interface QemuParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** May be filled later, once users are known. */
  readonly trustedUids: ReadonlySet<number>;
  /** The first uid of guests; undefined: they run as the house's user. */
  readonly uidBase: number | undefined;
  readonly onegateEndpoint: () => string | undefined;
}

/** Whether VMs may run under QEMU; `reason` is part of a sentence. */
export function qemuUse({ cloud }: Pick<Config, "cloud">): {
  readonly allowed: boolean;
  readonly reason: string;
} {
  const { enabled, binary } = cloud.qemu;
  if (enabled === "never") return { allowed: false, reason: "cloud.qemu.enabled is never" };
  if (findTool([binary]) !== undefined) return { allowed: true, reason: `${binary} is installed` };
  return {
    allowed: false,
    reason: `${binary} is not installed (Debian: qemu-system-x86; cloud.qemu.binary)`,
  };
}

export function makeQemuDriver(config: Config, parts: QemuParts): Driver {
  const { clock, log, trustedUids, uidBase, onegateEndpoint } = parts;
  const { qemu } = config.cloud;
  const use = qemuUse(config);
  const binary = findTool([qemu.binary]) ?? qemu.binary;
  return qemuDriver({
    clock,
    enabled: use.allowed,
    refusalReason: `VMs do not run under QEMU: ${use.reason}.`,
    trustedUids,
    guestMemoryMiB: qemu.memory_mib || Math.floor(totalmem() / MEBIBYTE),
    runDir: qemuDirectory(config),
    uidBase,
    binary,
    imageDirs: imageDirectories(config),
    firmwareDirs: firmwareDirectories(config),
    accelerator: once(async () => {
      const found = await findAccelerator({ wanted: qemu.accelerator, binary, clock, uid: uidBase });
      const why = found.reason === undefined ? {} : { reason: found.reason };
      log.info({ accelerator: found.accelerator, ...why }, "Guests of QEMU run so");
      return found;
    }),
    network: qemu.network,
    onegate: onegateEndpoint,
    graceMs: qemu.grace_ms,
    maxLogBytes: qemu.max_log_bytes,
    endsGuestsOnClose: qemu.end_guests_on_close,
  });
}

function once(find: () => Promise<FoundAccelerator>): () => Promise<FoundAccelerator> {
  let found: Promise<FoundAccelerator> | undefined;
  return () => {
    found ??= find();
    return found;
  };
}
