/** The actions that services and their templates share: chown, chgrp, chmod and rename (spec oneflow-api.md 3). */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Document } from "../../cloud/model.ts";
import { authorize, rightForChmod } from "../../cloud/permissions.ts";
import type { OwnedPool, PermissionBits } from "../../cloud/pools/pool.ts";
import { shown } from "../../http/ids.ts";
import { type ActionTable, type ActionTarget, integerParam, textParam } from "./action.ts";
import { NO_CONTENT } from "./answer.ts";
import { asDocumentCall } from "./core-sentence.ts";
import type { FlowDocuments, FlowKind } from "./documents.ts";

/** Who carries it out: the documents' pool, or the life cycle where VMs are concerned too. */
export type Changes = Pick<OwnedPool<Document>, "rename" | "chmod" | "chown">;

export function ownerActions(documents: FlowDocuments, kind: FlowKind, changes: Changes): ActionTable {
  const find = ({ actor, id }: ActionTarget): Promise<Document> => documents.get(actor, id, kind);
  return {
    async chown(target) {
      const { id, uid: present } = await find(target);
      const uid = integerParam(target.params, "owner_id");
      const gid = integerParam(target.params, "group_id");
      if (uid === undefined) throw missing("chown", "a UID");
      // To whom it belongs already it may be given by who may not give it to anybody.
      const owner = {
        uid: uid === present ? undefined : kept(uid),
        gid: gid === undefined ? undefined : kept(gid),
      };
      await asDocumentCall("chown", changes.chown(target.actor, id, owner));
      return NO_CONTENT;
    },
    async chgrp(target) {
      const { id } = await find(target);
      const gid = integerParam(target.params, "group_id");
      if (gid === undefined) throw missing("chgrp", "a GID");
      await asDocumentCall("chown", changes.chown(target.actor, id, { gid: kept(gid) }));
      return NO_CONTENT;
    },
    async chmod(target) {
      const document = await find(target);
      const octet = target.params.octet ?? undefined;
      if (octet === undefined) throw missing("chmod", "an OCTET");
      const bits = await asDocumentCall("chmod", bitsOf(target, document, octet));
      await asDocumentCall("chmod", changes.chmod(target.actor, document.id, bits));
      return NO_CONTENT;
    },
    async rename(target) {
      const { id } = await find(target);
      const name = textParam(target.params, "name");
      if (name === undefined || name === "") throw missing("rename", "a name");
      await asDocumentCall("rename", changes.rename(target.actor, id, name));
      return NO_CONTENT;
    },
  };
}

/** -1 keeps, as in one.*.chown. */
function kept(id: number): number | undefined {
  return id < 0 ? undefined : id;
}

function missing(action: string, what: string): GatehouseError {
  return new GatehouseError("bad_request", `Action ${action}: You have to specify ${what}`);
}

/**
 * Three octal digits, as text or as a number. A 9 has the bits of a 1 to the core, so it is refused first to who may not
 * set those: recorded.
 */
async function bitsOf({ actor }: ActionTarget, document: Document, octet: unknown): Promise<PermissionBits> {
  const text = typeof octet === "number" ? String(octet) : octet;
  const [, owner, group, other] = (typeof text === "string" && /^([0-9])([0-9])([0-9])$/.exec(text)) || [];
  if (owner === undefined || group === undefined || other === undefined) throw notOctal(octet);
  const bits: PermissionBits = [...digitBits(owner), ...digitBits(group), ...digitBits(other)];
  if (`${octet}`.match(/[89]/)) {
    authorize(actor, document, rightForChmod(document.mode, bits), "DOCUMENT");
    throw notOctal(octet);
  }
  return bits;
}

function digitBits(digit: string): [number, number, number] {
  const value = Number(digit);
  return [(value >> 2) & 1, (value >> 1) & 1, value & 1];
}

function notOctal(octet: unknown): GatehouseError {
  const text = typeof octet === "string" ? octet : JSON.stringify(octet);
  return new GatehouseError(
    "bad_request",
    `Invalid OCTET ${shown(text)}: it must be three digits from 0 to 7.`,
  );
}
