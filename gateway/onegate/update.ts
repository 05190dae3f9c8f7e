/**
 * What a guest asks to have written, from the request's bytes to one call of the cloud: read, parsed, refused as a
 * whole or applied as a whole (spec onegate-api.md 4.3).
 */

import { GatehouseError } from "../../shared/errors.ts";
import { parseAttributePath } from "../../shared/template/edit.ts";
import { groupAttributes } from "../../shared/template/group.ts";
import { parseAttributes } from "../../shared/template/parse.ts";
import { restrictedNames } from "../../shared/template/restricted.ts";
import type { Actor } from "../cloud/actor.ts";
import type { Vm } from "../cloud/model.ts";
import { requirePrecondition, type VmPool } from "../cloud/pools/vm-pool.ts";
import { shown } from "../http/ids.ts";
import { agreedParameter, NO_PARAMETERS, type Parameters } from "../http/parameters.ts";
import { formOf, isFormLabelled } from "./body.ts";
import { type AttributeBounds, checkCount, checkLengths } from "./fairness/attribute-bounds.ts";
import type { GateRequest } from "./request.ts";

/** `type=1` and `type=2`. */
export interface Update {
  readonly kind: "append" | "erase";
  readonly text: string;
}

export interface UpdateTarget {
  readonly vms: VmPool;
  readonly owner: Actor;
  readonly vmId: number;
  /** Hears which attributes are meant, once they can be read, and before anything is refused for them. */
  readonly means?: (names: readonly string[]) => void;
  /** If-Match: asked of the newest VM in the step that writes it. */
  readonly precondition?: ((vm: Vm) => boolean) | undefined;
}

export interface UpdateRules extends AttributeBounds {
  /** Upper-case. */
  readonly restricted: ReadonlySet<string>;
  readonly maxBytes: number;
}

/**
 * Reads the update: parameters `type` and `data` from the query or a form, else the raw body.
 * @throws GatehouseError `bad_request` for another type, contradicting parameters or malformed encoding; `too_large`.
 */
export async function readUpdate(request: GateRequest): Promise<Update> {
  const query = request.query();
  const body = await request.text();
  const form = isFormLabelled(request) ? formOf(body) : undefined;
  const kind = updateKind(query, form ?? NO_PARAMETERS);
  return { kind, text: agreedParameter(query, form ?? NO_PARAMETERS, "data") ?? body };
}

/**
 * Applies the update as the owner. An empty append changes nothing.
 * @throws GatehouseError `bad_request` for bad syntax, `forbidden` for a restricted attribute, `too_large` for more or
 *   longer attributes than the rules allow, `not_found` for an attribute to erase that is not there,
 *   `precondition_failed`; nothing of the update is then applied.
 */
export async function applyUpdate(target: UpdateTarget, update: Update, rules: UpdateRules): Promise<void> {
  if (update.kind === "append") await append(target, update.text, rules);
  else await erase(target, update.text, rules);
}

function updateKind(query: Parameters, form: Parameters): Update["kind"] {
  const type = agreedParameter(query, form, "type") ?? "1";
  if (type === "1") return "append";
  if (type === "2") return "erase";
  throw new GatehouseError("bad_request", `Invalid type ${shown(type)}: it must be 1 (update) or 2 (erase).`);
}

async function append(target: UpdateTarget, text: string, rules: UpdateRules): Promise<void> {
  const { maxBytes, attributes: maxAttributes } = rules;
  const attributes = parseAttributes(text, { unquoted: "line", maxBytes, maxAttributes });
  target.means?.(attributes.map(({ name }) => name));
  const spelling = restrictedNames(attributes, rules.restricted);
  if (spelling !== undefined) {
    throw new GatehouseError("forbidden", `Attribute (${shown(spelling)}) cannot be modified`);
  }
  checkLengths(attributes, rules);
  const { vms, owner, vmId, precondition } = target;
  if (attributes.length === 0) {
    if (precondition !== undefined) requirePrecondition(await vms.get(owner, vmId), { precondition });
    return;
  }
  await vms.updateUserTemplate(owner, vmId, groupAttributes(attributes), "append", {
    precondition,
    becomes: (before, after) => checkCount(before, after, rules),
  });
}

async function erase(target: UpdateTarget, text: string, rules: UpdateRules): Promise<void> {
  const path = parseAttributePath(text);
  target.means?.([path.join("/")]);
  if (rules.restricted.has(path[0]) || rules.restricted.has(path.join("/"))) {
    throw new GatehouseError("forbidden", `Attribute (${shown(text.trim())}) cannot be deleted`);
  }
  const { vms, owner, vmId, precondition } = target;
  await vms.eraseUserAttribute(owner, vmId, path, { precondition });
}
