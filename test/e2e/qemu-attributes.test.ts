/** What templates may ask of their machines, put to a real QEMU, which stops before its guest's first instruction. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { contextFiles } from "../../gateway/cloud/embedded/context/context-files.ts";
import { prepareBoot } from "../../gateway/cloud/embedded/drivers/qemu-boot.ts";
import type { NicLink } from "../../gateway/cloud/embedded/drivers/qemu-command.ts";
import { FIRMWARE_DIRECTORIES } from "../../gateway/cloud/embedded/drivers/qemu-firmware.ts";
import { linksOf } from "../../gateway/cloud/embedded/drivers/qemu-links.ts";
import { type Monitored, QemuMonitor } from "../../gateway/cloud/embedded/drivers/qemu-monitor.ts";
import { planGuest } from "../../gateway/cloud/embedded/drivers/qemu-plan.ts";
import { findTool } from "../../gateway/cloud/embedded/drivers/tool.ts";
import { diskBytes } from "../../probes/lib/qmp-disks.ts";
import { systemClock } from "../../shared/clock.ts";
import { readStat } from "../../shared/guests/process-proc.ts";
import { qemuGuestPaths } from "../../shared/guests/qemu-layout.ts";
import type { Template } from "../../shared/template/types.ts";
import { BOOT_TIMEOUT_MS, QEMU } from "../support/guest-image.ts";
import { uefiFirmware } from "../support/uefi.ts";

const program = findTool([QEMU]);
const hasTools = program !== undefined && spawnSync("qemu-img", ["--version"]).status === 0;
if (!hasTools) console.warn("QEMU or qemu-img is not installed: templates are not put to a real QEMU.");
const plain = hasTools ? await uefiFirmware() : undefined;
const secure = plain && (await uefiFirmware(true));

const NIC = { NIC_ID: "0", MAC: "02:00:0a:63:00:0a", IP: "10.99.0.10" };
const roots: string[] = [];
const started: ChildProcess[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) {
    const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
    child.kill("SIGKILL");
    await ended;
  }
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** A guest that is all ready, and does not begin. */
async function standing(template: Template, link?: NicLink) {
  const root = mkdtempSync(path.join(tmpdir(), "qemu-still-"));
  roots.push(root);
  writeFileSync(path.join(root, "base.raw"), Buffer.alloc(1024 * 1024));
  const paths = qemuGuestPaths(root, 7);
  const plan = planGuest({ id: 7, template: { MEMORY: "64", NIC, ...template } });
  const boot = await prepareBoot({
    ...{ plan, paths },
    links: link ? new Map([[0, link]]) : linksOf(plan, { network: "restricted", isTrusted: false }),
    ...{ context: contextFiles({ context: { VMID: "7" }, token: undefined }), uid: undefined },
    ...{ imageDirs: [root], firmwareDirs: FIRMWARE_DIRECTORIES, clock: systemClock },
    accelerator: async () => ({ accelerator: "tcg", reason: undefined }),
  });
  const log = path.join(root, "said");
  const output = openSync(log, "w");
  const child = spawn(program ?? QEMU, [...boot.arguments, "-S"], { stdio: ["ignore", output, output] });
  started.push(child);
  closeSync(output);
  const stat = readStat(child.pid ?? 0);
  if (stat === undefined) throw new Error("QEMU has no process.");
  const guest: Monitored = { vmId: 7, socket: paths.driverMonitor, process: stat };
  const monitor = new QemuMonitor(systemClock);
  const status = await monitor.untilUp(guest).catch((error: unknown) => {
    throw new Error(readFileSync(log, "utf8"), { cause: error });
  });
  const ask = async (execute: string, words: object = {}) =>
    (await monitor.tell(guest, { execute, arguments: { ...words } }))[0];
  return { status, ask, paths, said: () => readFileSync(log, "utf8") };
}

/** The ways to prove who one is, that a VNC server offers (RFC 6143, 7.1.2). */
async function vncSecurity(socketPath: string): Promise<readonly number[]> {
  const socket = connect(socketPath);
  try {
    const [version] = await once(socket, "data");
    socket.write(version);
    const [types]: Buffer[] = await once(socket, "data");
    return [...(types ?? [])].slice(1);
  } finally {
    socket.destroy();
  }
}

