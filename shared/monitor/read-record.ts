/** What the records of all VM messages share: the `VM = [ ID = ... ]` vectors of a template, bounded and with an id. */

import { type Template, type Value, type Vector, valuesOf } from "../template/types.ts";
import { decodeFoldedBase64, decodeText } from "./base64.ts";
import { MAX_OBJECT_ID, MAX_VMS } from "./limits.ts";
import type { MessageType } from "./message.ts";
import { MonitorRefusal } from "./refusal.ts";

const ID = /^(-1|[0-9]{1,10})$/;

/**
 * The VM vectors of a payload, in order.
 * @throws MonitorRefusal `too_large` above MAX_VMS, `unreadable` when a VM is no vector.
 */
export function vmVectors(type: MessageType, template: Template): readonly Vector[] {
  const values = valuesOf(template, "VM");
  if (values.length > MAX_VMS)
    throw new MonitorRefusal("too_large", `${type} holds ${values.length} VMs: at most ${MAX_VMS} may be.`);
  return values.map((value) => {
    if (typeof value === "string")
      throw new MonitorRefusal("unreadable", `A VM of ${type} is no vector: VM=[ID="0", ...] is expected.`);
    return value;
  });
}

/** The id of a record, -1 for a wild VM. @throws MonitorRefusal `unreadable` when it is missing or no id. */
export function vmId(type: MessageType, vector: Vector): number {
  const text = vector.ID ?? "";
  const id = Number(text);
  if (ID.test(text) && id <= MAX_OBJECT_ID) return id;
  throw new MonitorRefusal(
    "unreadable",
    `A VM of ${type} has the ID ${JSON.stringify(text.slice(0, 20))}: a whole number from -1 to ${MAX_OBJECT_ID} is expected.`,
  );
}

/** Text that a vector holds in base64; empty when the name is missing. @throws MonitorRefusal `unreadable`. */
export function textInBase64(type: MessageType, vector: Vector, name: string): string {
  const bytes = decodeFoldedBase64(vector[name] ?? "");
  const text = bytes && decodeText(bytes);
  if (text !== undefined) return text;
  throw new MonitorRefusal(
    "unreadable",
    `${name} of a VM of ${type} is not text in base64: standard base64 of UTF-8 is expected.`,
  );
}

/** A template or vector without some names. */
export function without<V extends Value | readonly Value[]>(
  all: { readonly [name: string]: V },
  names: readonly string[],
): { readonly [name: string]: V } {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));
}
