/**
 * The driver of real VMs: a QEMU for each, under KVM or emulated, with disks, a context disc, and wires that lead to OneGate. It
 * outlives the server and is found again by the next one. Linux only.
 *
 * With `uidBase`, and a server that is root, every VM has its own uid. Otherwise QEMU runs as the server's user, in its
 * own sandbox all the same.
 */

import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import type { Clock } from "../../../../shared/clock.ts";
import { errorText, GatehouseError } from "../../../../shared/errors.ts";
import { guestPaths } from "../../../../shared/guests/process-layout.ts";
import { livingStat, type ProcessIdentity } from "../../../../shared/guests/process-proc.ts";
import { type QemuGuestPaths, qemuDeployIdOf } from "../../../../shared/guests/qemu-layout.ts";
import { LCM_STATE } from "../../../../shared/states/lcm.ts";
import type { Vm } from "../../model.ts";
import type { ContextFiles, Driver, GuestStatus } from "../driver.ts";
import type { Wire } from "../wire/wire.ts";
import { GUEST_UIDS } from "./process.ts";
import { listGuests, prepareRunDir, removeGuest } from "./process-files.ts";
import { endMembers, type Membership } from "./process-group.ts";
import { serial } from "./process-serial.ts";
import { ProcessTable } from "./process-table.ts";
import type { FoundAccelerator } from "./qemu-accelerator.ts";
import { prepareBoot } from "./qemu-boot.ts";
import { endSentence } from "./qemu-files.ts";
import { guestEndpoint, type LinkRules, linksOf, type QemuNetwork } from "./qemu-links.ts";
import { hasMemory, type MemoryPlace, restoreMemory, saveMemory } from "./qemu-memory.ts";
import { QemuMonitor } from "./qemu-monitor.ts";
import { type GuestPlan, planGuest } from "./qemu-plan.ts";
import { powerOff } from "./qemu-power.ts";
import { type QemuGuest, QemuRoster } from "./qemu-roster.ts";
import { spawnQemu } from "./qemu-spawn.ts";
import { removeTaps } from "./qemu-tap.ts";
import { isTrustedVm, type QemuTrust, qemuRefusal } from "./qemu-trust.ts";
import { openWires } from "./qemu-wires.ts";

export interface QemuDriverOptions extends QemuTrust {
  readonly clock: Clock;
  /** Where guests' directories go: outside the home, and reachable for guests with their own uid. */
  readonly runDir: string;
  /** As the process driver's: both may have the same range, since a VM has one driver. */
  readonly uidBase: number | undefined;
  readonly binary: string;
  /** Where images, kernels and initrds of templates may lie. */
  readonly imageDirs: readonly string[];
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

/** Makes the driver; it touches nothing before its first VM. */
export function qemuDriver(options: QemuDriverOptions): Driver {
  return new QemuDriver(options);
}

class QemuDriver implements Driver {
  readonly name = "qemu";
  readonly endsGuestsOnClose: boolean;
  readonly #options: QemuDriverOptions;
  readonly #listeners: ((vmId: number, reason: string) => void)[] = [];
  readonly #serial = serial();
  readonly #table = new ProcessTable();
  readonly #monitor: QemuMonitor;
  readonly #roster: QemuRoster;
  #closing = false;

