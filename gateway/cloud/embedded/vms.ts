/** VMs of the embedded cloud: what people and guests may ask of them. What they then owe, the runner does. */

import { epochSeconds } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { HOST_STATE } from "../../../shared/states/host.ts";
import { appendTemplate, eraseAttribute } from "../../../shared/template/edit.ts";
import { stringOf, type Template, type Vector, vectorOf, vectorsOf } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor } from "../actor.ts";
import type { Vm } from "../model.ts";
import { authorize, type Right } from "../permissions.ts";
import type { UpdateMode } from "../pools/pool.ts";
import {
  type ActionSchedule,
  type RecoverOperation,
  requirePrecondition,
  type UpdateChecks,
  VM_ACTIONS,
  type VmAction,
  type VmPool,
} from "../pools/vm-pool.ts";
import { restrictedChange, restrictedUpdate } from "../restricted.ts";
import { checkUserTemplate } from "./bounds.ts";
import { withNetworkContext } from "./context/network.ts";
import type { Announce } from "./events.ts";
import { HOSTS, NETWORKS, VMS } from "./kinds.ts";
import { letGo } from "./let-go.ts";
import { addNic, refuseRestricted, removeNic, requireParent } from "./nics.ts";
import { missing, OwnedObjects, type PoolContext } from "./pool.ts";
import { actionOf, addAction, changeAction, removeAction } from "./schedule/schedule-book.ts";
import { nextPhase, type Phase, phaseOf, phasesFor } from "./vm-machine.ts";
import type { VmMaker } from "./vm-maker.ts";
import { requirePhase, wrongState } from "./vm-phases.ts";
import { recoverPhase } from "./vm-recover.ts";
import type { VmRunner } from "./vm-runner.ts";
import { dropSnapshot, revertTo, takeSnapshot } from "./vm-snapshots.ts";
import { deployOn, enterPhase, noteAction } from "./vm-transition.ts";

/** OpenNebula's defaults (VM_ADMIN_OPERATIONS): everything not named here takes MANAGE. */
const ADMIN_ACTIONS: ReadonlySet<string> = new Set(["resched", "unresched"] satisfies VmAction[]);

function rightFor(action: string): Right {
  return ADMIN_ACTIONS.has(action) ? "ADMIN" : "MANAGE";
}

export class Vms extends OwnedObjects<Vm> implements VmPool {
  readonly #announce: Announce;
  readonly #maker: VmMaker;
  readonly #runner: VmRunner;

  constructor(context: PoolContext, announce: Announce, maker: VmMaker, runner: VmRunner) {
    super(context, VMS, { noun: "virtual machine", label: "VM" });
    this.#announce = announce;
    this.#maker = maker;
    this.#runner = runner;
  }

  protected override store(tx: Transaction, object: Vm, previous: Vm): Vm {
    const vm = tx.put(VMS, object);
    const moved = vm.state !== previous.state || vm.lcmState !== previous.lcmState;
    this.#announce(tx, { kind: moved ? "vm_state" : "vm_updated", vm, previous });
    return vm;
  }

  async several(actor: Actor, ids: readonly number[]): Promise<readonly Vm[]> {
    return ids.map((id) => this.peek(actor, id)).filter((vm) => vm !== undefined);
  }

  async allocate(actor: Actor, template: Template, options: { hold?: boolean } = {}): Promise<number> {
    const name = stringOf(template, "NAME") ?? "one-%i";
    return await this.context.registry.transact(
      (tx) => this.#maker.make(tx, actor, template, { name, hold: options.hold === true }).id,
    );
  }

  async updateUserTemplate(
    actor: Actor,
    id: number,
    template: Template,
    mode: UpdateMode,
    checks: UpdateChecks = {},
  ): Promise<void> {
    await this.edit(actor, id, "MANAGE", (vm) => {
      requirePrecondition(vm, checks);
      refuseRestrictedUpdate(actor, template, vm.userTemplate);
      const userTemplate = mode === "append" ? appendTemplate(vm.userTemplate, template) : template;
      checks.becomes?.(vm.userTemplate, userTemplate);
      return { ...vm, userTemplate: checkUserTemplate(userTemplate, vm.userTemplate) };
    });
  }

  async eraseUserAttribute(
    actor: Actor,
    id: number,
    path: readonly [string] | readonly [string, string],
    checks: Pick<UpdateChecks, "precondition"> = {},
  ): Promise<void> {
    await this.edit(actor, id, "MANAGE", (vm) => {
      requirePrecondition(vm, checks);
      const userTemplate = eraseAttribute(vm.userTemplate, path);
      if (userTemplate === undefined) {
        throw new GatehouseError(
          "not_found",
          `Attribute (${path.join("/")}) not found in the user template of VM ${id}.`,
        );
      }
      return { ...vm, userTemplate };
    });
  }

