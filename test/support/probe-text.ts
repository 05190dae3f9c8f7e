/** What a probe printed, read back by the parser that the daemon uses. */

import { parseTemplate } from "../../shared/template/parse.ts";
import { type Template, type Vector, vectorsOf } from "../../shared/template/types.ts";

/** The VM vectors of a probe's text, in order. */
export function vmVectors(text: string): readonly Vector[] {
  return vectorsOf(parseTemplate(text), "VM");
}

/** State by VM id. */
export function statesOf(text: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(vmVectors(text).map((vm) => [vm.ID, vm.STATE]));
}

/** Figures by VM id, from their base64. */
export function figuresOf(text: string): Readonly<Record<string, Template>> {
  return Object.fromEntries(
    vmVectors(text).map((vm) => [vm.ID, parseTemplate(Buffer.from(vm.MONITOR ?? "", "base64").toString())]),
  );
}
