/**
 * The VM's state machine as tables: which action leads from which phase to which, and what work a transient phase owes.
 *
 *              hold          deploy             done                suspend
 *     PENDING ◀────▶ HOLD   ────────▶ BOOT ───────────▶ RUNNING ─────────────▶ SAVE_SUSPEND ──▶ SUSPENDED
 *        ▲      release                │ failed            │  ▲                                     │
 *        │                             ▼                   │  └──────── BOOT_SUSPENDED ◀── resume ──┘
 *        │                       BOOT_FAILURE              │
 *        │                                                 ├─ poweroff ─▶ SHUTDOWN_POWEROFF ─▶ POWEROFF ─ resume ─▶ BOOT_POWEROFF ─▶ RUNNING
 *        │                                                 ├─ stop ─────▶ SAVE_STOP ─▶ EPILOG_STOP ─▶ STOPPED
 *        └──────────────────────── resume ─────────────────┤                (also from UNDEPLOYED)
 *                                                          ├─ undeploy ─▶ SHUTDOWN_UNDEPLOY ─▶ EPILOG_UNDEPLOY ─▶ UNDEPLOYED
 *                                                          └─ terminate ▶ SHUTDOWN ─▶ EPILOG ─▶ DONE   (hard: CANCEL)
 *
 * A phase is one name for OpenNebula's pair of VM and LCM state: the LCM name while ACTIVE, else the VM name
 * (spec onegate-cli.md 3). A transient phase is itself the record of the work still owed, so a restart takes it up.
 */

import { HISTORY_ACTION } from "../../../shared/states/history.ts";
import { LCM_STATE, lcmStateName } from "../../../shared/states/lcm.ts";
import { VM_STATE, vmStateName } from "../../../shared/states/vm.ts";
import type { Vm } from "../model.ts";
import type { VmAction } from "../pools/vm-pool.ts";

export type Phase = Exclude<keyof typeof VM_STATE, "ACTIVE"> | Exclude<keyof typeof LCM_STATE, "LCM_INIT">;

/** The phase of a VM as text; unknown codes of an imported VM keep their own names and lead nowhere. */
export function phaseOf(vm: Pick<Vm, "state" | "lcmState">): string {
  return vm.state === VM_STATE.ACTIVE ? lcmStateName(vm.lcmState) : vmStateName(vm.state);
}

/** OpenNebula's two codes of a phase. */
export function codesOf(phase: Phase): { state: number; lcmState: number } {
  if (phase in VM_STATE) {
    return { state: VM_STATE[phase as keyof typeof VM_STATE], lcmState: LCM_STATE.LCM_INIT };
  }
  return { state: VM_STATE.ACTIVE, lcmState: LCM_STATE[phase as keyof typeof LCM_STATE] };
}

/** What the driver must do in a transient phase before the VM may leave it. */
export type Work = "deploy" | "resume" | "suspend" | "save" | "shutdown" | "shutdown-hard" | "cleanup";

interface OwedWork {
  readonly work: Work;
  readonly done: Phase;
  readonly failed: Phase;
}

/** Each transient phase, its work, and where success and failure lead. */
export const OWED_WORK: { readonly [phase in Phase]?: OwedWork } = {
  PROLOG: { work: "deploy", done: "RUNNING", failed: "BOOT_FAILURE" },
  BOOT: { work: "deploy", done: "RUNNING", failed: "BOOT_FAILURE" },
  BOOT_POWEROFF: { work: "deploy", done: "RUNNING", failed: "POWEROFF" },
  BOOT_UNKNOWN: { work: "deploy", done: "RUNNING", failed: "UNKNOWN" },
  BOOT_STOPPED: { work: "deploy", done: "RUNNING", failed: "BOOT_STOPPED_FAILURE" },
  BOOT_UNDEPLOY: { work: "deploy", done: "RUNNING", failed: "BOOT_UNDEPLOY_FAILURE" },
  BOOT_SUSPENDED: { work: "resume", done: "RUNNING", failed: "SUSPENDED" },
  SAVE_SUSPEND: { work: "suspend", done: "SUSPENDED", failed: "RUNNING" },
  SAVE_STOP: { work: "save", done: "EPILOG_STOP", failed: "RUNNING" },
  // A suspended guest arrives here without having been saved; saving what is already gone costs nothing.
  EPILOG_STOP: { work: "save", done: "STOPPED", failed: "EPILOG_STOP_FAILURE" },
  SHUTDOWN_POWEROFF: { work: "shutdown", done: "POWEROFF", failed: "RUNNING" },
  SHUTDOWN_UNDEPLOY: { work: "shutdown", done: "EPILOG_UNDEPLOY", failed: "RUNNING" },
  EPILOG_UNDEPLOY: { work: "cleanup", done: "UNDEPLOYED", failed: "EPILOG_UNDEPLOY_FAILURE" },
  SHUTDOWN: { work: "shutdown", done: "EPILOG", failed: "RUNNING" },
  CANCEL: { work: "shutdown-hard", done: "EPILOG", failed: "RUNNING" },
  EPILOG: { work: "cleanup", done: "DONE", failed: "EPILOG_FAILURE" },
  CLEANUP_DELETE: { work: "cleanup", done: "DONE", failed: "EPILOG_FAILURE" },
};

