/** Guests that boot by their firmware, from disks: of whom a disk is, how long it stays, and which images are refused. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchBootLoader } from "../../scripts/guest-image/boot-loader.ts";
import { makeBootDisk } from "../../scripts/guest-image/disk.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { guestDisk } from "../support/guest-disk.ts";
import { BOOT_TIMEOUT_MS, guestImage } from "../support/guest-image.ts";
import { scratchDirectory } from "../support/house.ts";
import { type QemuHouse, startQemuHouse } from "../support/qemu-house.ts";
import { type SeenVm, untilVm } from "../support/seen-vm.ts";

const image = await guestImage();
const disk = await guestDisk(image);
const scratch = scratchDirectory("qemu-disk");
const images = path.join(scratch.path, "images");
let qemu: QemuHouse;

beforeAll(async () => {
  if (image === undefined || disk === undefined) return;
  chmodSync(scratch.path, 0o711);
  mkdirSync(images);
  qemu = await startQemuHouse(image, {}, { image_dirs: [image.directory, images] });
});

afterAll(async () => {
  await qemu?.end();
  scratch.remove();
});

/** Tells what the last sector of its disk holds, writes its own mark there, and goes on telling what it reads. */
const SCRIPT = `#!/bin/sh
until [ -e /sys/class/block/vda/size ]; do usleep 20000; done
sectors=$(cat /sys/class/block/vda/size)
mark() {
  echo 3 >/proc/sys/vm/drop_caches
  dd if=/dev/vda bs=512 skip=$((sectors - 1)) count=1 2>/dev/null | tr -d '\\0'
}
found=$(mark)
printf 'mark of VM %s' "$VMID" | dd of=/dev/vda bs=512 seek=$((sectors - 1)) conv=notrunc,fsync 2>/dev/null
more=$(cat /sys/class/block/vdb/size 2>/dev/null)
onegate vm update --data "FOUND=\${found:-nothing}
SECTORS=$sectors and \${more:-none}
BOOT=$(cat /proc/sys/kernel/random/boot_id)"
(while sleep 1; do beat=$((\${beat:-0} + 1)); onegate vm update --data "BEAT=$beat: $(mark)"; done) &
`;

const FAILED = `<LCM_STATE>${LCM_STATE.BOOT_FAILURE}</LCM_STATE>`;

/** Its id. */
async function makeTemplate(name: string, ...disks: readonly string[]): Promise<number> {
  const script = Buffer.from(SCRIPT).toString("base64");
  const text = `NAME="${name}" CPU="0.1" MEMORY="96" NIC=[NETWORK="lan"]
CONTEXT=[TOKEN="YES", NETWORK="YES", REPORT_READY="YES", METRICS_INTERVAL="600", START_SCRIPT_BASE64="${script}"]
${disks.map((each) => `DISK=[${each}]`).join("\n")}`;
  return Number(await qemu.call("one.template.allocate", text));
}

/** What the guest tells, once it tells that. */
async function told(vmId: number, name: string, pattern: RegExp) {
  const vm = await untilVm(qemu.house, await qemu.guest(vmId), ({ USER_TEMPLATE }) =>
    pattern.test(String(USER_TEMPLATE[name] ?? "")),
  );
  return vm.USER_TEMPLATE;
}

async function act(vmId: number, action: string, state: number): Promise<void> {
  await qemu.call("one.vm.action", action, vmId);
  await qemu.untilVm(vmId, (xml) => xml.includes(`<STATE>${state}</STATE>`));
}

const hashOf = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
const beatOf = ({ BEAT }: Readonly<Record<string, unknown>>) => Number.parseInt(String(BEAT), 10);

describe.skipIf(disk === undefined)("a disk that firmware boots", () => {
  it("is the same wherever it is made, with the partitions it says", {
    timeout: BOOT_TIMEOUT_MS,
  }, async () => {
    if (image === undefined || disk === undefined) return;
    const root = path.join(scratch.path, "root");
    writeFileSync(root, Buffer.concat([Buffer.alloc(1024 * 1024), Buffer.from("the root file system")]));
    const debs = path.join(image.directory, "packages");
    const loader = await fetchBootLoader(disk.packages, debs, path.join(scratch.path, "loader"));
    const parts = { loader, kernel: image.initrd, initrd: image.initrd, commandLine: "quiet", root };
    const made: Buffer[] = [];
    for (const name of ["one", "two"]) {
      const folder = path.join(scratch.path, name);
      mkdirSync(folder);
      await makeBootDisk({ ...parts, path: path.join(folder, "disk") });
      made.push(readFileSync(path.join(folder, "disk")));
    }
    const [one, two] = made;
    expect(one?.equals(two ?? Buffer.alloc(0))).toBe(true);
    const second = (one?.readUInt32LE(446 + 16 + 8) ?? 0) * 512;
    expect(one?.subarray(second + 1024 * 1024).toString("latin1", 0, 20)).toBe("the root file system");
  });
});

