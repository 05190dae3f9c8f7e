/** The power button of a guest, and its plug. */

import type { Clock } from "../../../../shared/clock.ts";
import { livingStat, type ProcessIdentity } from "../../../../shared/guests/process-proc.ts";
import { delay } from "./process-group.ts";
import type { Monitored, QemuMonitor } from "./qemu-monitor.ts";

/** A guest that is just booting does not hear the first ones. */
const POWER_BUTTON_MS = 2_000;
const POLL_MS = 50;
/** QEMU flushes its disks before it goes. */
const QUIT_MS = 5_000;

export interface PowerOptions {
  readonly monitor: QemuMonitor;
  readonly clock: Clock;
  /** How long the guest may take. */
  readonly graceMs: number;
}

/**
 * Presses the button until it has an effect; then QEMU pulls the plug itself, unless it does not even answer. Whether the
 * guest left by itself.
 */
export async function powerOff(
  guest: Monitored,
  { monitor, clock, graceMs }: PowerOptions,
): Promise<boolean> {
  const began = clock.elapsed();
  while (clock.elapsed() - began < graceMs) {
    // A paused guest could not act on it. One whose QEMU does not answer may be on its way out.
    await monitor.tell(guest, "cont", "system_powerdown").catch(() => {});
    if (await isGoneWithin(guest.process, Math.min(POWER_BUTTON_MS, graceMs), clock)) return true;
  }
  await pullPlug(guest, { monitor, clock });
  return false;
}

/** QEMU goes without its guest's consent; one that does not answer may still be there afterwards. */
export async function pullPlug(
  guest: Monitored,
  { monitor, clock }: Pick<PowerOptions, "monitor" | "clock">,
): Promise<void> {
  await monitor.tell(guest, "quit").catch(() => {});
  await isGoneWithin(guest.process, QUIT_MS, clock);
}

async function isGoneWithin(process: ProcessIdentity, ms: number, clock: Clock): Promise<boolean> {
  for (let waitedMs = 0; livingStat(process) !== undefined; waitedMs += POLL_MS) {
    if (waitedMs >= ms) return false;
    await delay(clock, POLL_MS);
  }
  return true;
}