function isPhaseWithWork(phase: string): phase is keyof typeof OWED_WORK {
  return phase in OWED_WORK;
}

/** The work a VM owes in its phase; undefined when it is at rest. */
export function owedWork(vm: Vm): OwedWork | undefined {
  const phase = phaseOf(vm);
  const owed = isPhaseWithWork(phase) ? OWED_WORK[phase] : undefined;
  if (owed?.work === "shutdown" && wasAskedHard(vm)) return { ...owed, work: "shutdown-hard" };
  return owed;
}

const HARD_ACTIONS: ReadonlySet<number> = new Set([
  HISTORY_ACTION.POWEROFF_HARD,
  HISTORY_ACTION.UNDEPLOY_HARD,
  HISTORY_ACTION.TERMINATE_HARD,
]);

/** OpenNebula has one phase for both ways of powering off; which it was, the history remembers. */
function wasAskedHard(vm: Vm): boolean {
  const record = vm.history.at(-1);
  return record !== undefined && HARD_ACTIONS.has(record.action);
}

const FAILURES: readonly Phase[] = [
  "FAILURE",
  "BOOT_FAILURE",
  "BOOT_MIGRATE_FAILURE",
  "PROLOG_FAILURE",
  "PROLOG_MIGRATE_FAILURE",
  "EPILOG_FAILURE",
  "EPILOG_STOP_FAILURE",
  "EPILOG_UNDEPLOY_FAILURE",
  "BOOT_UNDEPLOY_FAILURE",
  "BOOT_STOPPED_FAILURE",
  "PROLOG_RESUME_FAILURE",
  "PROLOG_UNDEPLOY_FAILURE",
];

const TRANSIENT: readonly Phase[] = [
  "PROLOG",
  "BOOT",
  "BOOT_POWEROFF",
  "BOOT_SUSPENDED",
  "BOOT_STOPPED",
  "BOOT_UNDEPLOY",
  "BOOT_UNKNOWN",
  "SAVE_SUSPEND",
  "SAVE_STOP",
  "SHUTDOWN",
  "SHUTDOWN_POWEROFF",
  "SHUTDOWN_UNDEPLOY",
  "CANCEL",
  "EPILOG",
  "EPILOG_STOP",
  "EPILOG_UNDEPLOY",
];

interface Rule {
  readonly from: readonly Phase[];
  readonly to: Phase;
}

const NEVER_DEPLOYED: readonly Phase[] = ["INIT", "PENDING", "HOLD", "CLONING", "CLONING_FAILURE"];
const AT_REST: readonly Phase[] = ["STOPPED", "SUSPENDED", "POWEROFF", "UNDEPLOYED"];
const TERMINATE: readonly Rule[] = [
  { from: NEVER_DEPLOYED, to: "DONE" },
  { from: AT_REST, to: "EPILOG" },
  { from: FAILURES, to: "CLEANUP_DELETE" },
];
const UNDEPLOY: readonly Rule[] = [
  { from: ["RUNNING", "UNKNOWN"], to: "SHUTDOWN_UNDEPLOY" },
  { from: ["POWEROFF"], to: "EPILOG_UNDEPLOY" },
];

