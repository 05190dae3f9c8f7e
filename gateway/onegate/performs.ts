/** What a guest may ask a VM to do: the names of spec onegate-api.md 4.5, their parameters, and the cloud's calls. */

import { z } from "zod";
import { GatehouseError } from "../../shared/errors.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { type Template, vectorsOf } from "../../shared/template/types.ts";
import type { Actor } from "../cloud/actor.ts";
import type { JsonValue } from "../cloud/model.ts";
import type { PermissionBits } from "../cloud/pools/pool.ts";
import type { VmAction, VmPool } from "../cloud/pools/vm-pool.ts";
import { UNLEASED_ADDRESSES } from "./trust/addresses.ts";

/** On which VM, and as whom. */
export interface PerformTarget {
  readonly vms: VmPool;
  readonly owner: Actor;
  readonly vmId: number;
}

/** An action with its parameters read. */
export interface Prepared {
  /** Its one name, by which it may be restricted: `delete` is `terminate-hard`. */
  readonly canonicalName: string;
  run(target: PerformTarget): Promise<unknown>;
}

/** Reads the parameters; undefined when they do not fit. */
type Prepare = (params: JsonValue | undefined) => Prepared | undefined;

interface Perform {
  readonly prepare: Prepare;
  /** What the parameters must be, to end the sentence "... takes". */
  readonly takes: string;
}

const HARDLESS = ["hold", "release", "stop", "suspend", "resume", "resched", "unresched"] as const;
const WITH_HARD = ["terminate", "undeploy", "poweroff", "reboot"] as const;

const id = z.union([
  z.int().min(0),
  z
    .string()
    .regex(/^(0|[1-9][0-9]{0,9})$/)
    .transform(Number),
]);
/** -1 keeps the old one. */
const ownerId = z.union([
  z.int().min(-1),
  z
    .string()
    .regex(/^(-1|0|[1-9][0-9]{0,9})$/)
    .transform(Number),
]);
const hard = z.union([
  z.boolean(),
  z.object({ hard: z.boolean().optional() }).transform((params) => params.hard === true),
]);
const octet = z
  .union([z.int(), z.string()])
  .transform(String)
  .pipe(z.string().regex(/^0?[0-7]{3}$/));

const PERFORMS: ReadonlyMap<string, Perform> = new Map([
  ...HARDLESS.map((name) => [name, plain(name)] as const),
  ...WITH_HARD.map((name) => [name, hardable(name)] as const),
  ["shutdown", hardable("terminate")],
  ["delete", plain("terminate-hard")],
  [
    "deploy",
    perform(either("host_id", id), "a host id, or {host_id}", "deploy", ({ vms, owner, vmId }, hostId) =>
      vms.deploy(owner, vmId, hostId),
    ),
  ],
  [
    "rename",
    perform(either("name", z.string()), "a name, or {name}", "rename", ({ vms, owner, vmId }, name) =>
      vms.rename(owner, vmId, name),
    ),
  ],
  [
    "chmod",
    perform(either("octet", octet), "three octal digits, or {octet}", "chmod", ({ vms, owner, vmId }, mode) =>
      vms.chmod(owner, vmId, permissionBits(mode)),
    ),
  ],
  [
    "chown",
    perform(
      z.object({ owner_id: ownerId.default(-1), group_id: ownerId.default(-1) }),
      "{owner_id, group_id}",
      "chown",
      ({ vms, owner, vmId }, to) =>
        vms.chown(owner, vmId, { uid: kept(to.owner_id), gid: kept(to.group_id) }),
    ),
  ],
  [
    "attachnic",
    perform(
      either("nic_template", z.string()),
      "the text of a NIC, or {nic_template}",
      "attachnic",
      ({ vms, owner, vmId }, text) => vms.attachNic(owner, vmId, nicTemplate(text)),
    ),
  ],
  [
    "detachnic",
    perform(either("nic_id", id), "a NIC id, or {nic_id}", "detachnic", ({ vms, owner, vmId }, nicId) =>
      vms.detachNic(owner, vmId, nicId),
    ),
  ],
  [
    "snapshot_create",
    perform(
      either("name", z.string()).default(""),
      "a name, or {name}",
      "snapshot_create",
      ({ vms, owner, vmId }, name) => vms.createSnapshot(owner, vmId, name),
    ),
  ],
  [
    "snapshot_revert",
    perform(either("snap_id", id), "a snapshot id, or {snap_id}", "snapshot_revert", (target, snapshotId) =>
      target.vms.revertSnapshot(target.owner, target.vmId, snapshotId),
    ),
  ],
  [
    "snapshot_delete",
    perform(either("snap_id", id), "a snapshot id, or {snap_id}", "snapshot_delete", (target, snapshotId) =>
      target.vms.deleteSnapshot(target.owner, target.vmId, snapshotId),
    ),
  ],
]);

