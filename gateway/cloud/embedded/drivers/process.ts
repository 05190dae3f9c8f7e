/**
 * The driver whose VMs are processes of this machine: a session of its own for each, begun by a small init from
 * CONTEXT/START_SCRIPT, that outlives the server and is found again by the next one. Linux only.
 *
 * With `uidBase`, and a server that is root, every VM has its own uid, and reads neither the house's files nor another
 * VM's. Otherwise its scripts run as the server's user, and can do what that user can.
 */

import { resolve } from "node:path";
import type { Clock } from "../../../../shared/clock.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import {
  deployIdOf,
  type GuestPaths,
  guestPaths,
  parseDeployId,
} from "../../../../shared/guests/process-layout.ts";
import { type GuestOwner, isOwnedBy } from "../../../../shared/guests/process-owner.ts";
import {
  bootId,
  livingStat,
  marksOf,
  type ProcessIdentity,
  type ProcessStat,
} from "../../../../shared/guests/process-proc.ts";
import type { Vm } from "../../model.ts";
import type { ContextFiles, Driver, GuestStatus } from "../driver.ts";
import {
  listGuests,
  prepareRunDir,
  readNote,
  removeGuest,
  removeNote,
  trimLog,
  writeGuest,
  writeNote,
} from "./process-files.ts";
import { continueMembers, endMembers, type Membership, stopMembers } from "./process-group.ts";
import { DEFAULT_PATH, guestEnvironment, startCommand, startScript } from "./process-init.ts";
import { serial } from "./process-serial.ts";
import { spawnGuest } from "./process-spawn.ts";
import { ProcessTable } from "./process-table.ts";
import { type ProcessTrust, processRefusal } from "./process-trust.ts";

export const DEFAULT_UID_BASE = 200_000;
export const DEFAULT_GRACE_MS = 10_000;
export const DEFAULT_MAX_LOG_BYTES = 4 * 1024 * 1024;

/** Guests use this many uids from the base on; VMs whose ids are so far apart share one and cannot be here together. */
export const GUEST_UIDS = 65_536;

/** How often adopted guests and all logs are looked at. */
const WATCH_MS = 1000;

export interface ProcessDriverOptions extends ProcessTrust {
  readonly clock: Clock;
  /** Where guests' directories go: outside the home, and reachable for them. */
  readonly runDir: string;
  /**
   * The first uid of guests, when the server is root; undefined: they run as the server's user. No other
   * house on the machine may have any of the GUEST_UIDS from here on (gateway/main/guest-range.ts).
   */
  readonly uidBase: number | undefined;
  /** How long a guest may take to end after SIGTERM. */
  readonly graceMs?: number;
  /** A log longer than this is cut, within a second; its last half is kept beside it. */
  readonly maxLogBytes?: number;
  /** The guests' PATH. */
  readonly path?: () => string;
}

/** A guest that was running when last looked at. */
interface Guest {
  readonly vmId: number;
  readonly identity: ProcessIdentity;
  /** Found, not started by this driver: its end is seen in /proc only. */
  readonly adopted: boolean;
  /** Its init was seen to end. */
  ended: boolean;
}

/** Makes the driver; it touches nothing before its first VM. */
export function processDriver(options: ProcessDriverOptions): Driver {
  return new ProcessDriver(options);
}

class ProcessDriver implements Driver {
  readonly name = "process";
  readonly endsGuestsOnClose = true;
  readonly #options: ProcessDriverOptions;
  readonly #graceMs: number;
  readonly #guests = new Map<number, Guest>();
  readonly #listeners: ((vmId: number, reason: string) => void)[] = [];
  readonly #serial = serial();
  readonly #spawning = serial();
  readonly #table = new ProcessTable();
  #watching = false;
  #closing = false;

  constructor(options: ProcessDriverOptions) {
    // Guests are told of their directories, and have another working directory.
    this.#options = { ...options, runDir: resolve(options.runDir) };
    this.#graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
  }

