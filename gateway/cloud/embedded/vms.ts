/** VMs of the embedded cloud: what people and guests may ask of them. What they then owe, the runner does. */

import { epochSeconds } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { HOST_STATE } from "../../../shared/states/host.ts";
import { appendTemplate, eraseAttribute } from "../../../shared/template/edit.ts";
import { stringOf, type Template, vectorOf, vectorsOf } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import {
  type Actor,
  type RecoverOperation,
  requirePrecondition,
  type UpdateChecks,
  type UpdateMode,
  type VmAction,
  type VmPool,
} from "../cloud.ts";
import type { Snapshot, Vm } from "../model.ts";
import type { Right } from "../permissions.ts";
import { restrictedChange } from "../restricted.ts";
import { checkRoom, checkUserTemplate, MAX_SNAPSHOTS } from "./bounds.ts";
import { withNetworkContext } from "./context/network.ts";
import type { Announce } from "./events.ts";
import { HOSTS, NETWORKS, VMS } from "./kinds.ts";
import { letGo } from "./let-go.ts";
import { addNic, removeNic, requireParent } from "./nics.ts";
import { missing, OwnedObjects, type PoolContext } from "./pool.ts";
import { nextPhase, type Phase, phaseOf, phasesFor } from "./vm-machine.ts";
import type { VmMaker } from "./vm-maker.ts";
import { recoverPhase } from "./vm-recover.ts";
import type { VmRunner } from "./vm-runner.ts";
import { deployOn, enterPhase, noteAction } from "./vm-transition.ts";

/** OpenNebula's defaults (VM_ADMIN_OPERATIONS): everything not named here takes MANAGE. */
const RIGHT_FOR: { readonly [action in VmAction]?: Right } = { resched: "ADMIN", unresched: "ADMIN" };

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

  async act(actor: Actor, id: number, action: VmAction): Promise<void> {
    if (action === "reboot" || action === "reboot-hard") return await this.#reboot(actor, id, action);
    const right = RIGHT_FOR[action] ?? "MANAGE";
    await this.edit(actor, id, right, (vm, tx) => {
      const phase = nextPhase(vm, action);
      if (phase === undefined) throw wrongState(action, vm, phasesFor(action));
      if (action === "resched" || action === "unresched") return { ...vm, resched: action === "resched" };
      return this.#enter(tx, noteAction(vm, action, actor), phase);
    });
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
      return { ...vm, template: refreshContext(tx, added.template) };
    });
    return attached;
  }

  async detachNic(actor: Actor, id: number, nicId: number): Promise<void> {
    await this.edit(actor, id, "MANAGE", (vm, tx) => {
      requirePhase(vm, "detachnic", ["RUNNING", "POWEROFF"]);
      return { ...vm, template: refreshContext(tx, removeNic(tx, id, vm.template, nicId)) };
    });
  }

  async createSnapshot(actor: Actor, id: number, name: string): Promise<number> {
    let snapshotId = -1;
    await this.edit(actor, id, "MANAGE", (vm) => {
      requirePhase(vm, "snapshotcreate", ["RUNNING"]);
      checkRoom(vm.snapshots.length, MAX_SNAPSHOTS, "snapshots");
      snapshotId = Math.max(-1, ...vm.snapshots.map((snapshot) => snapshot.id)) + 1;
      const taken: Snapshot = {
        id: snapshotId,
        name: name || `snapshot-${snapshotId}`,
        time: epochSeconds(this.context.clock),
        active: true,
      };
      return { ...vm, snapshots: [...vm.snapshots.map((other) => ({ ...other, active: false })), taken] };
    });
    return snapshotId;
  }

  async revertSnapshot(actor: Actor, id: number, snapshotId: number): Promise<void> {
    await this.edit(actor, id, "MANAGE", (vm) => {
      requirePhase(vm, "snapshotrevert", ["RUNNING"]);
      requireSnapshot(vm, snapshotId);
      return {
        ...vm,
        snapshots: vm.snapshots.map((other) => ({ ...other, active: other.id === snapshotId })),
      };
    });
  }

  async deleteSnapshot(actor: Actor, id: number, snapshotId: number): Promise<void> {
    await this.edit(actor, id, "MANAGE", (vm) => {
      requirePhase(vm, "snapshotdelete", ["RUNNING"]);
      requireSnapshot(vm, snapshotId);
      return { ...vm, snapshots: vm.snapshots.filter((other) => other.id !== snapshotId) };
    });
  }

  /** The one action without a phase of its own: it is done, or refused, while the caller waits. */
  async #reboot(actor: Actor, id: number, action: "reboot" | "reboot-hard"): Promise<void> {
    await this.edit(actor, id, "MANAGE", (current) => {
      if (nextPhase(current, action) === undefined) throw wrongState(action, current, phasesFor(action));
      return noteAction(current, action, actor);
    });
    await this.#runner.reboot(id, action === "reboot-hard");
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

/** What a NIC brings beside its network would let whoever owns a VM choose a bridge. @throws GatehouseError `forbidden`. */
function refuseRestricted(actor: Actor, template: Template): void {
  const name = restrictedChange(actor, template);
  if (name === undefined) return;
  throw new GatehouseError(
    "forbidden",
    `The interface includes the restricted attribute ${name}, which only administrators may set.`,
  );
}

function requirePhase(vm: Vm, operation: string, phases: readonly Phase[]): void {
  if (!phases.some((phase) => phase === phaseOf(vm))) throw wrongState(operation, vm, phases);
}

function requireSnapshot(vm: Vm, snapshotId: number): void {
  if (!vm.snapshots.some((snapshot) => snapshot.id === snapshotId)) {
    throw new GatehouseError("not_found", `Snapshot ${snapshotId} does not exist in VM ${vm.id}.`);
  }
}

function wrongState(operation: string, vm: Vm, allowed: readonly Phase[]): GatehouseError {
  return new GatehouseError(
    "wrong_state",
    `Error performing action "${operation}": This action is not available for state ${phaseOf(vm)} (only for ${allowed.join(", ")}).`,
  );
}
