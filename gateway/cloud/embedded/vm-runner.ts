/**
 * The shell around the VM machine: does what transient phases owe, through the drivers, and steps on.
 * Each VM has a mailbox of one: its work is done one after another, VMs run side by side. Nothing is remembered here;
 * after a crash `recover` finds the owed work in the phases.
 */

import { type Clock, epochSeconds } from "../../../shared/clock.ts";
import { errorText, GatehouseError } from "../../../shared/errors.ts";
import { isYes, stringOf, type Template, vectorOf } from "../../../shared/template/types.ts";
import { classicToken } from "../../../shared/tokens/classic.ts";
import type { Registry } from "../../store/registry.ts";
import type { Host, Vm } from "../model.ts";
import { contextFiles } from "./context/context-files.ts";
import type { ContextFiles, Driver } from "./driver.ts";
import type { Announce } from "./events.ts";
import { USERS, VMS } from "./kinds.ts";
import { letGo } from "./let-go.ts";
import { owedWork, type Phase, phaseOf, type Work } from "./vm-machine.ts";
import { tokenPasswordOf } from "./vm-maker.ts";
import { noteEnd, noteTrouble } from "./vm-notes.ts";
import { enterPhase } from "./vm-transition.ts";

/** How long to wait when the store refused a step. */
const STORE_RETRY_MS = 1_000;

export interface RunnerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface RunnerOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: RunnerLog;
  readonly announce: Announce;
  /** The driver for a host's VM_MAD; undefined when the house has none. */
  readonly driverFor: (vmMad: string) => Driver | undefined;
  /** What guests that boot are told; undefined while OneGate does not listen. */
  readonly onegateEndpoint: () => string | undefined;
}

export class VmRunner {
  readonly #options: RunnerOptions;
  readonly #busy = new Map<number, Promise<void>>();
  #closed = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Why this host cannot run the VM; undefined when it can. */
  refusal(vm: Vm, host: Host): string | undefined {
    const driver = this.#options.driverFor(host.vmMad);
    return driver === undefined ? `the house has no driver "${host.vmMad}"` : driver.refusal(vm);
  }

