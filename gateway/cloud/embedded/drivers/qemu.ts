/**
 * The driver of real VMs: a QEMU for each, under KVM or emulated, with disks, a context disc, and wires that lead to OneGate. It
 * outlives the server and is found again by the next one. Linux only.
 *
 * With `uidBase`, and a server that is root, every VM has its own uid. Otherwise QEMU runs as the server's user, in its
 * own sandbox all the same.
 */

import { rm } from "node:fs/promises";
import { errorText, GatehouseError } from "../../../../shared/errors.ts";
import { guestPaths } from "../../../../shared/guests/process-layout.ts";
import { livingStat, type ProcessIdentity } from "../../../../shared/guests/process-proc.ts";
import { qemuDeployIdOf } from "../../../../shared/guests/qemu-layout.ts";
import { LCM_STATE } from "../../../../shared/states/lcm.ts";
import type { Vm } from "../../model.ts";
import type { ContextFiles, Driver, GuestStatus } from "../driver.ts";
import { listGuests, removeGuest } from "./process-files.ts";
import { endMembers } from "./process-group.ts";
import { serial } from "./process-serial.ts";
import { clearAway, endGuest } from "./qemu-end.ts";
import { endSentence, panicSentence } from "./qemu-files.ts";
import { guestEndpoint } from "./qemu-links.ts";
import { hasMemory, saveMemory } from "./qemu-memory.ts";
import type { News } from "./qemu-news.ts";
import type { QemuDriverOptions } from "./qemu-options.ts";
import { planGuest } from "./qemu-plan.ts";
import type { QemuGuest } from "./qemu-roster.ts";
import { QemuSite } from "./qemu-site.ts";
import { goOn, startGuest } from "./qemu-start.ts";
import { QemuTroubles } from "./qemu-troubles.ts";
import { qemuRefusal } from "./qemu-trust.ts";

export type { QemuDriverOptions } from "./qemu-options.ts";

/** Makes the driver; it touches nothing before its first VM. */
export function qemuDriver(options: QemuDriverOptions): Driver {
  return new QemuDriver(options);
}

type Listener = (vmId: number, sentence: string) => void;

class QemuDriver implements Driver {
  readonly name = "qemu";
  readonly takesNoSnapshots = true;
  readonly memoryMiB: number;
  readonly endsGuestsOnClose: boolean;
  readonly #site: QemuSite;
  readonly #troubles: QemuTroubles;
  readonly #serial = serial();
  readonly #exitListeners: Listener[] = [];
  readonly #troubleListeners: Listener[] = [];
  #closing = false;

