/** VMs of an OpenNebula. */

import { GatehouseError } from "../../../shared/errors.ts";
import { appendTemplate, eraseAttribute } from "../../../shared/template/edit.ts";
import { stringOf, type Template, vectorsOf } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import type { Vm } from "../model.ts";
import type { UpdateMode } from "../pools/pool.ts";
import {
  type ActionSchedule,
  RECOVER_OPERATIONS,
  type RecoverOperation,
  requirePrecondition,
  type UpdateChecks,
  type VmAction,
  type VmPool,
} from "../pools/vm-pool.ts";
import { type Recipe, recipeKey } from "./makes.ts";
import type { Objects } from "./objects.ts";
import { OwnedRemotePool, type PoolTools } from "./pool.ts";
import { seenAfter } from "./refusals.ts";
import { scheduleText } from "./schedule-text.ts";
import { kept, templateText, updateType } from "./template-text.ts";

/** Any datastore; and capacity is not looked at, as when OneGate's `deploy` asks for it. */
const ANY_DATASTORE = -1;

/** Ids in one call: at 11 KB a VM (recorded) its answer has some 2 MB. */
const MAX_NAMED = 200;

export class RemoteVms extends OwnedRemotePool<Vm> implements VmPool {
  readonly #seen: (vm: Vm) => void;

  /** `seen` is told of every VM that is read by itself, with its latest reading in it. */
  constructor(tools: PoolTools, objects: Objects<Vm>, object: string, seen: (vm: Vm) => void) {
    super(tools, objects, object);
    this.#seen = seen;
  }

  override async get(actor: Actor, id: number): Promise<Vm> {
    const vm = await super.get(actor, id);
    this.#seen(vm);
    return vm;
  }

  async several(actor: Actor, ids: readonly number[]): Promise<readonly Vm[]> {
    const found: Vm[] = [];
    for (let from = 0; from < ids.length; from += MAX_NAMED)
      found.push(
        ...(await this.objects.named(actor, "one.vmpool.infoset", ids.slice(from, from + MAX_NAMED))),
      );
    return found;
  }

  async allocate(actor: Actor, template: Template, { hold = false } = {}): Promise<number> {
    const text = templateText(template);
    return await this.made({
      key: recipeKey("vm", actor.uid, "allocate", text, hold),
      call: () => this.tools.core.make(actor, "one.vm.allocate", text, hold),
      find: (isCandidate, floor) =>
        this.findMade(actor, isCandidate, floor, { name: stringOf(template, "NAME"), notes: template }),
    });
  }

  /** The VM that a call of unknown outcome made: by owner, name, SERVICE_ID and ROLE_NAME. */
  async findMade(
    actor: Actor,
    isCandidate: (id: number) => boolean,
    floor: number,
    { name, notes, templateId }: { name: string | undefined; notes: Template; templateId?: number },
  ): Promise<number | undefined> {
    const service = stringOf(notes, "SERVICE_ID");
    // Of many VMs without a name, none known before, nobody can say which it is.
    if (!name && service === undefined && floor < 0) return undefined;
    return await this.findMine(actor, isCandidate, (vm) => {
      const named = !name || vm.name === name.replaceAll("%i", String(vm.id));
      const marked = ["SERVICE_ID", "ROLE_NAME"].every(
        (mark) => stringOf(vm.userTemplate, mark) === stringOf(notes, mark),
      );
      const from = templateId === undefined || stringOf(vm.template, "TEMPLATE_ID") === String(templateId);
      return named && marked && from;
    });
  }

  /** Made by the call of another pool. */
  async makeByTemplate(recipe: Omit<Recipe<number>, "highest" | "idsOf">): Promise<number> {
    return await this.made(recipe);
  }

  /** Those whose making, or end, was another pool's call. */
  async lookAgain(ids: readonly number[]): Promise<void> {
    await Promise.all(ids.map((id) => this.objects.refresh(id)));
  }

