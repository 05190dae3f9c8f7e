/** Removes the document of a service that has ended, as the house. */

import { SYSTEM } from "../../../cloud/actor.ts";
import type { FlowEvent } from "../../lifecycle/events.ts";
import { Abandoned, attempt } from "../attempt.ts";
import { unlessMissing } from "./networks.ts";
import { calling, reasonOf, type Tools } from "./scene.ts";

/** Never rejects; undefined: the house closes, and the next start sees to it. */
export async function removeDocument(serviceId: number, tools: Tools): Promise<FlowEvent | undefined> {
  const call = async () => {
    await tools.cloud.documents.delete(SYSTEM, serviceId).catch(unlessMissing);
    return true;
  };
  try {
    await calling("one.document.delete", () =>
      attempt({ call, find: async () => undefined }, tools.patience),
    );
    return { kind: "document_removed" };
  } catch (error) {
    if (error instanceof Abandoned) return undefined;
    return { kind: "document_not_removed", message: reasonOf(error, tools, serviceId) };
  }
}
