import { describe, expect, it } from "vitest";
import { type QemuCommand, qemuArguments } from "../../gateway/cloud/embedded/drivers/qemu-command.ts";
import { guestEndpoint, linksOf } from "../../gateway/cloud/embedded/drivers/qemu-links.ts";
import { planGuest } from "../../gateway/cloud/embedded/drivers/qemu-plan.ts";
import { qemuRefusal } from "../../gateway/cloud/embedded/drivers/qemu-trust.ts";
import { qemuGuestPaths } from "../../shared/guests/qemu-layout.ts";
import type { Template } from "../../shared/template/types.ts";
import { blankVm } from "../support/blank-vm.ts";

const KERNEL = { KERNEL: "vmlinuz", INITRD: "initrd", KERNEL_CMD: "console=ttyS0" };
const NIC = { NIC_ID: "0", MAC: "02:00:0a:63:00:0a", IP: "10.99.0.10", BRIDGE: "br0", VN_MAD: "bridge" };
const CONTEXT = { ETH0_GATEWAY: "10.99.0.1", ETH0_MASK: "255.255.255.0", TARGET: "hda" };
const TEMPLATE: Template = { MEMORY: "128", CREATED_BY: "2", OS: KERNEL, NIC, CONTEXT };
const RESTRICTED = { network: "restricted", isTrusted: true } as const;

const planned = (changes: Template = {}) => planGuest({ id: 7, template: { ...TEMPLATE, ...changes } });

function argumentsOf(changes: Template = {}, more: Partial<QemuCommand> = {}): readonly string[] {
  const plan = planned(changes);
  return qemuArguments({
    plan,
    paths: qemuGuestPaths("/run/guests", 7),
    accelerator: "tcg",
    kernel: plan.kernel && "/images/vmlinuz",
    initrd: plan.kernel?.initrd && "/images/initrd",
    firmware: plan.firmware && { code: "/firmware/OVMF_CODE.fd", nvram: "/run/guests/7/nvram.OVMF_VARS.fd" },
    disks: plan.disks.map((disk) => ({
      plan: disk,
      path: `/run/guests/7/disk.${disk.id}`,
      format: disk.image === undefined ? disk.format : "qcow2",
      base: disk.image === undefined ? undefined : { path: "/images/base", format: disk.format },
    })),
    links: linksOf(plan, RESTRICTED),
    hasContext: true,
    isRestored: false,
    ...more,
  });
}

/** What follows each occurrence of an option. */
const valuesAfter = (given: readonly string[], option: string) =>
  given.flatMap((word, index) => (word === option ? [given[index + 1] ?? ""] : []));

const nodes = (given: readonly string[]) => valuesAfter(given, "-blockdev").map((text) => JSON.parse(text));

describe("the plan of a guest", () => {
  it.each<[string, Template, RegExp]>([
    ["no memory", { MEMORY: "" }, /^MEMORY is a whole number from 16 /],
    ["memory that is no number", { MEMORY: "128,share=on" }, /^MEMORY is a whole number/],
    ["256 processors", { VCPU: "256" }, /^VCPU is a whole number from 1 to 255, not "256"\.$/],
    ["nothing to boot", { OS: {} }, /^There is nothing to boot/],
    [
      "a kernel's words on two lines",
      { OS: { ...KERNEL, KERNEL_CMD: "a\nb" } },
      /^OS\/KERNEL_CMD is at most/,
    ],
    ["a disk without a size", { DISK: { DISK_ID: "0" } }, /^DISK 0 has neither SOURCE or IMAGE/],
    ["a format that is guessed", { DISK: { SOURCE: "x", FORMAT: "vmdk" } }, /^DISK\/FORMAT .* not "vmdk"\.$/],
    ["a bus nobody knows", { DISK: { SIZE: "1", TARGET: "xvda" } }, /^TARGET and DEV_PREFIX begin with/],
    [
      "two disks of one number",
      {
        DISK: [
          { DISK_ID: "1", SIZE: "1" },
          { DISK_ID: "1", SIZE: "1" },
        ],
      },
      /same DISK_ID/,
    ],
    ["an interface without a MAC", { NIC: { NIC_ID: "0" } }, /^NIC 0 has no MAC address/],
    [
      "a model that is another device",
      { NIC: { ...NIC, MODEL: "vfio-pci,host=0" } },
      /^NIC\/MODEL is virtio/,
    ],
    [
      "too many interfaces",
      { NIC: Array.from({ length: 9 }, (_, id) => ({ ...NIC, NIC_ID: String(id) })) },
      /at most 8/,
    ],
  ])("refuses %s", (_, changes, sentence) => {
    expect(() => planned(changes)).toThrow(sentence);
    expect(qemuRefusal({ id: 7, template: { ...TEMPLATE, ...changes } }, trusting())).toMatch(sentence);
  });

  it("lets images be written in place only by users who are trusted with that", () => {
    const template = { ...TEMPLATE, DISK: { SOURCE: "base.raw", PERSISTENT: "YES" } };
    const refusal = (...uids: number[]) => qemuRefusal({ id: 7, template }, trusting(...uids));
    expect(refusal()).toContain("a DISK is PERSISTENT");
    expect(refusal(2)).toBeUndefined();
    expect(qemuRefusal({ id: 7, template: { ...template, TEMPLATE_UID: "3" } }, trusting(2))).toContain(
      "PERSISTENT",
    );
    expect(qemuRefusal({ id: 7, template: TEMPLATE }, trusting())).toBeUndefined();
  });

  it("asks for no more memory than the machine has", () => {
    const refusal = (MEMORY: string) => qemuRefusal({ id: 7, template: { ...TEMPLATE, MEMORY } }, trusting());
    expect(refusal("2048")).toBeUndefined();
    expect(refusal("2049")).toBe("MEMORY is 2049 MiB, and guests have 2048 MiB on this machine.");
  });
});

