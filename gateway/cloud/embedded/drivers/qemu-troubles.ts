/** What the owner of a guest should know although its QEMU runs, told seldom enough that a hostile guest fills no log with it. */

import { Often } from "./often.ts";
import type { QemuMonitor } from "./qemu-monitor.ts";
import type { QemuDriverOptions } from "./qemu-options.ts";
import type { QemuGuest, QemuRoster } from "./qemu-roster.ts";

/** Whoever installs a system reboots twice; an emulated guest that loops does so every few seconds. */
const RESETS = { times: 5, withinMs: 5 * 60_000, text: "5 times within 5 minutes" };
/** Logs are looked at once a second. */
const CUTS = { times: 10, withinMs: 60_000, text: "10 times within a minute" };
/** There may be space again by then. */
const DISK_RETRY_MS = 10_000;

interface Counts {
  readonly resets: Often;
  readonly cuts: Often;
  /** Its disk is to be tried again: all its requests that failed go on together. */
  waitsForDisk: boolean;
}

/** Of QemuSite. */
export interface TroubledSite {
  readonly options: Pick<QemuDriverOptions, "clock" | "graceMs" | "maxLogBytes">;
  readonly roster: Pick<QemuRoster, "knows">;
  readonly monitor: Pick<QemuMonitor, "runStatus" | "tell">;
}

export class QemuTroubles {
  readonly #site: TroubledSite;
  readonly #tell: (vmId: number, trouble: string) => void;
  readonly #counts = new WeakMap<QemuGuest, Counts>();

  constructor(site: TroubledSite, tell: (vmId: number, trouble: string) => void) {
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
    this.#goOnLater(guest);
  }

  didNotLeave(vmId: number): void {
    const { graceMs } = this.#site.options;
    this.#tell(
      vmId,
      `The guest did not leave within ${graceMs} ms of the power button, so its QEMU was ended.`,
    );
  }

  /** It was told to leave, so nobody is told of its end. */
  panickedAtEnd(vmId: number, panic: string): void {
    this.#tell(vmId, panic);
  }

  #goOnLater(guest: QemuGuest): void {
    const counts = this.#of(guest);
    if (counts.waitsForDisk) return;
    counts.waitsForDisk = true;
    this.#site.options.clock.after(DISK_RETRY_MS, () => {
      counts.waitsForDisk = false;
      // Nobody tells once more of one whose QEMU was too busy to answer.
      this.#goOn(guest).catch(() => this.#goOnLater(guest));
    });
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
      waitsForDisk: false,
    };
    this.#counts.set(guest, counts);
    return counts;
  }

  #now(): number {
    return this.#site.options.clock.elapsed();
  }
}
