/** The power button of a guest, and its plug. */

import type { Clock } from "../../../../shared/clock.ts";
import { delay } from "../../../../shared/delay.ts";
import { livingStat, type ProcessIdentity } from "../../../../shared/guests/process-proc.ts";
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
  /** Whether the guest was heard to panic. */
  readonly hasPanicked: () => boolean;
}

/** How a guest left: by itself; not within its grace; or it panicked on the way. */
export type Leave = "left" | "stayed" | "panicked";

/** Presses the button until it has an effect; else QEMU pulls the plug itself, unless it does not even answer. */
export async function powerOff(guest: Monitored, options: PowerOptions): Promise<Leave> {
  const { monitor, clock, graceMs, hasPanicked } = options;
  const began = clock.elapsed();
  let leave: Leave = "stayed";
  while (leave === "stayed" && clock.elapsed() - began < graceMs) {
    // One whose QEMU does not answer may be on its way out.
    const isLost = await press(guest, monitor).catch(() => false);
    const isOver = (): boolean => isLost || hasPanicked();
    if (await isGoneWithin(guest.process, Math.min(POWER_BUTTON_MS, graceMs), clock, isOver)) return "left";
    if (isOver()) leave = "panicked";
  }
  await pullPlug(guest, { monitor, clock });
  return leave;
}

/** Whether the guest stands still since it panicked, so that no button is of use: it would go on panicking. */
async function press(guest: Monitored, monitor: QemuMonitor): Promise<boolean> {
  const { status, running } = await monitor.runStatus(guest);
  if (status === "guest-panicked") return true;
  // A paused guest could not act on it.
  await monitor.tell(guest, ...(running ? [] : ["cont"]), "system_powerdown");
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

async function isGoneWithin(
  process: ProcessIdentity,
  ms: number,
  clock: Clock,
  isOver: () => boolean = () => false,
): Promise<boolean> {
  for (let waitedMs = 0; livingStat(process) !== undefined; waitedMs += POLL_MS) {
    if (waitedMs >= ms || isOver()) return false;
    await delay(clock, POLL_MS);
  }
  return true;
}