  async updateUserTemplate(
    actor: Actor,
    id: number,
    template: Template,
    mode: UpdateMode,
    checks: UpdateChecks = {},
  ): Promise<void> {
    await this.#inTurn(id, async () => {
      if (checks.precondition !== undefined || checks.becomes !== undefined) {
        const vm = await this.objects.get(actor, id);
        requirePrecondition(vm, checks);
        const after = mode === "append" ? appendTemplate(vm.userTemplate, template) : template;
        checks.becomes?.(vm.userTemplate, after);
      }
      await this.doTo(actor, id, "update", templateText(template), updateType(mode));
    });
  }

  /** Only this attribute is written: what others change beside it meanwhile stays. */
  async eraseUserAttribute(
    actor: Actor,
    id: number,
    path: readonly [string] | readonly [string, string],
    checks: Pick<UpdateChecks, "precondition"> = {},
  ): Promise<void> {
    await this.#inTurn(id, async () => {
      const vm = await this.objects.get(actor, id);
      requirePrecondition(vm, checks);
      const rest = eraseAttribute(vm.userTemplate, path);
      if (rest === undefined)
        throw new GatehouseError(
          "not_found",
          `Attribute (${path.join("/")}) not found in the user template of VM ${id}.`,
        );
      const [name] = path;
      const change = { [name]: rest[name] ?? {} };
      await this.doTo(actor, id, "update", templateText(change), updateType("append"));
    });
  }

  /** Two updates of one VM by this house never pass each other between reading and writing. */
  async #inTurn<T>(id: number, work: () => Promise<T>): Promise<T> {
    return await this.tools.turns.run(`vm ${id}`, work);
  }

  async act(actor: Actor, id: number, action: VmAction): Promise<void> {
    await this.change(id, () => this.tools.core.write(actor, "one.vm.action", action, id));
  }

  async deploy(actor: Actor, id: number, hostId: number): Promise<void> {
    await this.doTo(actor, id, "deploy", hostId, false, ANY_DATASTORE, "");
  }

  async recover(actor: Actor, id: number, operation: RecoverOperation): Promise<void> {
    await this.doTo(actor, id, "recover", RECOVER_OPERATIONS.indexOf(operation));
  }

  /** The core gives no id for it: it is the one that was not there before. */
  async attachNic(actor: Actor, id: number, template: Template): Promise<number> {
    return await this.#inTurn(id, async () => {
      const before = nicIds(await this.objects.get(actor, id));
      await this.doTo(actor, id, "attachnic", templateText(template));
      const vm = await seenAfter("one.vm.attachnic", () => this.objects.get(actor, id));
      const added = nicIds(vm).find((nic) => !before.includes(nic));
      if (added === undefined)
        throw new GatehouseError("wrong_state", `VM ${id} did not take the interface.`);
      return added;
    });
  }

  async detachNic(actor: Actor, id: number, nicId: number): Promise<void> {
    await this.doTo(actor, id, "detachnic", nicId);
  }

  async createSnapshot(actor: Actor, id: number, name: string): Promise<number> {
    return await this.change(id, () => this.tools.core.make(actor, "one.vm.snapshotcreate", id, kept(name)));
  }

  async revertSnapshot(actor: Actor, id: number, snapshotId: number): Promise<void> {
    await this.doTo(actor, id, "snapshotrevert", snapshotId);
  }

  async deleteSnapshot(actor: Actor, id: number, snapshotId: number): Promise<void> {
    await this.doTo(actor, id, "snapshotdelete", snapshotId);
  }

  async schedule(actor: Actor, id: number, action: ActionSchedule): Promise<number> {
    return await this.change(id, () =>
      this.tools.core.make(actor, "one.vm.schedadd", id, scheduleText(action)),
    );
  }

  async reschedule(
    actor: Actor,
    id: number,
    actionId: number,
    changes: Partial<ActionSchedule>,
  ): Promise<void> {
    await this.doTo(actor, id, "schedupdate", actionId, scheduleText(changes));
  }

  async unschedule(actor: Actor, id: number, actionId: number): Promise<void> {
    await this.doTo(actor, id, "scheddelete", actionId);
  }
}

function nicIds({ template }: Vm): readonly number[] {
  return ["NIC", "NIC_ALIAS"]
    .flatMap((name) => vectorsOf(template, name))
    .flatMap(({ NIC_ID }) => (NIC_ID === undefined ? [] : [Number(NIC_ID)]));
}