  /** Takes up what the VM owes, if anything; a VM already being worked on is looked at again by its own turn. */
  kick(vm: Vm): void {
    if (this.#closed || owedWork(vm) === undefined || this.#busy.has(vm.id)) return;
    this.#occupy(vm.id, this.#work(vm.id));
  }

  /**
   * Has its turn like any work, so that no guest is booted whose VM was moved on meanwhile.
   * @throws GatehouseError `wrong_state` when the VM runs no more by then, `unavailable` when the driver could not.
   */
  async reboot(vmId: number, hard: boolean): Promise<void> {
    for (let turn = this.#busy.get(vmId); turn !== undefined; turn = this.#busy.get(vmId)) await turn;
    if (this.#closed) throw new GatehouseError("unavailable", "Nothing is rebooted while the house closes.");
    const vm = this.#options.registry.collection(VMS).get(vmId);
    if (vm === undefined || phaseOf(vm) !== "RUNNING") {
      const phase = vm === undefined ? "gone" : phaseOf(vm);
      throw new GatehouseError("wrong_state", `VM ${vmId} could not be rebooted: it is ${phase} by now.`);
    }
    const work = this.#reboot(vm, hard);
    this.#occupy(vmId, work);
    await work;
  }

  /** A running guest ended on its own: OpenNebula calls that POWEROFF. Never rejects. */
  async guestEnded(vmId: number, reason: string): Promise<void> {
    try {
      await noteEnd(this.#options, vmId, reason);
    } catch (error) {
      const { clock, log } = this.#options;
      log.warn({ vm: vmId, error: errorText(error) }, "the end of a guest could not be stored");
      clock.after(STORE_RETRY_MS, () => void this.#noteEndIfGone(vmId, reason));
    }
  }

  /** A guest that goes on, or is just leaving, is in trouble. Never rejects. */
  async guestTroubled(vmId: number, trouble: string): Promise<void> {
    try {
      await noteTrouble(this.#options, vmId, trouble);
    } catch (error) {
      const fields = { vm: vmId, trouble, error: errorText(error) };
      this.#options.log.warn(fields, "trouble of a guest could not be stored");
    }
  }

  /** @throws GatehouseError `wrong_state` for a VM whose driver could not go back to a snapshot of it. */
  requireSnapshots(vm: Vm): void {
    const driver = this.#options.driverFor(lastDriver(vm));
    if (driver?.takesNoSnapshots !== true) return;
    throw new GatehouseError("wrong_state", `The driver ${driver.name} of VM ${vm.id} takes no snapshots.`);
  }

  /** @throws GatehouseError `bad_request` for a change with which its driver would not boot the VM any more. */
  requireBootable(vm: Vm, changed: Vm): void {
    const driver = this.#options.driverFor(lastDriver(vm));
    const reason = driver?.refusal(vm) === undefined ? driver?.refusal(changed) : undefined;
    if (reason !== undefined) throw new GatehouseError("bad_request", reason);
  }

  /** Has the VM no guest? False when nobody knows: the house has no such driver, or it cannot tell. */
  async isGone(vm: Vm): Promise<boolean> {
    try {
      return (await this.#options.driverFor(lastDriver(vm))?.status(vm)) === "gone";
    } catch (error) {
      this.#options.log.warn({ vm: vm.id, error: errorText(error) }, "guest could not be looked for");
      return false;
    }
  }

  async #reboot(vm: Vm, hard: boolean): Promise<void> {
    try {
      const driver = this.#driverOf(vm);
      await driver.reboot(vm, hard, this.#context(vm, driver));
    } catch (error) {
      throw new GatehouseError("unavailable", `VM ${vm.id} could not be rebooted: ${errorText(error)}`, {
        cause: error,
      });
    }
  }

  /** Keeps other work on the VM waiting; what it owes by then is taken up afterwards. */
  #occupy(vmId: number, work: Promise<void>): void {
    const next = (): void => {
      this.#busy.delete(vmId);
      const newest = this.#options.registry.collection(VMS).get(vmId);
      if (newest !== undefined) this.kick(newest);
    };
    this.#busy.set(vmId, work.then(next, next));
  }

  /** Meanwhile the guest may have been booted again. */
  async #noteEndIfGone(vmId: number, reason: string): Promise<void> {
    const vm = this.#options.registry.collection(VMS).get(vmId);
    if (!this.#closed && vm !== undefined && (await this.isGone(vm))) await this.guestEnded(vmId, reason);
  }

  /** Waits for the work under way, and takes up no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#busy.values());
  }

  /** Where the VM is, does what it owes, and steps on, until it is at rest or someone moved it meanwhile. */
  async #work(vmId: number): Promise<void> {
    while (!this.#closed) {
      const vm = this.#options.registry.collection(VMS).get(vmId);
      const owed = vm === undefined ? undefined : owedWork(vm);
      if (vm === undefined || owed === undefined) return;
      const outcome = await this.#attempt(vm, owed.work);
      const next = outcome.ok ? owed.done : await this.#failedPhase(vm, owed.failed);
      const moved = await this.#step(vm, next, outcome);
      if (!moved) return;
    }
  }

  /** A guest that ended while the driver was at work is told of once, and then was not listened to. */
  async #failedPhase(vm: Vm, phase: Phase): Promise<Phase> {
    const needsGuest = phase === "RUNNING" || phase === "SUSPENDED";
    return needsGuest && (await this.isGone(vm)) ? "POWEROFF" : phase;
  }

  async #attempt(vm: Vm, work: Work): Promise<Outcome> {
    try {
      return { ok: true, deployId: await this.#do(vm, work) };
    } catch (error) {
      this.#options.log.warn({ vm: vm.id, phase: phaseOf(vm), error: errorText(error) }, "driver failed");
      return { ok: false, reason: errorText(error) };
    }
  }

  async #do(vm: Vm, work: Work): Promise<string | undefined> {
    const driver = this.#driverOf(vm);
    switch (work) {
      case "deploy":
        return await driver.deploy(vm, this.#context(vm, driver));
      case "resume":
        await driver.resume(vm);
        return undefined;
      case "suspend":
        await driver.suspend(vm);
        return undefined;
      case "save":
        // Without it, a guest that is frozen could not hear that it shall end.
        await (driver.save?.(vm) ?? driver.shutdown(vm, phaseOf(vm) === "EPILOG_STOP"));
        return undefined;
      case "shutdown":
        await driver.shutdown(vm, false);
        return undefined;
      case "shutdown-hard":
        await driver.shutdown(vm, true);
        return undefined;
      case "cleanup":
        await driver.shutdown(vm, true);
        await driver.cleanup(vm);
        return undefined;
    }
  }

  /** False when the VM was moved by someone else while the driver worked: then its new phase says what to do. */
  async #step(before: Vm, phase: Phase, outcome: Outcome): Promise<boolean> {
    const { registry, announce } = this.#options;
    try {
      return await registry.transact((tx) => {
        const vm = tx.get(VMS, before.id);
        if (vm === undefined || phaseOf(vm) !== phaseOf(before)) return vm !== undefined;
        const entered = this.#entered(vm, phase);
        const put = tx.put(VMS, {
          ...entered,
          ...(outcome.ok && outcome.deployId !== undefined ? { deployId: outcome.deployId } : {}),
          userTemplate: withOutcome(entered.userTemplate, outcome),
        });
        if (phase === "DONE") letGo(tx, put);
        announce(tx, { kind: "vm_state", vm: put, previous: vm });
        return true;
      });
    } catch (error) {
      // The store could not write: the phase still says what is owed, so try again when it may have room.
      this.#options.log.warn({ vm: before.id, error: errorText(error) }, "VM state could not be stored");
      await new Promise<void>((resolve) => this.#options.clock.after(STORE_RETRY_MS, resolve));
      return true;
    }
  }

  #entered(vm: Vm, phase: Phase): Vm {
    return enterPhase(vm, phase, epochSeconds(this.#options.clock));
  }

  #driverOf(vm: Vm): Driver {
    const vmMad = lastDriver(vm);
    const driver = this.#options.driverFor(vmMad);
    if (driver === undefined)
      throw new GatehouseError("unavailable", `The house has no driver "${vmMad}" for VM ${vm.id}.`);
    return driver;
  }

  #context(vm: Vm, driver: Driver): ContextFiles {
    const made = vectorOf(vm.template, "CONTEXT") ?? {};
    const endpoint = this.#options.onegateEndpoint();
    // A house that came back on another port is still the one its guests report to.
    const context =
      made.ONEGATE_ENDPOINT === undefined || endpoint === undefined
        ? made
        : { ...made, ONEGATE_ENDPOINT: driver.endpointFor?.(vm, endpoint) ?? endpoint };
    return contextFiles({ context, token: isYes(context.TOKEN) ? this.token(vm) : undefined });
  }

  /** The classic token of a VM, signed with its creator's TOKEN_PASSWORD. @throws GatehouseError `wrong_state` without one. */
  token(vm: Vm): string {
    const creator = Number(stringOf(vm.template, "CREATED_BY") ?? vm.uid);
    const users = this.#options.registry.collection(USERS);
    const tokenPassword = tokenPasswordOf(users.get(creator) ?? users.get(vm.uid));
    if (tokenPassword === undefined) {
      throw new GatehouseError(
        "wrong_state",
        "Cannot generate OneGate token: TOKEN_PASSWORD not set in the user template.",
      );
    }
    return classicToken({ vmId: vm.id, stime: vm.stime, tokenPassword });
  }
}

/** The driver of the host where the VM is, or was last. */
function lastDriver(vm: Vm): string {
  return vm.history.at(-1)?.vmMad ?? "";
}

type Outcome =
  | { readonly ok: true; readonly deployId: string | undefined }
  | { readonly ok: false; readonly reason: string };

/** OpenNebula keeps the last failure in USER_TEMPLATE/ERROR, and drops it when things go well. */
function withOutcome(userTemplate: Template, outcome: Outcome): Template {
  if (!outcome.ok) return { ...userTemplate, ERROR: outcome.reason };
  if (userTemplate.ERROR === undefined && userTemplate.SCHED_MESSAGE === undefined) return userTemplate;
  const { ERROR: _error, SCHED_MESSAGE: _message, ...rest } = userTemplate;
  return rest;
}
