/** A life cycle that only notes what it is asked for; what it is given rights for is the document, as the real one does. */

import type { Cloud } from "../../gateway/cloud/cloud.ts";
import { DOCUMENT_TYPE } from "../../gateway/cloud/model.ts";
import { authorize } from "../../gateway/cloud/permissions.ts";
import type { OneFlow } from "../../gateway/oneflow/engine/oneflow.ts";
import { takeNew } from "../../gateway/oneflow/lifecycle/take-new.ts";
import { asJson } from "../../gateway/oneflow/model.ts";

export interface FakeFlow extends OneFlow {
  /** What was taken, in order: `["command", 7, {...}]`. */
  readonly calls: readonly (readonly unknown[])[];
}

export function fakeFlow(cloud: Cloud): FakeFlow {
  const calls: (readonly unknown[])[] = [];
  const managed =
    (name: string) =>
    async (
      actor: Parameters<OneFlow["rename"]>[0],
      id: number,
      ...rest: readonly unknown[]
    ): Promise<void> => {
      authorize(actor, await cloud.documents.get(actor, id), "MANAGE", "DOCUMENT");
      calls.push([name, id, ...rest]);
    };
  return {
    calls,
    async instantiate(actor, template) {
      const body = asJson(takeNew(template, 1_700_000_000_000));
      const id = await cloud.documents.allocate(actor, {
        type: DOCUMENT_TYPE.service,
        name: template.name,
        body,
      });
      calls.push(["instantiate", id]);
      return await cloud.documents.get(actor, id);
    },
    command: managed("command"),
    schedule: managed("schedule"),
    unschedule: managed("unschedule"),
    chown: (actor, id, owner) => cloud.documents.chown(actor, id, owner),
    rename: (actor, id, name) => cloud.documents.rename(actor, id, name),
    chmod: (actor, id, bits) => cloud.documents.chmod(actor, id, bits),
    async purgeDone() {
      calls.push(["purgeDone"]);
      return 0;
    },
    async settled() {},
    async close() {},
  };
}