const trusting = (...uids: number[]) => ({
  ...{ enabled: true, refusalReason: "", trustedUids: new Set(uids) },
  guestMemoryMiB: 2048,
});

describe("QEMU's command line", () => {
  it("is jailed, reads no configuration, and has both monitors", () => {
    const given = argumentsOf();
    expect(given).toEqual(expect.arrayContaining(["-nodefaults", "-no-user-config"]));
    expect(valuesAfter(given, "-sandbox")).toEqual([
      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    ]);
    expect(valuesAfter(given, "-qmp")).toEqual([
      "unix:/run/guests/7/qmp.sock,server=on,wait=off",
      "unix:/run/guests/7/qmp-probe.sock,server=on,wait=off",
      "unix:/run/guests/7/qmp-news.sock,server=on,wait=off",
    ]);
    expect(valuesAfter(given, "-m")).toEqual(["128M"]);
    expect(valuesAfter(given, "-smp")).toEqual(["1"]);
    expect(valuesAfter(given, "-display")).toEqual(["none"]);
    expect(valuesAfter(given, "-incoming")).toEqual([]);
  });

  it("bounds what an emulating QEMU keeps of what it has translated, by the guest's memory", () => {
    const accelerationOf = (MEMORY: string, more: Partial<QemuCommand> = {}) =>
      valuesAfter(argumentsOf({ MEMORY }, more), "-accel");
    expect(accelerationOf("16")).toEqual(["tcg,tb-size=32"]);
    expect(accelerationOf("513")).toEqual(["tcg,tb-size=129"]);
    expect(accelerationOf("8192")).toEqual(["tcg,tb-size=256"]);
    expect(accelerationOf("8192", { accelerator: "kvm" })).toEqual(["kvm"]);
  });

  it("gives the kernel its words as one argument, whatever they look like", () => {
    const command = "console=ttyS0 -monitor stdio,x $(reboot)";
    const given = argumentsOf({ OS: { ...KERNEL, ROOT: "vda1", KERNEL_CMD: command }, VCPU: "3" });
    expect(valuesAfter(given, "-append")).toEqual([`root=/dev/vda1 ${command}`]);
    expect(valuesAfter(given, "-kernel")).toEqual(["/images/vmlinuz"]);
    expect(valuesAfter(given, "-initrd")).toEqual(["/images/initrd"]);
    expect(given).not.toContain("-monitor");
  });

  it("spells out every file of a disk, so that no image's header names another", () => {
    const [disk, blank, context] = nodes(
      argumentsOf({
        DISK: [
          { DISK_ID: "0", SOURCE: "base.qcow2" },
          { DISK_ID: "1", SIZE: "10", TARGET: "sdb" },
        ],
      }),
    );
    expect(disk).toMatchObject({
      driver: "qcow2",
      file: { driver: "file", filename: "/run/guests/7/disk.0" },
      backing: { driver: "qcow2", "read-only": true, file: { filename: "/images/base" }, backing: null },
    });
    expect(blank).toMatchObject({ driver: "raw", file: { filename: "/run/guests/7/disk.1" } });
    expect(blank).not.toHaveProperty("backing");
    expect(context).toMatchObject({ "read-only": true, file: { filename: "/run/guests/7/context.iso" } });
  });

  it("puts disks on the bus of their target, and boots in the order that OS says", () => {
    const given = argumentsOf({
      OS: { BOOT: "disk1,disk0" },
      DISK: [
        { DISK_ID: "0", SOURCE: "a" },
        { DISK_ID: "1", SIZE: "1", TARGET: "sda" },
        { DISK_ID: "2", SIZE: "1", TARGET: "hdb" },
      ],
    });
    const devices = valuesAfter(given, "-device").filter((text) => text.startsWith("{"));
    expect(devices.map((text) => JSON.parse(text))).toEqual([
      { driver: "virtio-blk-pci", id: "disk-0", drive: "disk0", bootindex: 2 },
      { driver: "scsi-hd", bus: "scsi.0", id: "disk-1", drive: "disk1", bootindex: 1 },
      { driver: "ide-hd", bus: "ide.0", unit: 1, id: "disk-2", drive: "disk2" },
      { driver: "ide-cd", bus: "ide.0", unit: 0, id: "context-disc", drive: "context" },
      { driver: "virtio-net-pci", id: "nic-0", netdev: "net0", mac: NIC.MAC },
    ]);
    expect(given).toContain("virtio-scsi-pci,id=scsi");
  });

  it("has a guest's interface end at the house, and nowhere else", () => {
    expect(valuesAfter(argumentsOf(), "-netdev").map((text) => JSON.parse(text))).toEqual([
      { id: "net0", type: "stream", server: true, addr: { type: "unix", path: "/run/guests/7/net.0" } },
    ]);
  });

  it("waits for what was saved when there is something", () => {
    expect(valuesAfter(argumentsOf({}, { isRestored: true }), "-incoming")).toEqual([
      "unix:/run/guests/7/memory.sock",
    ]);
  });

  it("shows a screen on a socket of the guest's directory", () => {
    const given = argumentsOf({ GRAPHICS: { TYPE: "vnc", LISTEN: "0.0.0.0" } });
    expect(valuesAfter(given, "-vnc")).toEqual(["unix:/run/guests/7/vnc.sock"]);
    expect(valuesAfter(given, "-display")).toEqual([]);
  });
});

