/** A VM of the cloud as expressions see it: the single texts of its four places (spec elasticity.md 2). */

import type { Vm } from "../../cloud/model.ts";
import type { LatestReading } from "../../cloud/monitoring.ts";
import { countsInMeans } from "../elasticity/counting.ts";
import type { ObservedVm } from "../elasticity/lookup.ts";

/** @param latest what was last measured of it, if anything was since the start. */
export function observed(vm: Vm, latest: LatestReading | undefined): ObservedVm {
  return {
    id: vm.id,
    counts: countsInMeans(vm.state, vm.lcmState),
    attribute(place, name) {
      switch (place) {
        case "USER_TEMPLATE":
          return single(vm.userTemplate[name]);
        case "MONITORING":
          return measured(vm, latest, name);
        case "TEMPLATE":
          return single(vm.template[name]);
        case "VM":
          return ownAttribute(vm, name);
      }
    },
  };
}

/** A vector, or several values of a name, are no number of one kind. */
function single(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A VM that came from elsewhere brings readings of its own, until it is measured here. */
function measured(vm: Vm, latest: LatestReading | undefined, name: string): string | undefined {
  if (latest === undefined) return single(vm.monitoring[name]);
  if (name === "TIMESTAMP") return String(latest.at);
  return single(latest.attributes[name]);
}

/** As the VM document has them, without making it: most names are found in no VM at all. */
function ownAttribute(vm: Vm, name: string): string | undefined {
  const read = OWN_ATTRIBUTES.get(name);
  return read === undefined ? single(vm.extra?.[name]) : String(read(vm));
}

const OWN_ATTRIBUTES: ReadonlyMap<string, (vm: Vm) => string | number> = new Map<
  string,
  (vm: Vm) => string | number
>([
  ["ID", (vm) => vm.id],
  ["UID", (vm) => vm.uid],
  ["GID", (vm) => vm.gid],
  ["UNAME", (vm) => vm.uname],
  ["GNAME", (vm) => vm.gname],
  ["NAME", (vm) => vm.name],
  ["LAST_POLL", (vm) => vm.lastPoll],
  ["STATE", (vm) => vm.state],
  ["LCM_STATE", (vm) => vm.lcmState],
  ["PREV_STATE", (vm) => vm.prevState],
  ["PREV_LCM_STATE", (vm) => vm.prevLcmState],
  ["RESCHED", (vm) => Number(vm.resched)],
  ["STIME", (vm) => vm.stime],
  ["ETIME", (vm) => vm.etime],
  ["DEPLOY_ID", (vm) => vm.deployId],
]);
