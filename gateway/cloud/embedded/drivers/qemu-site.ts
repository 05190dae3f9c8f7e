/** Where the driver's guests live: who runs, how each is asked, and what of this machine is whose. */

import { resolve } from "node:path";
import { GatehouseError } from "../../../../shared/errors.ts";
import type { ProcessIdentity } from "../../../../shared/guests/process-proc.ts";
import type { Vm } from "../../model.ts";
import { type Lan, newLan } from "../wire/lan.ts";
import { GUEST_UIDS } from "./process.ts";
import type { Membership } from "./process-group.ts";
import { ProcessTable } from "./process-table.ts";
import { type LinkRules, linksOf } from "./qemu-links.ts";
import type { MemoryPlace } from "./qemu-memory.ts";
import { QemuMonitor } from "./qemu-monitor.ts";
import type { News } from "./qemu-news.ts";
import { asBooted } from "./qemu-nics.ts";
import type { QemuDriverOptions } from "./qemu-options.ts";
import { type GuestPlan, leasedNics, planGuest } from "./qemu-plan.ts";
import { type QemuGuest, QemuRoster } from "./qemu-roster.ts";
import { isTrustedVm } from "./qemu-trust.ts";
import { type GuestWire, openWires } from "./qemu-wires.ts";

export interface SiteListeners {
  /** An end that was not waited for by whoever caused it. */
  readonly onEnd: (guest: QemuGuest) => void;
  readonly onNews: (guest: QemuGuest, news: News) => void;
  /** Its console's log was too long, and has been cut. */
  readonly onCut: (guest: QemuGuest) => void;
}

export class QemuSite {
  readonly options: QemuDriverOptions;
  readonly monitor: QemuMonitor;
  readonly roster: QemuRoster;
  readonly #table = new ProcessTable();
  readonly #lan: Lan;
  /** VMs whose guests boot at this moment, as the cloud has them by now. */
  readonly #booting = new Map<number, Vm>();

  constructor(options: QemuDriverOptions, listeners: SiteListeners) {
    this.options = { ...options, runDir: resolve(options.runDir) };
    const { clock, runDir, maxLogBytes } = this.options;
    this.monitor = new QemuMonitor(clock);
    this.#lan = newLan(clock);
    this.roster = new QemuRoster({ runDir, clock, maxLogBytes, uidOf: (id) => this.uid(id), ...listeners });
  }

  /** The guest of a VM if it is alive, with its wires. */
  find(vm: Vm): QemuGuest | undefined {
    return this.roster.find(vm, () => this.openWires(vm, planGuest(asBooted(this.roster.paths(vm.id), vm))));
  }

  /** @throws GatehouseError `wrong_state` when it is not alive. */
  running(vm: Vm): QemuGuest {
    const guest = this.find(vm);
    if (guest !== undefined) return guest;
    throw new GatehouseError("wrong_state", `The guest of virtual machine [${vm.id}] does not run.`);
  }

  /** What the VM loses while `boot` is at work is another's by the time that it comes up. */
  async whileBooting<T>(vm: Vm, boot: () => Promise<T>): Promise<T> {
    this.#booting.set(vm.id, vm);
    try {
      return await boot();
    } finally {
      this.#booting.delete(vm.id);
    }
  }

  templateChanged(vm: Vm): void {
    if (this.#booting.has(vm.id)) this.#booting.set(vm.id, vm);
    for (const wire of this.roster.known(vm.id)?.wires ?? []) wire.follow(leasedNics(vm.template));
  }

  /** A VM whose guest boots, with what it has been given and has lost meanwhile. */
  newest(vm: Vm): Vm {
    return this.#booting.get(vm.id) ?? vm;
  }

  openWires(vm: Vm, plan: GuestPlan): readonly GuestWire[] {
    const { onegate, clock } = this.options;
    const { dir } = this.roster.paths(vm.id);
    const links = linksOf(plan, this.linkRules(vm));
    const leased = leasedNics(this.newest(vm).template);
    return openWires({ dir, plan, leased, links, onegate, lan: this.#lan, clock });
  }

  linkRules(vm: Vm): LinkRules {
    return { network: this.options.network, isTrusted: isTrustedVm(vm, this.options) };
  }

  memoryPlace(guest: QemuGuest): MemoryPlace {
    const { clock } = this.options;
    const paths = this.roster.paths(guest.vmId);
    return { guest, paths, monitor: this.monitor, clock, uid: this.uid(guest.vmId) };
  }

  /** The user of a VM's guest; undefined: the house's. */
  uid(vmId: number): number | undefined {
    const { uidBase } = this.options;
    return uidBase === undefined || process.getuid?.() !== 0 ? undefined : uidBase + (vmId % GUEST_UIDS);
  }

  /** The processes of a VM; without a leader those that an earlier one left. */
  membership(vmId: number, leader: ProcessIdentity | undefined): Membership {
    const owner = { contextDir: this.roster.paths(vmId).dir, uid: this.uid(vmId) };
    return { table: this.#table, leader, owner };
  }
}
