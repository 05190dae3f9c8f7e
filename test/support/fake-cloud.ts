/** A cloud in a few maps, for tests of what stands before a Cloud: owners may do everything, others nothing. */

import type { Actor } from "../../gateway/cloud/actor.ts";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import type {
  Document,
  JsonObject,
  Lease,
  Network,
  Owned,
  Router,
  User,
  Vm,
} from "../../gateway/cloud/model.ts";
import { requirePrecondition } from "../../gateway/cloud/pools/vm-pool.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { appendTemplate, eraseAttribute } from "../../shared/template/edit.ts";
import type { Template } from "../../shared/template/types.ts";
import { blankVm } from "./blank-vm.ts";

/** What was asked of a VM, in order: `["act", 7, "resume"]`. */
export type Call = readonly unknown[];

export const ALICE = { uid: 2, name: "alice", gid: 1, gids: [1] } as const satisfies Actor;
export const BOB = { uid: 3, name: "bob", gid: 1, gids: [1] } as const satisfies Actor;

export const TOKEN_PASSWORDS = {
  [ALICE.uid]: "0123456789abcdef0123456789abcdef",
  [BOB.uid]: "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210",
} as const;

export class FakeCloud {
  readonly vms = new Map<number, Vm>();
  readonly users = new Map<number, User>();
  readonly routers = new Map<number, Router>();
  readonly networks = new Map<number, Network>();
  readonly leases = new Map<number, readonly Lease[]>();
  readonly documents = new Map<number, Document>();
  readonly calls: Call[] = [];
  readonly listeners = new Set<(event: CloudEvent) => void>();
  /** False: like a cloud that must be asked over a wire, it never knows anything without waiting. */
  readonly answersFromMemory: boolean;

  constructor({ answersFromMemory = true }: { answersFromMemory?: boolean } = {}) {
    this.answersFromMemory = answersFromMemory;
    for (const actor of [ALICE, BOB]) this.users.set(actor.uid, fakeUser(actor));
  }

  addVm(id: number, part: Partial<Vm> = {}): Vm {
    const vm: Vm = { ...fakeVm(id), ...part };
    this.vms.set(id, { ...vm, template: { CREATED_BY: String(ALICE.uid), ...vm.template } });
    return vm;
  }

  /** Changes a VM, and tells of it. */
  change(id: number, part: Partial<Vm>): void {
    const previous = this.vm(id);
    const vm = { ...previous, ...part, version: previous.version + 1 };
    this.vms.set(id, vm);
    this.tell({ kind: "vm_updated", vm, previous });
  }

  /** Tells whoever listens. */
  tell(event: CloudEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  addService(
    id: number,
    roles: Readonly<Record<string, readonly number[]>>,
    part: Partial<Document> = {},
  ): void {
    this.documents.set(id, {
      ...ownedBy(ALICE, id, `service${id}`),
      type: 100,
      template: {},
      body: serviceBody(roles),
      ...part,
    });
    for (const [role, vmIds] of Object.entries(roles)) {
      for (const vmId of vmIds) {
        const userTemplate = { SERVICE_ID: String(id), ROLE_NAME: role };
        this.addVm(vmId, { userTemplate });
      }
    }
  }

  addRouter(id: number, vmIds: readonly number[], template: Template = {}): void {
    this.routers.set(id, { ...ownedBy(ALICE, id, `router${id}`), vmIds, template });
    for (const vmId of vmIds) this.addVm(vmId, { template: { VROUTER_ID: String(id) } });
  }

  addNetwork(id: number, part: Partial<Network> = {}, leases: readonly Lease[] = []): void {
    this.networks.set(id, { ...blankNetwork(id), ...part });
    this.leases.set(id, leases);
  }

  /** The VM as it stands; the test fails when there is none. */
  vm(id: number): Vm {
    return must(this.vms.get(id), `VM ${id}`);
  }

  cloud(): Cloud {
    return {
      vms: this.#vmPool(),
      users: {
        ...rest<Cloud["users"]>(),
        get: async (_actor, id) => must(this.users.get(id), "user"),
        peek: (_actor, id) => this.#remembered(() => must(this.users.get(id), "user")),
        actor: async (uid) => this.#actor(uid),
        peekActor: (uid) => this.#remembered(() => this.#actor(uid)),
        named: async (name) => [...this.users.values()].find((user) => user.name === name),
        update: async (_actor, id, template) => {
          const user = must(this.users.get(id), "user");
          this.users.set(id, { ...user, template: appendTemplate(user.template, template) });
        },
      },
      routers: {
        ...rest<Cloud["routers"]>(),
        get: async (actor, id) => readable(actor, this.routers.get(id), `virtual router [${id}]`),
      },
      documents: {
        ...rest<Cloud["documents"]>(),
        get: async (actor, id) => readable(actor, this.documents.get(id), `document [${id}]`),
        peek: (actor, id) =>
          this.#remembered(() => readable(actor, this.documents.get(id), `document [${id}]`)),
      },
      networks: this.#networkPool(),
      templates: rest(),
      networkTemplates: rest(),
      hosts: rest(),
      groups: rest(),
      vmGroups: rest(),
      monitoring: rest(),
      subscribe: (listener) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
      },
    };
  }

