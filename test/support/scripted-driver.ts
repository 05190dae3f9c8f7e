/**
 * A driver that does what a test's script says: each operation succeeds, fails, or waits for the test to decide.
 * Its guests live in a map of the test's, so that a house that crashed leaves them behind.
 */

import type { Driver, GuestStatus } from "../../gateway/cloud/embedded/driver.ts";
import { phaseOf } from "../../gateway/cloud/embedded/vm-machine.ts";
import type { Vm } from "../../gateway/cloud/model.ts";

export type Operation = "deploy" | "shutdown" | "shutdown-hard" | "reboot" | "suspend" | "resume" | "cleanup";

export type Verdict = "succeed" | "fail" | "hold";

/** What becomes of an operation, by what it is and the phase that the VM is in. */
export type Script = (operation: Operation, phase: string) => Verdict;

/** An operation that waits for the test. */
export interface HeldOperation {
  readonly operation: Operation;
  readonly phase: string;
  /** It takes effect, and is answered. */
  succeed(): void;
  /** It takes no effect, and is answered with the reason. */
  fail(reason: string): void;
  /** It takes effect, and nobody is told: to be followed by a crash. */
  takeEffect(): void;
}

export type Guests = Map<number, Exclude<GuestStatus, "gone">>;

export interface ScriptedDriver extends Driver {
  /** Everything asked for so far, as `deploy in BOOT`. */
  readonly asked: readonly string[];
  readonly guests: Guests;
  /** The next operation that the script holds, when it comes; each is given once, in order. */
  held(): Promise<HeldOperation>;
  follow(script: Script): void;
  /** A guest ends without having been asked to. */
  endGuest(vmId: number, reason: string): void;
  /** A guest that goes on is in trouble. */
  troubleGuest(vmId: number, trouble: string): void;
}

export interface ScriptedDriverOptions {
  readonly name?: string;
  readonly script?: Script;
  readonly guests?: Guests;
  readonly endsGuestsOnClose?: boolean;
  readonly refusal?: (vm: Vm) => string | undefined;
}

export const FAILURE = "the script says so";

export function scriptedDriver(options: ScriptedDriverOptions = {}): ScriptedDriver {
  const guests: Guests = options.guests ?? new Map();
  const asked: string[] = [];
  const listeners: ((vmId: number, reason: string) => void)[] = [];
  const troubleListeners: ((vmId: number, trouble: string) => void)[] = [];
  const queue = handOver<HeldOperation>();
  let script: Script = options.script ?? (() => "succeed");

  const run = async (operation: Operation, vm: Vm): Promise<void> => {
    const phase = phaseOf(vm);
    asked.push(`${operation} in ${phase}`);
    const takeEffect = () => changeGuest(guests, operation, vm.id);
    const verdict = script(operation, phase);
    if (verdict === "fail") throw new Error(FAILURE);
    if (verdict === "succeed") return takeEffect();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    queue.put({
      operation,
      phase,
      takeEffect,
      succeed() {
        takeEffect();
        resolve();
      },
      fail: (reason) => reject(new Error(reason)),
    });
    await promise;
  };

  return {
    name: options.name ?? "scripted",
    endsGuestsOnClose: options.endsGuestsOnClose ?? false,
    asked,
    guests,
    held: queue.take,
    follow: (next) => {
      script = next;
    },
    endGuest(vmId, reason) {
      guests.delete(vmId);
      for (const listener of listeners) listener(vmId, reason);
    },
    troubleGuest(vmId, trouble) {
      for (const listener of troubleListeners) listener(vmId, trouble);
    },
    refusal: (vm) => options.refusal?.(vm),
    async deploy(vm) {
      await run("deploy", vm);
      return `scripted:${vm.id}`;
    },
    shutdown: (vm, hard) => run(hard ? "shutdown-hard" : "shutdown", vm),
    reboot: (vm) => run("reboot", vm),
    suspend: (vm) => run("suspend", vm),
    resume: (vm) => run("resume", vm),
    cleanup: (vm) => run("cleanup", vm),
    status: async (vm) => guests.get(vm.id) ?? "gone",
    onExit: (listener) => void listeners.push(listener),
    onTrouble: (listener) => void troubleListeners.push(listener),
    async close() {
      if (options.endsGuestsOnClose) guests.clear();
    },
  };
}

function changeGuest(guests: Guests, operation: Operation, vmId: number): void {
  if (operation === "suspend") guests.set(vmId, "paused");
  else if (operation.startsWith("shutdown")) guests.delete(vmId);
  else if (operation !== "cleanup") guests.set(vmId, "running");
}

/** What is put is taken once, in order; whoever comes too early waits. */
function handOver<T>(): { put(item: T): void; take(): Promise<T> } {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    put(item) {
      const taker = takers.shift();
      if (taker === undefined) items.push(item);
      else taker(item);
    },
    async take() {
      const item = items.shift();
      return item ?? (await new Promise<T>((resolve) => takers.push(resolve)));
    },
  };
}