  /** A reboot has no phase of its own: it is done, or refused, while the caller waits. */
  async act(actor: Actor, id: number, action: VmAction): Promise<void> {
    await this.edit(actor, id, rightFor(action), (vm, tx) => this.#acted(tx, actor, vm, action));
    if (action === "reboot" || action === "reboot-hard")
      await this.#runner.reboot(id, action === "reboot-hard");
  }

  /**
   * The same within a transaction, for what was scheduled: SNAPSHOT_ACTIONS too; a reboot is noted, and left to the caller.
   * @throws GatehouseError before anything is written.
   */
  perform(tx: Transaction, actor: Actor, vm: Vm, action: string, args: string): Vm {
    const known = VM_ACTIONS.find((name) => name === action);
    authorize(actor, vm, known === undefined ? "MANAGE" : rightFor(known), this.words.label);
    if (known !== undefined) return this.#acted(tx, actor, vm, known);
    switch (action) {
      case "snapshot-create":
        return takeSnapshot(vm, args, epochSeconds(this.context.clock)).vm;
      case "snapshot-revert":
        return revertTo(vm, Number(args));
      case "snapshot-delete":
        return dropSnapshot(vm, Number(args));
      default:
        throw new GatehouseError("bad_request", `${action} is not supported.`);
    }
  }

  /** Writes a VM that `perform` made of another, and tells of it. */
  write(tx: Transaction, vm: Vm, previous: Vm): Vm {
    return this.store(tx, vm, previous);
  }

  /** Boots a VM that waits on a host of the administrator's choice. */
  async deploy(actor: Actor, id: number, hostId: number): Promise<void> {
    await this.edit(actor, id, "ADMIN", (vm, tx) => {
      const host = tx.get(HOSTS, hostId);
      if (host === undefined) throw missing({ noun: "host", label: "HOST" }, hostId);
      const phase = phaseOf(vm);
      if (phase !== "PENDING" && phase !== "HOLD") throw wrongState("deploy", vm, ["PENDING", "HOLD"]);
      const offline = host.state === HOST_STATE.OFFLINE;
      const refusal = offline ? "the host is offline" : this.#runner.refusal(vm, host);
      if (refusal !== undefined)
        throw new GatehouseError("wrong_state", `Cannot deploy VM ${id} on host ${host.name}: ${refusal}`);
      return deployOn(vm, host, epochSeconds(this.context.clock));
    });
  }

  async recover(actor: Actor, id: number, operation: RecoverOperation): Promise<void> {
    await this.edit(actor, id, "ADMIN", (vm, tx) => this.#enter(tx, vm, recoverPhase(vm, operation)));
  }

  /** Ends a VM in whatever phase it is; one that has ended already stays as it is. */
  endWhateverItDoes(tx: Transaction, id: number): void {
    const vm = tx.get(VMS, id);
    const phase = vm === undefined ? undefined : nextPhase(vm, "terminate-hard");
    if (vm !== undefined && phase !== undefined) this.store(tx, this.#enter(tx, vm, phase), vm);
  }

  async attachNic(actor: Actor, id: number, template: Template): Promise<number> {
    const aliases = vectorsOf(template, "NIC_ALIAS").map(requireParent);
    const [nic, ...others] = [...vectorsOf(template, "NIC"), ...aliases];
    if (nic === undefined || others.length > 0) {
      throw new GatehouseError(
        "bad_request",
        `The template must hold one NIC = [ ... ] or NIC_ALIAS = [ ... ].`,
      );
    }
    let attached = -1;
    await this.edit(actor, id, "MANAGE", (vm, tx) => {
      refuseRestricted(actor, template);
      requirePhase(vm, "attachnic", ["RUNNING", "POWEROFF"]);
      const added = addNic(tx, actor, id, vm.template, nic);
      attached = added.nicId;
      return this.#withNics(vm, refreshContext(tx, added.template));
    });
    return attached;
  }

  async detachNic(actor: Actor, id: number, nicId: number): Promise<void> {
    await this.edit(actor, id, "MANAGE", (vm, tx) => {
      requirePhase(vm, "detachnic", ["RUNNING", "POWEROFF"]);
      return { ...vm, template: refreshContext(tx, removeNic(tx, id, vm.template, nicId)) };
    });
  }

  /**
   * A router's VM gets the router's new interface, under the same id.
   * @throws GatehouseError `wrong_state`, or `conflict` when it has had interfaces of its own.
   */
  plug(tx: Transaction, actor: Actor, id: number, nic: Vector, nicId: number): void {
    const vm = this.require(tx, id);
    requirePhase(vm, "attachnic", ["RUNNING", "POWEROFF"]);
    const added = addNic(tx, actor, id, vm.template, nic);
    if (added.nicId !== nicId)
      throw new GatehouseError(
        "conflict",
        `VM ${id} has interfaces that its virtual router does not have: detach them first.`,
      );
    this.store(tx, this.#withNics(vm, refreshContext(tx, added.template)), vm);
  }

  /** It would be too late to say at its next boot what is wrong with the new one. */
  #withNics(vm: Vm, template: Template): Vm {
    const changed = { ...vm, template };
    this.#runner.requireBootable(vm, changed);
    return changed;
  }

  /** The other way round; a VM that has it no more stays as it is. @throws GatehouseError `wrong_state`. */
  unplug(tx: Transaction, id: number, nicId: number): void {
    const vm = this.require(tx, id);
    if (!vectorsOf(vm.template, "NIC").some((nic) => Number(nic.NIC_ID) === nicId)) return;
    requirePhase(vm, "detachnic", ["RUNNING", "POWEROFF"]);
    this.store(tx, { ...vm, template: refreshContext(tx, removeNic(tx, id, vm.template, nicId)) }, vm);
  }

  async createSnapshot(actor: Actor, id: number, name: string): Promise<number> {
    let snapshotId = -1;
    await this.edit(actor, id, "MANAGE", (vm) => {
      this.#runner.requireSnapshots(vm);
      const taken = takeSnapshot(vm, name, epochSeconds(this.context.clock));
      snapshotId = taken.snapshotId;
      return taken.vm;
    });
    return snapshotId;
  }

  async revertSnapshot(actor: Actor, id: number, snapshotId: number): Promise<void> {
    await this.edit(actor, id, "MANAGE", (vm) => revertTo(vm, snapshotId));
  }

  async deleteSnapshot(actor: Actor, id: number, snapshotId: number): Promise<void> {
    await this.edit(actor, id, "MANAGE", (vm) => dropSnapshot(vm, snapshotId));
  }

  async schedule(actor: Actor, id: number, schedule: ActionSchedule): Promise<number> {
    let actionId = -1;
    await this.edit(actor, id, rightFor(schedule.action), (vm, tx) => {
      refuseEnded(vm);
      const added = addAction(tx, vm, schedule);
      actionId = added.actionId;
      return added.vm;
    });
    return actionId;
  }

  async reschedule(
    actor: Actor,
    id: number,
    actionId: number,
    changes: Partial<ActionSchedule>,
  ): Promise<void> {
    await this.edit(actor, id, "MANAGE", (vm) => {
      refuseEnded(vm);
      const right = rightFor(changes.action ?? actionOf(vm, actionId).action);
      authorize(actor, vm, right, this.words.label);
      return changeAction(vm, actionId, changes);
    });
  }

  async unschedule(actor: Actor, id: number, actionId: number): Promise<void> {
    await this.edit(actor, id, "MANAGE", (vm) => removeAction(vm, actionId));
  }

  #acted(tx: Transaction, actor: Actor, vm: Vm, action: VmAction): Vm {
    const phase = nextPhase(vm, action);
    if (phase === undefined) throw wrongState(action, vm, phasesFor(action));
    if (action === "reboot" || action === "reboot-hard") return noteAction(vm, action, actor);
    if (action === "resched" || action === "unresched") return { ...vm, resched: action === "resched" };
    return this.#enter(tx, noteAction(vm, action, actor), phase);
  }

  #enter(tx: Transaction, vm: Vm, phase: Phase): Vm {
    const entered = enterPhase(vm, phase, epochSeconds(this.context.clock));
    if (phase === "DONE") letGo(tx, entered);
    return entered;
  }
}

/** The guest's ETHi_ variables follow its interfaces. */
function refreshContext(tx: Transaction, template: Template): Template {
  const context = vectorOf(template, "CONTEXT");
  if (context === undefined) return template;
  return { ...template, CONTEXT: withNetworkContext(context, template, (id) => tx.get(NETWORKS, id)) };
}

/** Whoever asks, a guest too: what only administrators may set stays as it is. */
function refuseRestrictedUpdate(actor: Actor, given: Template, current: Template): void {
  const name = restrictedChange(actor, given, current);
  if (name !== undefined) throw new GatehouseError("forbidden", restrictedUpdate(name));
}

function refuseEnded(vm: Vm): void {
  if (phaseOf(vm) !== "DONE") return;
  throw new GatehouseError("wrong_state", `VM ${vm.id} is DONE: nothing more can be scheduled for it.`);
}