  #vmPool(): Cloud["vms"] {
    const get = async (actor: Actor, id: number): Promise<Vm> =>
      readable(actor, this.vms.get(id), `virtual machine [${id}]`);
    const note =
      (name: string) =>
      async (actor: Actor, id: number, ...rest: readonly unknown[]) => {
        await get(actor, id);
        this.calls.push([name, id, ...rest]);
        return 0;
      };
    const write = async (actor: Actor, id: number, userTemplate: (vm: Vm) => Template): Promise<void> => {
      const vm = await get(actor, id);
      this.change(id, { userTemplate: userTemplate(vm) });
    };
    return {
      ...rest<Cloud["vms"]>(),
      get,
      several: async (actor, ids) => {
        const found = await Promise.allSettled(ids.map((id) => get(actor, id)));
        return found.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      },
      list: async () => [...this.vms.values()],
      peek: (actor, id) =>
        this.#remembered(() => readable(actor, this.vms.get(id), `virtual machine [${id}]`)),
      act: async (...args) => void (await note("act")(...args)),
      rename: async (...args) => void (await note("rename")(...args)),
      chmod: async (...args) => void (await note("chmod")(...args)),
      chown: async (...args) => void (await note("chown")(...args)),
      deploy: async (...args) => void (await note("deploy")(...args)),
      attachNic: note("attachNic"),
      detachNic: async (...args) => void (await note("detachNic")(...args)),
      createSnapshot: note("createSnapshot"),
      revertSnapshot: async (...args) => void (await note("revertSnapshot")(...args)),
      deleteSnapshot: async (...args) => void (await note("deleteSnapshot")(...args)),
      updateUserTemplate: (actor, id, template, _mode, checks) =>
        write(actor, id, (vm) => {
          requirePrecondition(vm, checks ?? {});
          const userTemplate = appendTemplate(vm.userTemplate, template);
          checks?.becomes?.(vm.userTemplate, userTemplate);
          return userTemplate;
        }),
      eraseUserAttribute: (actor, id, path, checks) =>
        write(actor, id, (vm) => {
          requirePrecondition(vm, checks ?? {});
          return must(eraseAttribute(vm.userTemplate, path), `attribute ${path.join("/")}`);
        }),
    };
  }

  #networkPool(): Cloud["networks"] {
    const get = async (actor: Actor, id: number): Promise<Network> =>
      readable(actor, this.networks.get(id), `virtual network [${id}]`);
    return {
      ...rest<Cloud["networks"]>(),
      get,
      detail: async (actor, id) => ({
        network: await get(actor, id),
        leases: new Map([[0, this.leases.get(id) ?? []]]),
        routerIds: [0],
      }),
    };
  }

  /** As `peek`: nothing when this cloud has to be asked, or refuses. */
  #remembered<T>(read: () => T): T | undefined {
    if (!this.answersFromMemory) return undefined;
    try {
      return read();
    } catch {
      return undefined;
    }
  }

  #actor(uid: number): Actor | undefined {
    return [ALICE, BOB].find((actor) => actor.uid === uid && this.users.has(uid));
  }
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new GatehouseError("not_found", `Error getting ${what}.`);
  return value;
}

function readable<T extends Owned>(actor: Actor, object: T | undefined, what: string): T {
  const found = must(object, what);
  if (actor.uid === 0 || actor.uid === found.uid) return found;
  const label = what.replace("virtual machine", "VM");
  throw new GatehouseError("forbidden", `User [${actor.uid}] : Not authorized to perform USE ${label}.`);
}

/** A pool of which the test must not need anything. */
function rest<T extends object>(): T {
  const nothing: object = {};
  return nothing as T;
}

export function ownedBy(actor: Actor, id: number, name: string): Owned {
  const { uid, gid } = actor;
  return { id, version: 1, name, uid, gid, uname: actor.name, gname: "users", mode: 0o600 };
}

function fakeUser(actor: Actor & { readonly uid: 2 | 3 }): User {
  return {
    id: actor.uid,
    version: 1,
    name: actor.name,
    gid: actor.gid,
    gids: actor.gids,
    gname: "users",
    passwordHash: "",
    authDriver: "core",
    enabled: true,
    template: { TOKEN_PASSWORD: TOKEN_PASSWORDS[actor.uid] },
  };
}

function fakeVm(id: number): Vm {
  const owned = ownedBy(ALICE, id, `vm${id}`);
  return blankVm({
    ...owned,
    state: 3,
    lcmState: 3,
    prevState: 3,
    prevLcmState: 3,
    stime: 1_795_174_500 + id,
  });
}

function blankNetwork(id: number): Network {
  return {
    ...ownedBy(ALICE, id, `net${id}`),
    state: 1,
    prevState: 1,
    bridge: "br0",
    vnMad: "dummy",
    parentId: undefined,
    clusterIds: [0],
    template: {},
    ranges: [
      {
        id: 0,
        size: 10,
        nextIndex: 0,
        attributes: { TYPE: "IP4", IP: `10.0.${id}.1`, MAC: `02:00:0a:00:0${id}:01` },
      },
    ],
  };
}

function serviceBody(roles: Readonly<Record<string, readonly number[]>>): JsonObject {
  return {
    state: 2,
    roles: Object.entries(roles).map(([name, vmIds]) => ({
      name,
      cardinality: vmIds.length,
      state: 2,
      nodes: vmIds.map((id) => ({ deploy_id: id, vm_info: { VM: { ID: String(id) } } })),
    })),
  };
}
