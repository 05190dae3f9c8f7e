/**
 * What makes a VM real: one driver per way of running them (`process`, `qemu`, `dummy`).
 * Every operation is idempotent: after a crash the embedded cloud asks again for what it still owes.
 */

import type { Vm } from "../model.ts";

/** The context files a guest finds, built by the cloud (context.sh; token.txt only when CONTEXT/TOKEN is yes). */
export interface ContextFiles {
  readonly contextSh: string;
  readonly tokenTxt: string | undefined;
  /** The same variables as context.sh, for a start script's environment. */
  readonly variables: Readonly<Record<string, string>>;
}

/** How a driver finds a VM it may have started in an earlier life. */
export type GuestStatus = "running" | "paused" | "gone";

export interface Driver {
  /** As in a host's VM_MAD. */
  readonly name: string;

  /** What its guests may have in all, MiB: a VM waits until there is room for its MEMORY. Undefined: nobody counts. */
  readonly memoryMiB?: number;

  /** Why this driver will not run VMs that `creatorUid` made from a template of `templateOwnerUid`; undefined: it will. */
  refusal(vm: Vm): string | undefined;

  /** Where this VM's guest reaches OneGate, when that is not where the house says (`endpoint`). */
  endpointFor?(vm: Vm, endpoint: string): string;

  /** The template of a VM has changed, whose guest may run: what it may not have any more is taken from it at once. */
  templateChanged?(vm: Vm): void;

  /** Boots the VM, or finds it already running. Resolves, with how the driver knows it, once it runs. */
  deploy(vm: Vm, context: ContextFiles): Promise<string>;
  /** Ends the guest: gracefully with a time limit, or at once. Resolves when it is gone (or was). */
  shutdown(vm: Vm, hard: boolean): Promise<void>;
  reboot(vm: Vm, hard: boolean, context: ContextFiles): Promise<void>;
  /** Freezes the guest in place, and lets it go on. */
  suspend(vm: Vm): Promise<void>;
  resume(vm: Vm): Promise<void>;
  /**
   * Ends the guest, running or frozen, so that the next `deploy` goes on where it was. A driver without it shuts its
   * guests down instead. A guest that is gone since it was saved is no fault.
   */
  save?(vm: Vm): Promise<void>;
  /** Removes what the VM left on disk. */
  cleanup(vm: Vm): Promise<void>;
  status(vm: Vm): Promise<GuestStatus>;

  /** Tells when a running guest ended without having been asked to; `reason` is one sentence for SCHED_MESSAGE and logs. */
  onExit(listener: (vmId: number, reason: string) => void): void;
  /** Tells what its owner should know of a guest that is still there, or is just leaving: one sentence, as above. */
  onTrouble?(listener: (vmId: number, trouble: string) => void): void;

  /** Does it run guests that have a state to go back to, and yet cannot keep it? Then no VM of it has snapshots. */
  readonly takesNoSnapshots?: boolean;

  /** Do guests end when the house closes? Then they boot again when it opens. */
  readonly endsGuestsOnClose: boolean;
  close(): Promise<void>;
}
