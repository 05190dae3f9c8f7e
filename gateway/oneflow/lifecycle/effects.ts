/**
 * What the life cycle wants done. The shell does each, and tells how it ended by an event. After a restart the same
 * effect may come again for something that was done: making is preceded by finding (`taken_up`), and the rest may be
 * asked twice.
 */

import type { NetworkValue } from "../model.ts";
import type { VmAct } from "./events.ts";

/** What a line of a service's log file is about: service, role, life cycle. */
export type LogTopic = "SER" | "ROL" | "LCM";

export type Effect =
  | { readonly kind: "make_network"; readonly name: string; readonly value: NetworkValue }
  | { readonly kind: "remove_network"; readonly name: string; readonly id: number }
  /** `number` is VM_NUMBER of vm_name_template. */
  | { readonly kind: "make_vm"; readonly role: string; readonly number: number; readonly hold: boolean }
  | { readonly kind: "act_on_vm"; readonly vmId: number; readonly act: VmAct }
  | { readonly kind: "make_router"; readonly role: string }
  | {
      readonly kind: "fill_router";
      readonly role: string;
      readonly routerId: number;
      readonly count: number;
      readonly hold: boolean;
    }
  /** Its VMs end with it. */
  | { readonly kind: "remove_router"; readonly role: string; readonly routerId: number }
  | { readonly kind: "remove_document" }
  /** A line of the service's log file. */
  | {
      readonly kind: "note";
      readonly topic: LogTopic;
      readonly severity: "I" | "E";
      readonly message: string;
    };

/** What an effect is remembered by until its end is told; undefined for what has no end. */
export function effectKey(effect: Effect): string | undefined {
  switch (effect.kind) {
    case "make_network":
    case "remove_network":
      return `${effect.kind}:${effect.name}`;
    case "make_vm":
      return `make_vm:${effect.role}:${effect.number}`;
    case "act_on_vm":
      return `act_on_vm:${effect.vmId}:${effect.act}`;
    case "make_router":
    case "fill_router":
    case "remove_router":
      return `${effect.kind}:${effect.role}`;
    case "remove_document":
      return effect.kind;
    case "note":
      return undefined;
  }
}