  refusal(vm: Vm): string | undefined {
    return processRefusal(vm, this.#options);
  }

  onExit(listener: (vmId: number, reason: string) => void): void {
    this.#listeners.push(listener);
  }

  deploy(vm: Vm, context: ContextFiles): Promise<string> {
    return this.#serial(vm.id, async () => {
      const guest = await this.#find(vm);
      return deployIdOf(guest?.identity ?? (await this.#start(vm, context)));
    });
  }

  shutdown(vm: Vm, hard: boolean): Promise<void> {
    return this.#serial(vm.id, () => this.#end(vm, hard));
  }

  /** The guest is another process afterwards; the note in its directory says which, before DEPLOY_ID is asked. */
  reboot(vm: Vm, hard: boolean, context: ContextFiles): Promise<void> {
    return this.#serial(vm.id, async () => {
      await this.#end(vm, hard);
      await this.#start(vm, context);
    });
  }

  suspend(vm: Vm): Promise<void> {
    return this.#serial(vm.id, async () => {
      await stopMembers(this.#membership(vm.id, await this.#running(vm)), this.#options.clock);
    });
  }

  resume(vm: Vm): Promise<void> {
    return this.#serial(vm.id, async () => {
      await continueMembers(this.#membership(vm.id, await this.#running(vm)));
    });
  }

  cleanup(vm: Vm): Promise<void> {
    return this.#serial(vm.id, async () => {
      await this.#end(vm, true);
      await endMembers(this.#membership(vm.id, undefined), this.#options.clock, 0);
      await removeGuest(this.#paths(vm.id));
    });
  }

  async status(vm: Vm): Promise<GuestStatus> {
    const guest = await this.#find(vm);
    const stat = guest && livingStat(guest.identity);
    if (stat === undefined) return "gone";
    return stat.state === "T" ? "paused" : "running";
  }

  /** Ends every guest, also those of an earlier server that nobody has asked for yet. */
  async close(): Promise<void> {
    this.#closing = true;
    const ids = new Set([...this.#guests.keys(), ...listGuests(this.#options.runDir)]);
    await Promise.all([...ids].map((id) => this.#serial(id, () => this.#end({ id, deployId: "" }, false))));
  }

  /** The guest of a VM if it is alive, watched from now on. */
  async #find(vm: Pick<Vm, "id" | "deployId">): Promise<Guest | undefined> {
    const known = this.#guests.get(vm.id);
    if (known && livingStat(known.identity)) return known;
    const identity = await this.#recorded(vm);
    if (identity === undefined || !leads(livingStat(identity))) return undefined;
    const current = this.#guests.get(vm.id);
    if (current?.identity.pid === identity.pid) return current;
    return this.#watch({ vmId: vm.id, identity, adopted: true, ended: false });
  }

  /** Which process the VM was last: by the note in its directory, else by DEPLOY_ID if that process bears its marks. */
  async #recorded(vm: Pick<Vm, "id" | "deployId">): Promise<ProcessIdentity | undefined> {
    const note = readNote(this.#paths(vm.id));
    if (note !== undefined) {
      return note.bootId === bootId() ? { pid: note.pid, startTicks: note.startTicks } : undefined;
    }
    const identity = parseDeployId(vm.deployId);
    return identity && isOwnedBy(marksOf(identity.pid), this.#owner(vm.id)) ? identity : undefined;
  }

  async #running(vm: Vm): Promise<ProcessIdentity> {
    const guest = await this.#find(vm);
    if (guest !== undefined) return guest.identity;
    throw new GatehouseError("wrong_state", `The guest of virtual machine [${vm.id}] does not run.`);
  }

  async #start(vm: Vm, context: ContextFiles): Promise<ProcessIdentity> {
    if (this.#closing) throw new GatehouseError("unavailable", "No guest is started while the house closes.");
    const refusal = this.refusal(vm);
    if (refusal !== undefined) throw new GatehouseError("forbidden", refusal);
    const script = startScript(context.variables);
    const paths = this.#paths(vm.id);
    const uid = this.#uid(vm.id);
    await this.#prepare(vm.id, uid);
    await writeGuest(paths, uid, context, script);
    // A fork blocks the server for some milliseconds, so there is one at a time and others get their turn.
    return this.#spawning(0, () =>
      spawnGuest({
        paths,
        uid,
        command: startCommand(script, paths.startScript),
        environment: guestEnvironment(context, paths, this.#options.path?.() ?? DEFAULT_PATH),
        note: async (noted) => {
          await writeNote(paths, noted, bootId());
          // Known before its script may run, since that may end at once.
          this.#watch({ vmId: vm.id, identity: noted, adopted: false, ended: false });
        },
        onEnd: (ended, reason) => this.#ended(vm.id, ended, reason),
      }),
    );
  }

  /** Makes room: no strays of an earlier boot, and no other VM under the same uid. */
  async #prepare(vmId: number, uid: number | undefined): Promise<void> {
    const { runDir, clock } = this.#options;
    await prepareRunDir(runDir, uid !== undefined);
    const present = listGuests(runDir);
    const rival = present.find((id) => uid !== undefined && id !== vmId && this.#uid(id) === uid);
    if (rival !== undefined) {
      throw new GatehouseError(
        "conflict",
        `Virtual machine [${vmId}] would share uid ${uid} with virtual machine [${rival}]; remove that one first.`,
      );
    }
    if (present.includes(vmId)) await endMembers(this.#membership(vmId, undefined), clock, 0);
  }

  async #end(vm: Pick<Vm, "id" | "deployId">, hard: boolean): Promise<void> {
    const leader = this.#guests.get(vm.id)?.identity ?? (await this.#recorded(vm));
    if (leader !== undefined) {
      await endMembers(this.#membership(vm.id, leader), this.#options.clock, hard ? 0 : this.#graceMs);
    }
    await this.#forget(vm.id);
  }

  /** An init ended: what it leaves behind goes too, and whoever did not ask for it is told, once. */
  #ended(vmId: number, identity: ProcessIdentity, reason: string): void {
    const guest = this.#guests.get(vmId);
    if (guest === undefined || guest.ended || guest.identity.pid !== identity.pid) return;
    guest.ended = true;
    const work = async (): Promise<void> => {
      // Its end was asked for, and waited for, before this turn came.
      if (this.#guests.get(vmId) !== guest) return;
      try {
        await endMembers(this.#membership(vmId, identity), this.#options.clock, 0);
      } finally {
        await this.#forget(vmId);
        if (!this.#closing) for (const listener of this.#listeners) listener(vmId, reason);
      }
    };
    // What outlives SIGKILL is beyond us; the next boot looks for it again.
    this.#serial(vmId, work).catch(() => {});
  }

  async #forget(vmId: number): Promise<void> {
    this.#guests.delete(vmId);
    await removeNote(this.#paths(vmId));
  }

  #watch(guest: Guest): Guest {
    this.#guests.set(guest.vmId, guest);
    if (!this.#watching) this.#watchLater();
    return guest;
  }

  #watchLater(): void {
    this.#watching = this.#guests.size > 0 && !this.#closing;
    if (this.#watching)
      this.#options.clock.after(WATCH_MS, () => void this.#look().then(() => this.#watchLater()));
  }

  async #look(): Promise<void> {
    for (const guest of [...this.#guests.values()]) {
      if (guest.adopted && livingStat(guest.identity) === undefined) {
        this.#ended(
          guest.vmId,
          guest.identity,
          "The guest ended; an earlier server started it, so how is not known.",
        );
      }
      await trimLog(this.#paths(guest.vmId), this.#options.maxLogBytes ?? DEFAULT_MAX_LOG_BYTES).catch(
        () => {},
      );
    }
  }

  #paths(vmId: number): GuestPaths {
    return guestPaths(this.#options.runDir, vmId);
  }

  #uid(vmId: number): number | undefined {
    const { uidBase } = this.#options;
    return uidBase === undefined || process.getuid?.() !== 0 ? undefined : uidBase + (vmId % GUEST_UIDS);
  }

  #owner(vmId: number): GuestOwner {
    return { contextDir: this.#paths(vmId).contextDir, uid: this.#uid(vmId) };
  }

  #membership(vmId: number, leader: ProcessIdentity | undefined): Membership {
    return { table: this.#table, leader, owner: this.#owner(vmId) };
  }
}

/** A guest's init leads its session; whatever else has that pid is not one. */
function leads(stat: ProcessStat | undefined): boolean {
  return stat !== undefined && stat.sessionId === stat.pid;
}