  constructor(options: QemuDriverOptions) {
    this.endsGuestsOnClose = options.endsGuestsOnClose;
    this.memoryMiB = options.guestMemoryMiB;
    this.#site = new QemuSite(options, {
      onEnd: (guest) => this.#onOwnEnd(guest, (ended) => this.#endOf(ended)),
      onNews: (guest, news) => this.#hear(guest, news),
      onCut: (guest) => this.#troubles.logCut(guest),
    });
    this.#troubles = new QemuTroubles(this.#site, (vmId, trouble) => {
      for (const listener of this.#troubleListeners) listener(vmId, trouble);
    });
  }

  refusal(vm: Vm): string | undefined {
    return qemuRefusal(vm, this.#site.options);
  }

  endpointFor(vm: Vm, endpoint: string): string {
    return guestEndpoint(vm, endpoint, this.#site.linkRules(vm));
  }

  onExit(listener: Listener): void {
    this.#exitListeners.push(listener);
  }

  onTrouble(listener: Listener): void {
    this.#troubleListeners.push(listener);
  }

  templateChanged(vm: Vm): void {
    this.#site.templateChanged(vm);
  }

  deploy(vm: Vm, context: ContextFiles): Promise<string> {
    return this.#boots(vm, async () => {
      const guest = this.#site.find(vm);
      if (guest !== undefined && (await goOn(this.#site, guest))) return qemuDeployIdOf(guest.process);
      if (guest !== undefined) await endGuest(this.#site, vm, true);
      return qemuDeployIdOf(await this.#start(vm, context));
    });
  }

  shutdown(vm: Vm, hard: boolean): Promise<void> {
    return this.#serial(vm.id, () => this.#end(vm, hard));
  }

  /** Gracefully it boots anew, with a context disc of now; hard is the reset button. */
  reboot(vm: Vm, hard: boolean, context: ContextFiles): Promise<void> {
    return this.#boots(vm, async () => {
      const guest = this.#site.running(vm);
      if (hard) {
        await this.#site.monitor.tell(guest, "system_reset", "cont");
        return;
      }
      await this.#end(vm, false);
      try {
        await this.#start(vm, context);
      } catch (error) {
        this.#tellExit(vm.id, `The guest did not come up again: ${errorText(error)}`);
        throw error;
      }
    });
  }

  suspend(vm: Vm): Promise<void> {
    return this.#serial(vm.id, async () => {
      await this.#site.monitor.tell(this.#site.running(vm), "stop");
    });
  }

  resume(vm: Vm): Promise<void> {
    return this.#serial(vm.id, async () => {
      await this.#site.monitor.tell(this.#site.running(vm), "cont");
    });
  }

  save(vm: Vm): Promise<void> {
    return this.#serial(vm.id, async () => {
      const guest = this.#site.find(vm);
      const isSaved = await hasMemory(this.#site.roster.paths(vm.id));
      if (guest === undefined) {
        if (isSaved || vm.lcmState !== LCM_STATE.SAVE_STOP) return;
        throw new GatehouseError("unavailable", "The guest ended before its memory was saved.");
      }
      if (!isSaved) await this.#save(vm, guest);
      await this.#end(vm, true);
    });
  }

  /** A VM that is undeployed keeps its disks. */
  cleanup(vm: Vm): Promise<void> {
    return this.#serial(vm.id, async () => {
      const { roster, options } = this.#site;
      await this.#end(vm, true);
      await endMembers(this.#site.membership(vm.id, undefined), options.clock, 0);
      if (vm.lcmState === LCM_STATE.EPILOG_UNDEPLOY) await rm(roster.paths(vm.id).memory, { force: true });
      else await removeGuest(guestPaths(options.runDir, vm.id));
    });
  }

  async status(vm: Vm): Promise<GuestStatus> {
    const guest = this.#site.find(vm);
    if (guest === undefined) return "gone";
    try {
      return (await this.#site.monitor.runStatus(guest)).running ? "running" : "paused";
    } catch {
      return livingStat(guest.process) === undefined ? "gone" : "running";
    }
  }

  /** Ends every guest, also those of an earlier server that nobody has asked for yet; or lets all of them run on. */
  async close(): Promise<void> {
    this.#closing = true;
    const { roster, options } = this.#site;
    if (this.endsGuestsOnClose) {
      const ids = new Set([...roster.vmIds, ...listGuests(options.runDir)]);
      await Promise.all([...ids].map((id) => this.#serial(id, () => this.#end({ id, deployId: "" }, false))));
    }
    roster.close();
  }

  #boots<T>(vm: Vm, work: () => Promise<T>): Promise<T> {
    return this.#site.whileBooting(vm, () => this.#serial(vm.id, work));
  }

  async #start(vm: Vm, context: ContextFiles): Promise<ProcessIdentity> {
    if (this.#closing) throw new GatehouseError("unavailable", "No guest is started while the house closes.");
    return await startGuest(this.#site, vm, context);
  }

  async #end(vm: Pick<Vm, "id" | "deployId">, hard: boolean): Promise<void> {
    const leave = await endGuest(this.#site, vm, hard);
    if (leave === "stayed") this.#troubles.didNotLeave(vm.id);
    if (leave === "panicked") this.#troubles.panickedAtEnd(vm.id, await this.#panicOf(vm));
  }

  /** A QEMU that was told to save before, by a server that did not see it through, goes on first. */
  async #save(vm: Vm, guest: QemuGuest): Promise<void> {
    const { monitor } = this.#site;
    const { status, running } = await monitor.runStatus(guest);
    if (status === "guest-panicked") {
      // There is nothing to go back to.
      await this.#end(vm, true);
      throw new GatehouseError("unavailable", await this.#panicOf(vm));
    }
    if (status === "postmigrate") await monitor.tell(guest, "cont");
    await monitor.tell(guest, "stop");
    try {
      await saveMemory(this.#site.memoryPlace(guest), planGuest(vm).memoryMiB);
    } catch (error) {
      if (running) await monitor.tell(guest, "cont");
      throw error;
    }
  }

  #hear(guest: QemuGuest, news: News): void {
    switch (news.kind) {
      case "panicked":
        guest.hasPanicked = true;
        this.#onOwnEnd(guest, ({ vmId }) => this.#panicOf({ id: vmId }));
        return;
      case "reset":
        this.#troubles.reset(guest);
        return;
      case "disk-error":
        this.#troubles.diskError(guest, news.reason);
        return;
    }
  }

  #panicOf({ id }: Pick<Vm, "id">): Promise<string> {
    return panicSentence(this.#site.roster.paths(id));
  }

  #endOf({ vmId, end }: QemuGuest): Promise<string> {
    return endSentence(this.#site.roster.paths(vmId), end?.code, end?.signal);
  }

  /** What it leaves behind goes too, and whoever did not ask for its end is told, once. */
  #onOwnEnd(guest: QemuGuest, sentence: (guest: QemuGuest) => Promise<string>): void {
    const work = async (): Promise<void> => {
      // Its end was asked for, and waited for, before this turn came.
      if (!this.#site.roster.knows(guest)) return;
      try {
        await clearAway(this.#site, guest);
      } finally {
        const why = await sentence(guest);
        if (!this.#closing) this.#tellExit(guest.vmId, why);
      }
    };
    // What outlives SIGKILL is beyond us; the next boot looks for it again.
    this.#serial(guest.vmId, work).catch(() => {});
  }

  #tellExit(vmId: number, reason: string): void {
    for (const listener of this.#exitListeners) listener(vmId, reason);
  }
}
