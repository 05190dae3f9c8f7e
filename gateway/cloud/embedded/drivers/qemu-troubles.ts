/** What the owner of a guest should know although its QEMU runs, told seldom enough that a hostile guest fills no log with it. */

import { Often } from "./often.ts";
import type { QemuGuest } from "./qemu-roster.ts";
import type { QemuSite } from "./qemu-site.ts";

/** Whoever installs a system reboots twice; an emulated guest that loops does so every few seconds. */
const RESETS = { times: 5, withinMs: 5 * 60_000, text: "5 times within 5 minutes" };
/** Logs are looked at once a second. */
const CUTS = { times: 10, withinMs: 60_000, text: "10 times within a minute" };
/** There may be space again by then. */
const DISK_RETRY_MS = 10_000;

interface Counts {
  readonly resets: Often;
  readonly cuts: Often;
}

export class QemuTroubles {
  readonly #site: QemuSite;
  readonly #tell: (vmId: number, trouble: string) => void;
  readonly #counts = new WeakMap<QemuGuest, Counts>();

  constructor(site: QemuSite, tell: (vmId: number, trouble: string) => void) {
    this.#site = site;
    this.#tell = tell;
  }

  /** It rebooted of its own accord. */
  reset(guest: QemuGuest): void {
    if (this.#of(guest).resets.happened(this.#now()))
      this.#tell(guest.vmId, `The guest keeps rebooting itself: ${RESETS.text}.`);
  }

  logCut(guest: QemuGuest): void {
    if (!this.#of(guest).cuts.happened(this.#now())) return;
    const { maxLogBytes } = this.#site.options;
    this.#tell(
      guest.vmId,
      `The guest floods its console: its log outgrew ${maxLogBytes} bytes ${CUTS.text}, and was cut.`,
    );
  }

  /** Its QEMU has it wait, and goes on as soon as there is space again. */
  diskError(guest: QemuGuest, reason: string): void {
    this.#tell(guest.vmId, `The guest waits, since a disk of it could not be written: ${reason}.`);
    this.#site.options.clock.after(DISK_RETRY_MS, () => void this.#goOn(guest).catch(() => {}));
  }

  didNotLeave(vmId: number): void {
    const { graceMs } = this.#site.options;
    this.#tell(
      vmId,
      `The guest did not leave within ${graceMs} ms of the power button, so its QEMU was ended.`,
    );
  }

  async #goOn(guest: QemuGuest): Promise<void> {
    const { roster, monitor } = this.#site;
    if (!roster.knows(guest)) return;
    // Meanwhile it may have been suspended.
    if ((await monitor.runStatus(guest)).status === "io-error") await monitor.tell(guest, "cont");
  }

  #of(guest: QemuGuest): Counts {
    const known = this.#counts.get(guest);
    if (known !== undefined) return known;
    const counts = {
      resets: new Often(RESETS.times, RESETS.withinMs),
      cuts: new Often(CUTS.times, CUTS.withinMs),
    };
    this.#counts.set(guest, counts);
    return counts;
  }

  #now(): number {
    return this.#site.options.clock.elapsed();
  }
}