/** Where an action leads; actions that keep the phase (reboot, resched) lead from a phase to itself. */
export const RULES: { readonly [action in VmAction]: readonly Rule[] } = {
  terminate: [{ from: ["RUNNING", "UNKNOWN"], to: "SHUTDOWN" }, ...TERMINATE],
  "terminate-hard": [
    { from: ["RUNNING", "UNKNOWN"], to: "CANCEL" },
    { from: TRANSIENT, to: "CLEANUP_DELETE" },
    ...TERMINATE,
  ],
  undeploy: UNDEPLOY,
  "undeploy-hard": UNDEPLOY,
  poweroff: [{ from: ["RUNNING", "UNKNOWN"], to: "SHUTDOWN_POWEROFF" }],
  "poweroff-hard": [{ from: ["RUNNING", "UNKNOWN"], to: "SHUTDOWN_POWEROFF" }],
  reboot: [{ from: ["RUNNING"], to: "RUNNING" }],
  "reboot-hard": [{ from: ["RUNNING"], to: "RUNNING" }],
  hold: [{ from: ["PENDING"], to: "HOLD" }],
  release: [{ from: ["HOLD"], to: "PENDING" }],
  stop: [
    { from: ["RUNNING"], to: "SAVE_STOP" },
    { from: ["SUSPENDED"], to: "EPILOG_STOP" },
  ],
  suspend: [{ from: ["RUNNING"], to: "SAVE_SUSPEND" }],
  resume: [
    { from: ["POWEROFF"], to: "BOOT_POWEROFF" },
    { from: ["SUSPENDED"], to: "BOOT_SUSPENDED" },
    { from: ["UNKNOWN"], to: "BOOT_UNKNOWN" },
    { from: ["STOPPED", "UNDEPLOYED"], to: "PENDING" },
  ],
  resched: [
    { from: ["RUNNING"], to: "RUNNING" },
    { from: ["POWEROFF"], to: "POWEROFF" },
  ],
  unresched: [
    { from: ["RUNNING"], to: "RUNNING" },
    { from: ["POWEROFF"], to: "POWEROFF" },
  ],
};

/** The phase an action leads to; undefined when the action is not available in the VM's phase. */
export function nextPhase(vm: Vm, action: VmAction): Phase | undefined {
  const phase = phaseOf(vm);
  const to = RULES[action].find((rule) => rule.from.some((name) => name === phase))?.to;
  // One that waits for a host again may have left something on its last one.
  return to === "DONE" && vm.history.length > 0 ? "EPILOG" : to;
}

/** Phases from which `action` is available, for the sentence that refuses it. */
export function phasesFor(action: VmAction): readonly Phase[] {
  return [...new Set(RULES[action].flatMap((rule) => rule.from))];
}

/** Phases in which a guest should be there, running or frozen, on its host. */
export function isOnHost(vm: Vm): boolean {
  return vm.state === VM_STATE.ACTIVE || vm.state === VM_STATE.SUSPENDED || vm.state === VM_STATE.POWEROFF;
}

/** What the history writes down for an action that ends a stay or changes the guest. */
export const HISTORY_CODE: { readonly [action in VmAction]: number } = {
  terminate: HISTORY_ACTION.TERMINATE,
  "terminate-hard": HISTORY_ACTION.TERMINATE_HARD,
  undeploy: HISTORY_ACTION.UNDEPLOY,
  "undeploy-hard": HISTORY_ACTION.UNDEPLOY_HARD,
  poweroff: HISTORY_ACTION.POWEROFF,
  "poweroff-hard": HISTORY_ACTION.POWEROFF_HARD,
  reboot: HISTORY_ACTION.REBOOT,
  "reboot-hard": HISTORY_ACTION.REBOOT_HARD,
  hold: HISTORY_ACTION.HOLD,
  release: HISTORY_ACTION.RELEASE,
  stop: HISTORY_ACTION.STOP,
  suspend: HISTORY_ACTION.SUSPEND,
  resume: HISTORY_ACTION.RESUME,
  resched: HISTORY_ACTION.RESCHED,
  unresched: HISTORY_ACTION.UNRESCHED,
};
