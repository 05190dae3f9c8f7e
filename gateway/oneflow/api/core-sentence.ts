/** Refusals of the cloud in the words that clients know: with the core's call before them (spec oneflow-api.md 2). */

import { GatehouseError, isGatehouseError } from "../../../shared/errors.ts";

export type DocumentCall = "info" | "allocate" | "update" | "delete" | "rename" | "chmod" | "chown" | "clone";

/** What the core says itself; sentences of OneFlow have no call before them. */
const OF_CORE = /^(?:User \[\d+\] : |Error getting |The resource )/;

/** What the work gives. @throws what it throws, as the core's answer to the call where it is one. */
export async function asCall<T>(call: `one.${string}.${string}`, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw named(call, error);
  }
}

/** The same for a call of documents; refusals of VMs are not its. */
export function asDocumentCall<T>(call: DocumentCall, work: Promise<T>): Promise<T> {
  return asCall(`one.document.${call}`, work);
}

const OF_VM = /\b(?:VM|virtual machine) \[/;

function named(call: string, error: unknown): unknown {
  if (!isGatehouseError(error) || !OF_CORE.test(error.message)) return error;
  if (call.startsWith("one.document.") && OF_VM.test(error.message)) return error;
  return new GatehouseError(error.code, `[${call}] ${error.message}`, { cause: error });
}
