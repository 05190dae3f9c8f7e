/** A guest that boots by UEFI from a disk: it is READY, and its firmware's variables are its own and stay. */

import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { guestDisk } from "../support/guest-disk.ts";
import { BOOT_TIMEOUT_MS, guestImage } from "../support/guest-image.ts";
import { type QemuHouse, startQemuHouse } from "../support/qemu-house.ts";
import { type SeenVm, untilVm } from "../support/seen-vm.ts";
import { uefiFirmware } from "../support/uefi.ts";

const image = await guestImage();
const disk = await guestDisk(image);
const firmware = image && (await uefiFirmware());
const secureFirmware = firmware && (await uefiFirmware(true));
let qemu: QemuHouse;

beforeAll(async () => {
  if (image !== undefined && firmware !== undefined) qemu = await startQemuHouse(image);
});

afterAll(() => qemu?.end());

const SCRIPT = `#!/bin/sh
onegate vm update --data "BOOTED_BY=$(ls -d /sys/firmware/efi || echo bios)"
(while sleep 1; do beat=$((\${beat:-0} + 1)); onegate vm update --data "BEAT=$beat"; done) &
`;

/** Its id. */
async function makeGuest(name: string, os: string, memoryMiB: number, script: string): Promise<number> {
  const encoded = Buffer.from(script).toString("base64");
  const text = `NAME="${name}" CPU="0.1" MEMORY="${memoryMiB}" NIC=[NETWORK="lan"] OS=[${os}] DISK=[IMAGE="disk.qcow2"]
CONTEXT=[TOKEN="YES", NETWORK="YES", REPORT_READY="YES", TARGET="vdb", START_SCRIPT_BASE64="${encoded}"]`;
  return qemu.instantiate(Number(await qemu.call("one.template.allocate", text)));
}

async function act(vmId: number, action: string, state: number): Promise<void> {
  await qemu.call("one.vm.action", action, vmId);
  await qemu.untilVm(vmId, (xml) => xml.includes(`<STATE>${state}</STATE>`));
}

describe.skipIf(disk === undefined || firmware === undefined)("a guest that boots by UEFI", () => {
  it("is READY from a disk, goes on after stop, and has variables of its own that stay", {
    timeout: 2 * BOOT_TIMEOUT_MS,
  }, async () => {
    const vmId = await makeGuest("uefi", 'FIRMWARE="UEFI"', 192, SCRIPT);
    const told = async (isWanted: (vm: SeenVm["USER_TEMPLATE"]) => boolean) =>
      (await untilVm(qemu.house, await qemu.guest(vmId), (vm) => isWanted(vm.USER_TEMPLATE))).USER_TEMPLATE;
    const first = await told(({ READY, BEAT }) => READY === "YES" && Number(BEAT) > 0);
    expect(first.BOOTED_BY).toBe("/sys/firmware/efi");

    const nvram = path.join(qemu.directory(vmId), `nvram.${firmware?.variables.name}`);
    const written = readFileSync(nvram);
    // The firmware writes down what it found to boot from.
    expect(written.equals(readFileSync(firmware?.variables.path ?? ""))).toBe(false);
    expect(written.length).toBe(statSync(firmware?.variables.path ?? "").size);

    await act(vmId, "stop", VM_STATE.STOPPED);
    const last = Number((await told(() => true)).BEAT);
    await act(vmId, "resume", VM_STATE.ACTIVE);
    await told(({ BEAT }) => Number(BEAT) > last);
    await act(vmId, "poweroff-hard", VM_STATE.POWEROFF);
    expect(readFileSync(nvram).equals(written)).toBe(true);
    const { ino } = statSync(nvram);
    await act(vmId, "resume", VM_STATE.ACTIVE);
    await qemu.untilVm(vmId, (xml) => xml.includes(`<LCM_STATE>${LCM_STATE.RUNNING}</LCM_STATE>`));
    expect(statSync(nvram)).toMatchObject({ ino, size: written.length });
    await act(vmId, "terminate-hard", VM_STATE.DONE);
    expect(() => statSync(nvram)).toThrow("ENOENT");
  });

  it.skipIf(secureFirmware === undefined)(
    "does not begin what nobody has signed where it is to boot securely",
    {
      timeout: 2 * BOOT_TIMEOUT_MS,
    },
    async () => {
      const vmId = await makeGuest("secure", 'FIRMWARE="UEFI", FIRMWARE_SECURE="YES"', 192, "true");
      await qemu.untilVm(
        vmId,
        (xml) => xml.includes("<DEPLOY_ID>qemu:") || xml.includes("<DEPLOY_ID><![CDATA[qemu:"),
      );
      using console = qemu.console(vmId);
      await vi.waitFor(() => expect(console.text()).toContain("Access Denied"), BOOT_TIMEOUT_MS);
      expect(console.text()).not.toContain("guest:");
      await act(vmId, "terminate-hard", VM_STATE.DONE);
    },
  );
});
