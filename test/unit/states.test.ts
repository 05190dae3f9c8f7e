import { expect, it } from "vitest";
import { HISTORY_ACTION, historyActionName } from "../../shared/states/history.ts";
import { HOST_STATE, hostStateName } from "../../shared/states/host.ts";
import { LCM_STATE, lcmStateName } from "../../shared/states/lcm.ts";
import { NETWORK_STATE, networkStateName } from "../../shared/states/network.ts";
import { ROLE_STATE, roleStateName } from "../../shared/states/role.ts";
import { SERVICE_STATE, serviceStateName } from "../../shared/states/service.ts";
import { VM_STATE, vmStateName, vmStateText } from "../../shared/states/vm.ts";

const CATALOGUES = [
  { name: "VM", codes: VM_STATE, text: vmStateName, count: 12 },
  { name: "LCM", codes: LCM_STATE, text: lcmStateName, count: 72 },
  { name: "host", codes: HOST_STATE, text: hostStateName, count: 9 },
  { name: "network", codes: NETWORK_STATE, text: networkStateName, count: 7 },
  { name: "service", codes: SERVICE_STATE, text: serviceStateName, count: 16 },
  { name: "role", codes: ROLE_STATE, text: roleStateName, count: 12 },
];

it.each(CATALOGUES)("numbers the $name states from 0 without a gap, and names each", (catalogue) => {
  expect(Object.values(catalogue.codes)).toEqual(Array.from({ length: catalogue.count }, (_, code) => code));
  for (const [name, code] of Object.entries(catalogue.codes)) expect(catalogue.text(code)).toBe(name);
});

it("has the codes that the specification counts out", () => {
  expect(LCM_STATE).toMatchObject({
    EPILOG_STOP: 10,
    UNKNOWN: 16,
    BOOT_POWEROFF: 20,
    EPILOG_UNDEPLOY: 30,
    BOOT_FAILURE: 36,
    EPILOG_FAILURE: 40,
    PROLOG_UNDEPLOY_FAILURE: 50,
    PROLOG_MIGRATE_UNKNOWN: 60,
    BACKUP_POWEROFF: 70,
    RESTORE: 71,
  });
  expect(SERVICE_STATE.HOLD).toBe(15);
  expect(ROLE_STATE.HOLD).toBe(11);
});

it("tells a code of a newer release instead of failing on it", () => {
  expect(vmStateName(77)).toBe("UNKNOWN_STATE_77");
  expect(lcmStateName(-1)).toBe("UNKNOWN_STATE_-1");
  expect(historyActionName(61)).toBe("UNKNOWN_ACTION_61");
});

it("says what an ACTIVE VM is doing, and the VM state otherwise", () => {
  expect(vmStateText(VM_STATE.ACTIVE, LCM_STATE.RUNNING)).toBe("RUNNING");
  expect(vmStateText(VM_STATE.POWEROFF, LCM_STATE.LCM_INIT)).toBe("POWEROFF");
});

it("keeps disk snapshots and VM snapshots apart among the history actions", () => {
  expect(historyActionName(25)).toBe("DISK_SNAPSHOT_CREATE");
  expect(historyActionName(37)).toBe("SNAPSHOT_CREATE");
  expect(new Set(Object.values(HISTORY_ACTION)).size).toBe(Object.keys(HISTORY_ACTION).length);
});
