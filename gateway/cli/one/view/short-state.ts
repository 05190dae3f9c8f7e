/** States in the few letters that OpenNebula's lists have room for. */

import { HOST_STATE } from "../../../../shared/states/host.ts";
import { lcmStateName } from "../../../../shared/states/lcm.ts";
import { NETWORK_STATE } from "../../../../shared/states/network.ts";
import { VM_STATE } from "../../../../shared/states/vm.ts";

const VM: Readonly<Record<number, string>> = {
  [VM_STATE.INIT]: "init",
  [VM_STATE.PENDING]: "pend",
  [VM_STATE.HOLD]: "hold",
  [VM_STATE.STOPPED]: "stop",
  [VM_STATE.SUSPENDED]: "susp",
  [VM_STATE.DONE]: "done",
  [VM_STATE.FAILED]: "fail",
  [VM_STATE.POWEROFF]: "poff",
  [VM_STATE.UNDEPLOYED]: "unde",
  [VM_STATE.CLONING]: "clon",
  [VM_STATE.CLONING_FAILURE]: "fail",
};

/** The first that fits the LCM state's name decides. */
const LCM: readonly (readonly [RegExp, string])[] = [
  [/FAILURE$/, "fail"],
  [/^(PROLOG_)?MIGRATE/, "migr"],
  [/^PROLOG/, "prol"],
  [/^EPILOG/, "epil"],
  [/^BOOT/, "boot"],
  [/^RUNNING/, "runn"],
  [/^SAVE/, "save"],
  [/^(SHUTDOWN|CANCEL)/, "shut"],
  [/^CLEANUP/, "clea"],
  [/^UNKNOWN$/, "unkn"],
  [/^(HOTPLUG|DISK)_SNAPSHOT/, "snap"],
  [/^HOTPLUG/, "hotp"],
  [/^DISK_RESIZE/, "drsz"],
  [/^BACKUP/, "back"],
  [/^RESTORE/, "rest"],
];

const HOST: Readonly<Record<number, string>> = {
  [HOST_STATE.INIT]: "init",
  [HOST_STATE.MONITORING_MONITORED]: "update",
  [HOST_STATE.MONITORED]: "on",
  [HOST_STATE.ERROR]: "err",
  [HOST_STATE.DISABLED]: "dsbl",
  [HOST_STATE.MONITORING_ERROR]: "retry",
  [HOST_STATE.MONITORING_INIT]: "init",
  [HOST_STATE.MONITORING_DISABLED]: "dsbl",
  [HOST_STATE.OFFLINE]: "off",
};

const NETWORK: Readonly<Record<number, string>> = {
  [NETWORK_STATE.INIT]: "init",
  [NETWORK_STATE.READY]: "rdy",
  [NETWORK_STATE.LOCK_CREATE]: "lock",
  [NETWORK_STATE.LOCK_DELETE]: "lock",
  [NETWORK_STATE.DONE]: "done",
  [NETWORK_STATE.ERROR]: "err",
  [NETWORK_STATE.UPDATE_FAILURE]: "fail",
};

/** For a state that no release we know has. */
const UNHEARD_OF = "?";

export function shortVmState(state: number, lcmState: number): string {
  if (state !== VM_STATE.ACTIVE) return VM[state] ?? UNHEARD_OF;
  const name = lcmStateName(lcmState);
  return LCM.find(([pattern]) => pattern.test(name))?.[1] ?? UNHEARD_OF;
}

export function shortHostState(state: number): string {
  return HOST[state] ?? UNHEARD_OF;
}

export function shortNetworkState(state: number): string {
  return NETWORK[state] ?? UNHEARD_OF;
}
