/** What the qemu driver is told by whoever makes it. */

import type { Clock } from "../../../../shared/clock.ts";
import type { FoundAccelerator } from "./qemu-accelerator.ts";
import type { QemuNetwork } from "./qemu-links.ts";
import type { QemuTrust } from "./qemu-trust.ts";

export interface QemuDriverOptions extends QemuTrust {
  readonly clock: Clock;
  /** Where guests' directories go: outside the home, and reachable for guests with their own uid. */
  readonly runDir: string;
  /** As the process driver's: both may have the same range, since a VM has one driver. */
  readonly uidBase: number | undefined;
  readonly binary: string;
  /** Where images, kernels and initrds of templates may lie. */
  readonly imageDirs: readonly string[];
  /** Where UEFI firmware may lie. */
  readonly firmwareDirs: readonly string[];
  /** Asked once a boot. */
  readonly accelerator: () => Promise<FoundAccelerator>;
  readonly network: QemuNetwork;
  /** Where OneGate is reached from here; undefined while it does not listen. */
  readonly onegate: () => string | undefined;
  /** How long a guest may take to power itself off. */
  readonly graceMs: number;
  /** A log longer than this is cut, within a second; its last half is kept beside it. */
  readonly maxLogBytes: number;
  readonly endsGuestsOnClose: boolean;
}