describe("how interfaces reach the world", () => {
  const link = (network: "restricted" | "user" | "bridge", isTrusted: boolean, changes: Template = {}) =>
    linksOf(planned(changes), { network, isTrusted }).get(0);

  it("is QEMU's own network only where it is configured, and the VM's users are trusted", () => {
    const user = { kind: "user", network: "10.99.0.0/24", gateway: "10.99.0.1", guest: "10.99.0.10" };
    expect(link("user", true)).toEqual(user);
    expect(link("user", false)).toEqual({ kind: "wire" });
    expect(link("restricted", true)).toEqual({ kind: "wire" });
  });

  it("is a bridge only where it is configured, and the network is one", () => {
    expect(link("bridge", false)).toEqual({ kind: "tap", name: "one-7-0" });
    expect(link("bridge", false, { NIC: { ...NIC, VN_MAD: "vxlan" } })).toEqual({ kind: "wire" });
    expect(link("restricted", false)).toEqual({ kind: "wire" });
  });

  it.each<[string, "restricted" | "user" | "bridge", Template, string]>([
    ["the gateway's address, at a port that stays", "restricted", {}, "http://10.99.0.1:5030"],
    ["the link-local address without a gateway", "restricted", { CONTEXT: {} }, "http://169.254.16.9:5030"],
    ["the gateway's address and the house's port in QEMU's network", "user", {}, "http://10.99.0.1:40123"],
    ["what the house says on a bridge", "bridge", {}, "http://127.0.0.1:40123"],
    ["what the house says without an interface", "restricted", { NIC: [] }, "http://127.0.0.1:40123"],
  ])("tells the guest %s", (_, network, changes, endpoint) => {
    const { NIC: nic, ...rest } = { ...TEMPLATE, ...changes };
    const template: Template = Array.isArray(nic) ? rest : { ...rest, NIC: nic ?? NIC };
    const vm = blankVm({ id: 7, template });
    expect(guestEndpoint(vm, "http://127.0.0.1:40123", { network, isTrusted: true })).toBe(endpoint);
  });
});