describe.skipIf(disk === undefined)("a guest on a disk", { timeout: 2 * BOOT_TIMEOUT_MS }, () => {
  it("writes a copy of its own, which is as big as wanted, stays while the VM does, and is no other VM's", async () => {
    if (disk === undefined) return;
    const base = hashOf(disk.qcow2);
    const templateId = await makeTemplate("copy", 'IMAGE="disk.qcow2", SIZE="64"', 'SIZE="2"');
    const [stopped, off] = [await qemu.instantiate(templateId), await qemu.instantiate(templateId)];
    const fresh = { FOUND: "nothing", SECTORS: "131072 and 4096" };
    const before = await told(stopped, "BEAT", /mark/);
    expect(before).toMatchObject({ ...fresh, READY: "YES", BEAT: expect.stringContaining(`VM ${stopped}`) });
    const first = await told(off, "BEAT", /mark/);
    expect(first).toMatchObject({ ...fresh, BEAT: expect.stringContaining(`VM ${off}`) });

    await Promise.all([act(stopped, "stop", VM_STATE.STOPPED), act(off, "poweroff", VM_STATE.POWEROFF)]);
    const last = beatOf(await told(stopped, "BEAT", /mark/));
    await act(stopped, "resume", VM_STATE.ACTIVE);
    await act(off, "resume", VM_STATE.ACTIVE);
    const isLater = (vm: SeenVm) => beatOf(vm.USER_TEMPLATE) > last;
    const after = await untilVm(qemu.house, await qemu.guest(stopped), isLater);
    expect(after.USER_TEMPLATE).toMatchObject({
      BOOT: before.BOOT,
      BEAT: expect.stringContaining(`VM ${stopped}`),
    });
    await act(stopped, "terminate-hard", VM_STATE.DONE);
    const next = await qemu.instantiate(templateId);
    const again = await told(off, "FOUND", new RegExp(`^mark of VM ${off}$`));
    expect(again.BOOT).not.toBe(first.BOOT);
    expect(await told(next, "SECTORS", /and/)).toMatchObject(fresh);
    await Promise.all([off, next].map((vmId) => act(vmId, "terminate-hard", VM_STATE.DONE)));
    expect(hashOf(disk.qcow2)).toBe(base);
  });

  it("writes the image itself where that is PERSISTENT, one VM at a time", async () => {
    if (disk === undefined) return;
    const own = path.join(images, "own.raw");
    copyFileSync(disk.raw, own);
    // A guest's own user writes it.
    chmodSync(own, 0o666);
    const templateId = await makeTemplate("own", 'IMAGE="own.raw", PERSISTENT="YES"');
    const vmId = await qemu.instantiate(templateId);
    await told(vmId, "READY", /YES/);
    const other = await qemu.instantiate(templateId);
    expect(await qemu.untilVm(other, (xml) => xml.includes(FAILED))).toMatch(
      /another process using the image/,
    );
    await act(vmId, "terminate", VM_STATE.DONE);
    const mark = Buffer.from(`mark of VM ${vmId}`);
    expect(readFileSync(own).subarray(-512, mark.length - 512)).toEqual(mark);
  });

  it("does not boot from an image that is cut short, leans on another, or lies elsewhere, and says so", async () => {
    if (disk === undefined) return;
    const whole = readFileSync(disk.qcow2);
    writeFileSync(path.join(images, "cut.qcow2"), whole.subarray(0, whole.length / 2));
    const layered = path.join(images, "layered.qcow2");
    spawnSync("qemu-img", ["create", "-q", "-f", "qcow2", "-b", disk.qcow2, "-F", "qcow2", layered]);
    symlinkSync("/etc/hostname", path.join(images, "link.raw"));
    const wrong = {
      "cut.qcow2": "DISK 0 is a qcow2 image whose end is missing",
      "layered.qcow2": "DISK 0 is made of several files",
      "link.raw": "does not lie in an image directory",
      "none.raw": "is in none of the image directories",
    };
    for (const [name, error] of Object.entries(wrong)) {
      const vmId = await qemu.instantiate(await makeTemplate(name, `IMAGE="${name}"`));
      expect(await qemu.untilVm(vmId, (xml) => xml.includes(FAILED))).toContain(error);
    }
  });
});