/** Some file systems have no reading and writing past the page cache. */
function canPassCache(): boolean {
  const root = mkdtempSync(path.join(tmpdir(), "qemu-direct-"));
  try {
    closeSync(openSync(path.join(root, "file"), constants.O_RDWR | constants.O_CREAT | constants.O_DIRECT));
    return true;
  } catch {
    return false;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const isDirect = canPassCache();
const past = (CACHE: string) => ({ CACHE: isDirect ? CACHE : "writeback" });
const native = { IO: isDirect ? "native" : "threads" };
const ALL: Template = {
  ...{ VCPU: "4", TOPOLOGY: { SOCKETS: "2", CORES: "2", THREADS: "1" } },
  OS: { BOOT: "disk1,nic0,disk0", UUID: "1b4e28ba-2fa1-11d2-883f-0016d3cca427", ARCH: "x86_64" },
  CPU_MODEL: { MODEL: "host-passthrough", FEATURES: "avx2,aes" },
  FEATURES: {
    ...{ ACPI: "yes", LOCALTIME: "yes", GUEST_AGENT: "yes", HYPERV: "yes" },
    ...{ VIRTIO_SCSI_QUEUES: "2", VIRTIO_BLK_QUEUES: "2" },
  },
  DISK: [
    { DISK_ID: "0", IMAGE: "base.raw", CACHE: "writethrough", SERIAL: "auto", TOTAL_BYTES_SEC: "1000000" },
    {
      ...{ DISK_ID: "1", SIZE: "4", TARGET: "sda", CACHE: "unsafe", DISCARD: "ignore", SERIAL: "DATA" },
      ...{
        READ_IOPS_SEC: "10",
        READ_IOPS_SEC_MAX: "20",
        READ_IOPS_SEC_MAX_LENGTH: "3",
        SIZE_IOPS_SEC: "4096",
      },
    },
    { DISK_ID: "2", IMAGE: "base.raw", TYPE: "CDROM", TARGET: "hda", WRITE_BYTES_SEC: "5000" },
    { DISK_ID: "3", IMAGE: "base.raw", READONLY: "YES", TARGET: "vdc", ...past("directsync"), ...native },
    { DISK_ID: "4", SIZE: "4", FORMAT: "qcow2", TARGET: "hdb", ...past("none") },
    { DISK_ID: "5", IMAGE: "base.raw", READONLY: "YES", TARGET: "sdb", TOTAL_IOPS_SEC: "5" },
  ],
  GRAPHICS: { TYPE: "vnc", PASSWD: "a very long secret", KEYMAP: "de" },
  ...{ VIDEO: { TYPE: "virtio" }, INPUT: [{ TYPE: "tablet", BUS: "usb" }, { TYPE: "mouse" }] },
};

describe.skipIf(!hasTools)("a real QEMU", { timeout: BOOT_TIMEOUT_MS }, () => {
  it.each(["pc", "q35"])("takes all that a template may ask of a %s", async (MACHINE) => {
    const { status, ask, paths, said } = await standing({ ...ALL, OS: { ...Object(ALL.OS), MACHINE } });
    expect(status).toEqual(expect.objectContaining({ status: "prelaunch", running: false }));
    expect(await ask("query-uuid")).toEqual({ UUID: "1b4e28ba-2fa1-11d2-883f-0016d3cca427" });
    expect(await ask("query-cpus-fast")).toHaveLength(4);
    expect(await ask("qom-get", { path: "/objects/limits1", property: "limits" })).toMatchObject({
      ...{ "iops-read": 10, "iops-read-max": 20, "iops-read-max-length": 3, "iops-size": 4096 },
    });
    // What the probe makes of it: the disks that are the guest's own, limited or not.
    expect([...diskBytes(await ask("query-block")).keys()].sort()).toEqual([0, 1, 4]);
    // 2 is VNC's own; 1 would be none.
    expect(await vncSecurity(paths.display)).toEqual([2]);
    expect(readFileSync(paths.displayPassword, "utf8")).toBe("a very l");
    expect(statSync(paths.displayPassword).mode & 0o777).toBe(0o600);
    expect(statSync(paths.agent).isSocket()).toBe(true);
    expect(said()).toBe("");
  });

  it.each<[string, Template]>([
    ["a model of a processor", { CPU_MODEL: { MODEL: "Haswell" } }],
    ["an old card, and no ACPI", { VIDEO: { TYPE: "cirrus" }, FEATURES: { ACPI: "no" } }],
    ["an e1000e", { NIC: { ...NIC, MODEL: "e1000e" }, OS: { MACHINE: "q35" } }],
    [
      "a vmxnet3, and a screen for everybody",
      { NIC: { ...NIC, MODEL: "vmxnet3" }, GRAPHICS: { TYPE: "vnc" } },
    ],
    ["a version of a machine", { OS: { MACHINE: "pc-q35-7.0" } }],
  ])("takes %s", async (_, template) => {
    const { status } = await standing({ DISK: { SIZE: "1" }, ...template });
    expect(status).toMatchObject({ status: "prelaunch" });
  });

  it("does not begin with a processor that lacks what was asked for", async () => {
    const template = { DISK: { SIZE: "1" }, CPU_MODEL: { FEATURES: "avx512f" } };
    await expect(standing(template)).rejects.toThrow(/avx512f/);
  });

  it("is not begun with an image that would have to grow itself", async () => {
    const asked = (SIZE: string) => standing({ DISK: { IMAGE: "base.raw", READONLY: "YES", SIZE } });
    await expect(asked("2")).rejects.toThrow(/^DISK 0 is its image itself, .* SIZE does not make it 2\.$/);
    expect((await asked("1")).status).toMatchObject({ status: "prelaunch" });
  });

  it("is not begun on a bridge with limits that nobody would keep there", async () => {
    const template = { DISK: { SIZE: "1" }, NIC: { ...NIC, OUTBOUND_AVG_BW: "1000" } };
    const tap = { kind: "tap", name: "one-7-0" } as const;
    await expect(standing(template, tap)).rejects.toThrow(/^NIC 0 has limits .* not on this bridge\.$/);
    expect((await standing(template)).status).toMatchObject({ status: "prelaunch" });
  });

  it.skipIf(plain === undefined)("takes UEFI, and UEFI that lets only what is signed begin", async () => {
    const DISK = { SIZE: "1" };
    for (const FIRMWARE_SECURE of secure === undefined ? ["NO"] : ["NO", "YES"]) {
      const { status, said } = await standing({ DISK, OS: { FIRMWARE: "UEFI", FIRMWARE_SECURE } });
      expect(status).toMatchObject({ status: "prelaunch" });
      expect(said()).toBe("");
    }
  });
});
