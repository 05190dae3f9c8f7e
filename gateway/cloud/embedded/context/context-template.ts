/** Completes the CONTEXT of a new VM: variables replaced, and what OpenNebula's core adds of its own. */

import { GatehouseError } from "../../../../shared/errors.ts";
import {
  isYes,
  stringOf,
  type Template,
  type Vector,
  vectorOf,
  vectorsOf,
} from "../../../../shared/template/types.ts";
import { withNetworkContext } from "./network.ts";
import type { ContextSubject } from "./subject.ts";
import { substitute } from "./substitute.ts";
import { variableSource } from "./variables.ts";

/** What a virtual router's VMs are told of it, where the VM's template has it. */
const ROUTER_ATTRIBUTES = ["VROUTER_ID", "VROUTER_KEEPALIVED_ID", "VROUTER_KEEPALIVED_PASSWORD"];

/**
 * The completed CONTEXT vector; undefined when the VM's template has none. To be called once, when the VM is
 * made: a second pass would read the results as variables (later network changes: `withNetworkContext`).
 * @throws GatehouseError `bad_request` when TOKEN=YES and no OneGate endpoint is known (spec onegate-api.md 2).
 */
export function contextTemplate(subject: ContextSubject): Vector | undefined {
  const { vm, networks, onegateEndpoint } = subject;
  const declared = vectorOf(vm.template, "CONTEXT");
  if (declared === undefined) return undefined;
  const source = variableSource(subject);
  const substituted = Object.fromEntries(
    Object.entries(declared).map(([name, value]) => [name, substitute(value, source)]),
  );
  const completed: Vector = {
    ...withNetworkContext(substituted, vm.template, networks),
    ...tokenVariables(substituted, vm.id, onegateEndpoint),
    ...routerVariables(vm.template),
    ...discVariables(substituted, vm.template),
  };
  // OpenNebula keeps the attributes of a vector in the order of their names.
  return Object.fromEntries(Object.entries(completed).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function tokenVariables(context: Vector, vmId: number, endpoint: string | undefined): Vector {
  if (!isYes(context.TOKEN)) return {};
  if (!endpoint) {
    throw new GatehouseError("bad_request", "TOKEN set, but onegate endpoint was not defined in oned.conf.");
  }
  return { ONEGATE_ENDPOINT: endpoint, VMID: String(vmId) };
}

function routerVariables(template: Template): Vector {
  return Object.fromEntries(
    ROUTER_ATTRIBUTES.flatMap((name) => {
      const value = stringOf(template, name);
      return value ? [[name, value]] : [];
    }),
  );
}

/** Where the context disc would sit: after the VM's disks, on the first letter that is free, of IDE unless DEV_PREFIX says. */
function discVariables(context: Vector, template: Template): Vector {
  const disks = vectorsOf(template, "DISK");
  const ids = disks.map((disk, index) => Number(disk.DISK_ID ?? index)).filter(Number.isSafeInteger);
  const taken = new Set(disks.map((disk) => disk.TARGET));
  const letters = [..."abcdefghijklmnopqrstuvwxyz"];
  const prefix = context.DEV_PREFIX || "hd";
  const targets = letters.map((letter) => `${prefix}${letter}`);
  const free = targets.find((target) => !taken.has(target)) ?? `${prefix}a`;
  return { DISK_ID: String(Math.max(-1, ...ids) + 1), TARGET: context.TARGET || free };
}