  constructor(options: QemuDriverOptions) {
    this.#options = { ...options, runDir: resolve(options.runDir) };
    this.endsGuestsOnClose = options.endsGuestsOnClose;
    const { clock, maxLogBytes } = options;
    this.#monitor = new QemuMonitor(clock);
    this.#roster = new QemuRoster({
      runDir: this.#options.runDir,
      clock,
      maxLogBytes,
      uidOf: (vmId) => this.#uid(vmId),
      onEnd: (guest) => this.#ended(guest),
    });
  }

  refusal(vm: Vm): string | undefined {
    return qemuRefusal(vm, this.#options);
  }

  endpointFor(vm: Vm, endpoint: string): string {
    return guestEndpoint(vm, endpoint, this.#linkRules(vm));
  }

  onExit(listener: (vmId: number, reason: string) => void): void {
    this.#listeners.push(listener);
  }

  deploy(vm: Vm, context: ContextFiles): Promise<string> {
    return this.#serial(vm.id, async () => {
      const guest = this.#find(vm);
      if (guest !== undefined && (await this.#goOn(guest))) return qemuDeployIdOf(guest.process);
      if (guest !== undefined) await this.#end(vm, true);
      return qemuDeployIdOf(await this.#start(vm, context));
    });
  }

  shutdown(vm: Vm, hard: boolean): Promise<void> {
    return this.#serial(vm.id, () => this.#end(vm, hard));
  }

  /** Gracefully it boots anew, with a context disc of now; hard is the reset button. */
  reboot(vm: Vm, hard: boolean, context: ContextFiles): Promise<void> {
    return this.#serial(vm.id, async () => {
      const guest = this.#running(vm);
      if (hard) {
        await this.#monitor.tell(guest, "system_reset", "cont");
        return;
      }
      await this.#end(vm, false);
      try {
        await this.#start(vm, context);
      } catch (error) {
        this.#tell(vm.id, `The guest did not come up again: ${errorText(error)}`);
        throw error;
      }
    });
  }

  suspend(vm: Vm): Promise<void> {
    return this.#serial(vm.id, async () => {
      await this.#monitor.tell(this.#running(vm), "stop");
    });
  }

  resume(vm: Vm): Promise<void> {
    return this.#serial(vm.id, async () => {
      await this.#monitor.tell(this.#running(vm), "cont");
    });
  }

  save(vm: Vm): Promise<void> {
    return this.#serial(vm.id, async () => {
      const guest = this.#find(vm);
      if (guest === undefined) return;
      if (!(await hasMemory(this.#roster.paths(vm.id)))) await this.#save(vm, guest);
      await this.#end(vm, true);
    });
  }

  /** A VM that is undeployed keeps its disks. */
  cleanup(vm: Vm): Promise<void> {
    return this.#serial(vm.id, async () => {
      await this.#end(vm, true);
      await endMembers(this.#membership(vm.id, undefined), this.#options.clock, 0);
      const paths = this.#roster.paths(vm.id);
      if (vm.lcmState === LCM_STATE.EPILOG_UNDEPLOY) await rm(paths.memory, { force: true });
      else await removeGuest(guestPaths(this.#options.runDir, vm.id));
    });
  }

  async status(vm: Vm): Promise<GuestStatus> {
    const guest = this.#find(vm);
    if (guest === undefined) return "gone";
    try {
      return (await this.#monitor.runStatus(guest)).running ? "running" : "paused";
    } catch {
      return livingStat(guest.process) === undefined ? "gone" : "running";
    }
  }

  /** Ends every guest, also those of an earlier server that nobody has asked for yet; or lets all of them run on. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.endsGuestsOnClose) {
      const ids = new Set([...this.#roster.vmIds, ...listGuests(this.#options.runDir)]);
      await Promise.all([...ids].map((id) => this.#serial(id, () => this.#end({ id, deployId: "" }, false))));
    }
    this.#roster.close();
  }

  #find(vm: Vm): QemuGuest | undefined {
    return this.#roster.find(vm, () => this.#openWires(vm, planGuest(vm)));
  }

  #running(vm: Vm): QemuGuest {
    const guest = this.#find(vm);
    if (guest !== undefined) return guest;
    throw new GatehouseError("wrong_state", `The guest of virtual machine [${vm.id}] does not run.`);
  }

  /** A guest that is found where one shall boot: false when it is just ending, or its QEMU still waits for what was saved. */
  async #goOn(guest: QemuGuest): Promise<boolean> {
    const { status, running } = await this.#monitor.untilUp(guest).catch((error: unknown) => {
      if (livingStat(guest.process) === undefined) return { status: "inmigrate", running: false };
      throw error;
    });
    if (status === "inmigrate") return false;
    await rm(this.#roster.paths(guest.vmId).memory, { force: true });
    if (!running) await this.#monitor.tell(guest, "cont");
    return true;
  }

  async #start(vm: Vm, context: ContextFiles): Promise<ProcessIdentity> {
    if (this.#closing) throw new GatehouseError("unavailable", "No guest is started while the house closes.");
    const refusal = this.refusal(vm);
    if (refusal !== undefined) throw new GatehouseError("forbidden", refusal);
    const { binary, imageDirs, accelerator, clock } = this.#options;
    const plan = planGuest(vm);
    const paths = this.#roster.paths(vm.id);
    const uid = this.#uid(vm.id);
    await this.#makeRoom(vm.id, uid);
    const links = linksOf(plan, this.#linkRules(vm));
    const boot = await prepareBoot({ plan, paths, links, context, imageDirs, accelerator, uid, clock });
    let guest: QemuGuest | undefined;
    const process = await spawnQemu({
      paths,
      binary,
      arguments: boot.arguments,
      uid,
      note: async (noted) => {
        guest = await this.#roster.note(vm.id, noted, () => this.#openWires(vm, plan));
      },
      onEnd: (ended, code, signal) => this.#roster.ended(vm.id, ended, { code, signal }),
    });
    if (guest !== undefined) await this.#comeUp(vm, guest, paths, boot.isRestored);
    return process;
  }

  /** @throws GatehouseError `unavailable`, with what QEMU had to say, when it does not. */
  async #comeUp(vm: Vm, guest: QemuGuest, paths: QemuGuestPaths, isRestored: boolean): Promise<void> {
    try {
      await this.#monitor.untilUp(guest);
      if (!isRestored) return;
      await restoreMemory(this.#memoryPlace(guest));
      // What is on the disks goes on from here, so what was in memory must never be used again.
      await rm(paths.memory, { force: true });
      await this.#monitor.tell(guest, "cont");
    } catch (error) {
      const hasEnded = livingStat(guest.process) === undefined;
      await this.#end(vm, true);
      if (!hasEnded) throw error;
      const why = await endSentence(paths, guest.end?.code ?? 1, guest.end?.signal);
      throw new GatehouseError("unavailable", why, { cause: error });
    }
  }

  /** Makes room: no strays of an earlier boot, and no other VM under the same uid. */
  async #makeRoom(vmId: number, uid: number | undefined): Promise<void> {
    const { runDir, clock } = this.#options;
    await prepareRunDir(runDir, uid !== undefined);
    const present = listGuests(runDir);
    const rival = present.find((id) => uid !== undefined && id !== vmId && this.#uid(id) === uid);
    if (rival !== undefined)
      throw new GatehouseError(
        "conflict",
        `Virtual machine [${vmId}] would share uid ${uid} with virtual machine [${rival}]; remove that one first.`,
      );
    if (present.includes(vmId)) await endMembers(this.#membership(vmId, undefined), clock, 0);
  }

  /** A QEMU that was told to save before, by a server that did not see it through, goes on first. */
  async #save(vm: Vm, guest: QemuGuest): Promise<void> {
    const { status, running } = await this.#monitor.runStatus(guest);
    if (status === "postmigrate") await this.#monitor.tell(guest, "cont");
    await this.#monitor.tell(guest, "stop");
    try {
      await saveMemory(this.#memoryPlace(guest), planGuest(vm).memoryMiB);
    } catch (error) {
      if (running) await this.#monitor.tell(guest, "cont");
      throw error;
    }
  }

  async #end(vm: Pick<Vm, "id" | "deployId">, hard: boolean): Promise<void> {
    const { clock, graceMs, network } = this.#options;
    const process = this.#roster.recorded(vm);
    if (process !== undefined) {
      const guest = { vmId: vm.id, process, socket: this.#roster.paths(vm.id).driverMonitor };
      if (!hard) await powerOff(guest, { monitor: this.#monitor, clock, graceMs });
      await endMembers(this.#membership(vm.id, process), clock, 0);
    }
    await this.#roster.forget(vm.id);
    if (network === "bridge") await removeTaps(vm.id, clock);
  }

  /** What it leaves behind goes too, and whoever did not ask for its end is told, once. */
  #ended(guest: QemuGuest): void {
    const { vmId, process } = guest;
    const work = async (): Promise<void> => {
      // Its end was asked for, and waited for, before this turn came.
      if (!this.#roster.knows(guest)) return;
      try {
        await endMembers(this.#membership(vmId, process), this.#options.clock, 0);
      } finally {
        await this.#roster.forget(vmId);
        const why = await endSentence(this.#roster.paths(vmId), guest.end?.code, guest.end?.signal);
        if (!this.#closing) this.#tell(vmId, why);
      }
    };
    // What outlives SIGKILL is beyond us; the next boot looks for it again.
    this.#serial(vmId, work).catch(() => {});
  }

  #tell(vmId: number, reason: string): void {
    for (const listener of this.#listeners) listener(vmId, reason);
  }

  #openWires(vm: Vm, plan: GuestPlan): readonly Wire[] {
    const { onegate, clock } = this.#options;
    const { dir } = this.#roster.paths(vm.id);
    return openWires({ dir, plan, links: linksOf(plan, this.#linkRules(vm)), onegate, clock });
  }

  #linkRules(vm: Vm): LinkRules {
    return { network: this.#options.network, isTrusted: isTrustedVm(vm, this.#options) };
  }

  #memoryPlace(guest: QemuGuest): MemoryPlace {
    const { clock } = this.#options;
    const paths = this.#roster.paths(guest.vmId);
    return { guest, paths, monitor: this.#monitor, clock, uid: this.#uid(guest.vmId) };
  }

  #uid(vmId: number): number | undefined {
    const { uidBase } = this.#options;
    return uidBase === undefined || process.getuid?.() !== 0 ? undefined : uidBase + (vmId % GUEST_UIDS);
  }

  #membership(vmId: number, leader: ProcessIdentity | undefined): Membership {
    const owner = { contextDir: this.#roster.paths(vmId).dir, uid: this.#uid(vmId) };
    return { table: this.#table, leader, owner };
  }
}