/**
 * The action of that name, ready to run.
 * @throws GatehouseError `bad_request` for an unknown name, and for parameters that do not fit.
 */
export function prepareAction(name: string, params: JsonValue | undefined): Prepared {
  const found = PERFORMS.get(name);
  if (found === undefined) {
    throw new GatehouseError("bad_request", `${name} action not available for this resource`);
  }
  const prepared = found.prepare(params ?? undefined);
  if (prepared === undefined) {
    throw new GatehouseError("bad_request", `Invalid params of action ${name}: it takes ${found.takes}.`);
  }
  return prepared;
}

function perform<T>(
  schema: z.ZodType<T>,
  takes: string,
  canonicalName: string,
  run: (target: PerformTarget, params: T) => Promise<unknown>,
): Perform {
  const prepare: Prepare = (params) => {
    const read = schema.safeParse(params);
    if (!read.success) return undefined;
    return { canonicalName, run: (target) => run(target, read.data) };
  };
  return { prepare, takes };
}

/** Parameters are ignored, since the guest's command sends --hard with every action. */
function plain(action: VmAction): Perform {
  return { takes: "nothing", prepare: () => acting(action) };
}

function hardable(action: (typeof WITH_HARD)[number]): Perform {
  const prepare: Prepare = (params) => {
    const read = hard.default(false).safeParse(params);
    return read.success ? acting(read.data ? `${action}-hard` : action) : undefined;
  };
  return { takes: "true, false or {hard}", prepare };
}

function acting(action: VmAction): Prepared {
  return { canonicalName: action, run: ({ vms, owner, vmId }) => vms.act(owner, vmId, action) };
}

/** A value on its own, or in an object under a name. */
function either<T>(name: string, schema: z.ZodType<T>): z.ZodType<T> {
  const wrapped = z.looseObject({ [name]: schema }).transform((params) => schema.parse(params[name]));
  return z.union([schema, wrapped]);
}

function kept(ownerId: number): number | undefined {
  return ownerId < 0 ? undefined : ownerId;
}

/** `640` to nine bits, owner's use first. */
function permissionBits(octal: string): PermissionBits {
  const mode = Number.parseInt(octal, 8);
  const bit = (position: number): number => (mode >> (8 - position)) & 1;
  return [bit(0), bit(1), bit(2), bit(3), bit(4), bit(5), bit(6), bit(7), bit(8)];
}

/**
 * @throws GatehouseError `bad_request` unless the text is one NIC and nothing else, `forbidden` when it brings an address
 *   that no lease vouches for: tokens may be bound to a VM's addresses, which a guest must not widen.
 */
function nicTemplate(text: string): Template {
  const template = parseTemplate(text);
  const names = Object.keys(template);
  const [nic, ...others] = [...vectorsOf(template, "NIC"), ...vectorsOf(template, "NIC_ALIAS")];
  if (nic === undefined || others.length > 0 || names.length !== 1) {
    throw new GatehouseError("bad_request", "A NIC to attach is written NIC=[NETWORK=...] and nothing else.");
  }
  const own = UNLEASED_ADDRESSES.find((name) => nic[name] !== undefined);
  if (own !== undefined) {
    throw new GatehouseError(
      "forbidden",
      `A guest cannot choose ${own}; its network gives the NIC its addresses.`,
    );
  }
  return template;
}
