import { describe, expect, it } from "vitest";
import { qemuArguments } from "../../gateway/cloud/embedded/drivers/qemu-command.ts";
import { linksOf } from "../../gateway/cloud/embedded/drivers/qemu-links.ts";
import { planGuest } from "../../gateway/cloud/embedded/drivers/qemu-plan.ts";
import { qemuRefusal } from "../../gateway/cloud/embedded/drivers/qemu-trust.ts";
import { qemuGuestPaths } from "../../shared/guests/qemu-layout.ts";
import type { Template } from "../../shared/template/types.ts";

const NIC = { NIC_ID: "0", MAC: "02:00:0a:63:00:0a", IP: "10.99.0.10" };
const TEMPLATE: Template = { MEMORY: "128", CREATED_BY: "2", DISK: { SIZE: "8" }, NIC };

const planned = (changes: Template) => planGuest({ id: 7, template: { ...TEMPLATE, ...changes } });

/** What follows each occurrence of an option. */
function wordsFor(changes: Template, option: string, accelerator: "tcg" | "kvm" = "tcg"): readonly string[] {
  const plan = planned(changes);
  const given = qemuArguments({
    ...{ plan, paths: qemuGuestPaths("/run/guests", 7), accelerator, kernel: undefined, initrd: undefined },
    firmware: plan.firmware && { code: "/firmware/CODE.fd", nvram: "/run/guests/7/nvram.VARS.fd" },
    disks: plan.disks.map((disk) => ({
      plan: disk,
      path: `/disk/${disk.id}`,
      format: "raw",
      base: undefined,
    })),
    links: linksOf(plan, { network: "restricted", isTrusted: false }),
    ...{ hasContext: true, isRestored: false },
  });
  return given.flatMap((word, index) => (word === option ? [given[index + 1] ?? ""] : []));
}

const devices = (changes: Template) =>
  wordsFor(changes, "-device").flatMap((text) => (text.startsWith("{") ? [JSON.parse(text)] : []));
const disk = (DISK: Record<string, string>, more: Template = {}) =>
  devices({ DISK: { SIZE: "8", ...DISK }, ...more }).find(({ id }) => id === "disk-0");
const nodes = (DISK: Record<string, string>) =>
  wordsFor({ DISK: { SIZE: "8", ...DISK } }, "-blockdev").map((text) => JSON.parse(text));

describe("what a template asks of its machine", () => {
  it.each<[string, Template, string, string]>([
    ["nothing", {}, "-machine", "pc"],
    ["a version of it", { OS: { MACHINE: "pc-i440fx-7.2" } }, "-machine", "pc-i440fx-7.2"],
    ["a distribution's version", { OS: { MACHINE: "pc-q35-jammy" } }, "-machine", "pc-q35-jammy"],
    ["no ACPI", { FEATURES: { ACPI: "no" } }, "-machine", "pc,acpi=off"],
    ["UEFI", { OS: { FIRMWARE: "UEFI" } }, "-machine", "pc,pflash0=firmware,pflash1=nvram"],
    [
      "secure boot",
      { OS: { FIRMWARE: "UEFI", FIRMWARE_SECURE: "YES" } },
      "-machine",
      "q35,pflash0=firmware,pflash1=nvram,smm=on",
    ],
    [
      "its own name",
      { OS: { UUID: "1B4E28BA-2FA1-11D2-883F-0016D3CCA427" } },
      "-uuid",
      "1B4E28BA-2FA1-11D2-883F-0016D3CCA427",
    ],
    ["this machine's time zone", { FEATURES: { LOCALTIME: "yes" } }, "-rtc", "base=localtime"],
    ["world time", {}, "-rtc", "base=utc"],
    ["processors", { VCPU: "4" }, "-smp", "4"],
    [
      "processors of a kind",
      { VCPU: "8", TOPOLOGY: { SOCKETS: "2", CORES: "2", THREADS: "2", PIN_POLICY: "NONE" } },
      "-smp",
      "cpus=8,sockets=2,cores=2,threads=2",
    ],
    [
      "threads, and sockets as they follow",
      { VCPU: "4", TOPOLOGY: { THREADS: "2" } },
      "-smp",
      "cpus=4,sockets=2,cores=1,threads=2",
    ],
  ])("gives it %s", (_, changes, option, words) => {
    expect(wordsFor(changes, option)).toEqual([words]);
  });

  it("gives it the processor that is wanted, or does not start it", () => {
    const cpu = (changes: Template, accelerator?: "tcg" | "kvm") => wordsFor(changes, "-cpu", accelerator)[0];
    expect(cpu({})).toBe("max");
    expect(cpu({}, "kvm")).toBe("host");
    expect(cpu({ CPU_MODEL: { MODEL: "host-passthrough" } }, "kvm")).toBe("host");
    expect(cpu({ CPU_MODEL: { MODEL: "Haswell-noTSX" } }, "kvm")).toBe("Haswell-noTSX,enforce=on");
    expect(cpu({ CPU_MODEL: { MODEL: "Haswell-noTSX" } })).toBe("Haswell-noTSX");
    expect(cpu({ CPU_MODEL: { FEATURES: "avx2, pcid" } }, "kvm")).toBe("host,avx2=on,pcid=on,enforce=on");
    expect(cpu({ FEATURES: { HYPERV: "yes" } }, "kvm")).toBe(
      "host,hv-relaxed=on,hv-vapic=on,hv-spinlocks=0x1000",
    );
    expect(cpu({ FEATURES: { HYPERV: "yes" } })).toBe("max");
  });

  it("keeps a guest's variables from its kernel where secure boot hangs on them", () => {
    const secure = wordsFor({ OS: { FIRMWARE: "UEFI", FIRMWARE_SECURE: "YES" } }, "-global");
    expect(secure).toContain("driver=cfi.pflash01,property=secure,value=on");
    expect(wordsFor({ OS: { FIRMWARE: "UEFI" } }, "-global")).toEqual([]);
    const [code, nvram] = wordsFor({ OS: { FIRMWARE: "UEFI" } }, "-blockdev").map((text) => JSON.parse(text));
    expect(code).toMatchObject({
      "node-name": "firmware",
      "read-only": true,
      file: { filename: "/firmware/CODE.fd" },
    });
    expect(nvram).toMatchObject({ "node-name": "nvram", file: { filename: "/run/guests/7/nvram.VARS.fd" } });
  });
});

describe("what a template asks of its disks", () => {
  it("is the order of their letters on a bus, whatever stands first", () => {
    const DISK = [
      { DISK_ID: "0", SIZE: "1", DEV_PREFIX: "vd" },
      { DISK_ID: "1", SIZE: "1", TARGET: "vda" },
      { DISK_ID: "2", SIZE: "1", TARGET: "sdb" },
      { DISK_ID: "3", SIZE: "1", TARGET: "sda" },
      { DISK_ID: "4", SIZE: "1", TARGET: "vdaa" },
      { DISK_ID: "5", SIZE: "1" },
    ];
    const ids = planned({ DISK }).disks.map(({ id, bus }) => `${bus}${id}`);
    expect(ids.filter((id) => id.startsWith("virtio"))).toEqual(["virtio1", "virtio0", "virtio5", "virtio4"]);
    expect(ids.filter((id) => id.startsWith("scsi"))).toEqual(["scsi3", "scsi2"]);
  });

  it("is their place on IDE, and the context disc takes what is left", () => {
    const seats = (context: string, ...targets: readonly string[]) => {
      const DISK = targets.map((TARGET, id) => ({ DISK_ID: String(id), SIZE: "1", TARGET }));
      const found = devices({ DISK, CONTEXT: { TARGET: context } });
      return found.flatMap(({ bus, unit, id }) => (id.startsWith("nic") ? [] : [`${bus}/${unit} ${id}`]));
    };
    expect(seats("hda", "hdb", "hdd")).toEqual(["ide.0/1 disk-0", "ide.1/1 disk-1", "ide.0/0 context-disc"]);
    expect(seats("hda", "hd", "hd")).toEqual(["ide.0/0 disk-0", "ide.0/1 disk-1", "ide.1/0 context-disc"]);
  });

  it("is to boot from the first unless it says from which", () => {
    const DISK = [
      { DISK_ID: "0", SIZE: "1" },
      { DISK_ID: "1", SIZE: "1" },
    ];
    const order = (BOOT: string) =>
      devices({ DISK, OS: { BOOT } }).flatMap(({ id, bootindex }) =>
        bootindex ? [`${bootindex} ${id}`] : [],
      );
    expect(order("")).toEqual(["1 disk-0", "2 disk-1"]);
    expect(order("nic0, disk1")).toEqual(["2 disk-1", "1 nic-0"]);
    expect(order("nic3,disk0")).toEqual(["2 disk-0"]);
  });

  it.each<[string, Record<string, string>, object]>([
    ["no cache of this machine's", { CACHE: "none" }, { cache: { direct: true, "no-flush": false } }],
    [
      "its own I/O",
      { CACHE: "directsync", IO: "native" },
      { cache: { direct: true }, file: { aio: "native" } },
    ],
    ["no flushes", { CACHE: "unsafe" }, { cache: { direct: false, "no-flush": true } }],
    ["to keep what is given back", { DISCARD: "ignore" }, { discard: "ignore", file: { discard: "ignore" } }],
    ["to give it up", {}, { discard: "unmap", file: { discard: "unmap" } }],
    ["a file that is only read", { READONLY: "yes" }, { "read-only": true }],
  ])("is %s", (_, DISK, node) => {
    expect(nodes(DISK)[0]).toMatchObject(node);
  });

  it("is a device as asked for", () => {
    expect(disk({})).toEqual({ driver: "virtio-blk-pci", id: "disk-0", drive: "disk0", bootindex: 1 });
    expect(disk({ CACHE: "writethrough" })).toMatchObject({ "write-cache": "off" });
    expect(disk({ SERIAL: "auto" })).toMatchObject({ serial: "7-0" });
    expect(disk({ SERIAL: "DATA-1" })).toMatchObject({ serial: "DATA-1" });
    expect(disk({}, { FEATURES: { VIRTIO_BLK_QUEUES: "4" } })).toMatchObject({ "num-queues": 4 });
    expect(disk({ VIRTIO_BLK_QUEUES: "auto" })).not.toHaveProperty("num-queues");
    expect(disk({ TYPE: "CDROM", IMAGE: "a.iso", TARGET: "sda" })).toMatchObject({ driver: "scsi-cd" });
    expect(nodes({ TYPE: "CDROM", IMAGE: "a.iso" })[0]).toMatchObject({ "read-only": true });
    const queues = { FEATURES: { VIRTIO_SCSI_QUEUES: "2" }, DISK: { SIZE: "1", TARGET: "sda" } };
    expect(wordsFor(queues, "-device")).toContain("virtio-scsi-pci,id=scsi,num_queues=2");
  });

  it("is no more than its limits", () => {
    const DISK = {
      ...{
        SIZE: "8",
        TOTAL_BYTES_SEC: "1000000",
        TOTAL_BYTES_SEC_MAX: "2000000",
        TOTAL_BYTES_SEC_MAX_LENGTH: "5",
      },
      ...{ READ_IOPS_SEC: "100", WRITE_IOPS_SEC: "50", SIZE_IOPS_SEC: "4096", READ_BYTES_SEC: "0" },
    };
    expect(wordsFor({ DISK }, "-object").map((text) => JSON.parse(text))).toEqual([
      {
        "qom-type": "throttle-group",
        id: "limits0",
        limits: {
          ...{ "bps-total": 1_000_000, "bps-total-max": 2_000_000, "bps-total-max-length": 5 },
          ...{ "iops-read": 100, "iops-write": 50, "iops-size": 4096 },
        },
      },
    ]);
    expect(nodes(DISK)[1]).toEqual({
      ...{ "node-name": "limited0", driver: "throttle", "read-only": false },
      ...{ "throttle-group": "limits0", file: "disk0" },
    });
    expect(disk(DISK)).toMatchObject({ drive: "limited0" });
    expect(wordsFor({ DISK: { SIZE: "8", SIZE_IOPS_SEC: "4096" } }, "-object")).toEqual([]);
  });
});

describe("what a template asks of its screen", () => {
  it("is VNC on a socket, with a password that stands in no argument", () => {
    const GRAPHICS = { TYPE: "VNC", LISTEN: "0.0.0.0", PORT: "5900", PASSWD: "se,cret", KEYMAP: "de" };
    expect(wordsFor({ GRAPHICS }, "-vnc")).toEqual([
      "unix:/run/guests/7/vnc.sock,password-secret=vnc-password",
    ]);
    const [secret] = wordsFor({ GRAPHICS }, "-object").map((text) => JSON.parse(text));
    expect(secret).toEqual({ "qom-type": "secret", id: "vnc-password", file: "/run/guests/7/vnc.password" });
    expect(wordsFor({ GRAPHICS }, "-k")).toEqual(["de"]);
    expect(wordsFor({ GRAPHICS }, "-device")).toContain("VGA");
    expect(wordsFor({ GRAPHICS: { TYPE: "vnc" } }, "-vnc")).toEqual(["unix:/run/guests/7/vnc.sock"]);
  });

  it("may have another card, and a pointer that knows where it is", () => {
    const more = { VIDEO: { TYPE: "virtio" }, INPUT: { TYPE: "tablet", BUS: "usb" } };
    const given = wordsFor({ GRAPHICS: { TYPE: "vnc" }, ...more }, "-device");
    expect(given).toEqual(expect.arrayContaining(["virtio-vga", "qemu-xhci,id=usb", "usb-tablet,bus=usb.0"]));
    expect(given).not.toContain("VGA");
    expect(wordsFor({ INPUT: { TYPE: "mouse", BUS: "ps2" } }, "-device")).not.toContain("qemu-xhci,id=usb");
  });

  it("gives qemu-guest-agent its port", () => {
    const FEATURES = { GUEST_AGENT: "yes" };
    expect(wordsFor({ FEATURES }, "-chardev")).toContain(
      "socket,id=agent,path=/run/guests/7/agent.sock,server=on,wait=off",
    );
    expect(wordsFor({ FEATURES }, "-device")).toContain(
      "virtserialport,chardev=agent,name=org.qemu.guest_agent.0",
    );
    expect(wordsFor({}, "-chardev")).toHaveLength(1);
  });
});

describe("what a template asks of its interfaces", () => {
  it("is their pace", () => {
    const limits = {
      INBOUND_AVG_BW: "1000",
      OUTBOUND_AVG_BW: "10",
      OUTBOUND_PEAK_BW: "20",
      OUTBOUND_PEAK_KB: "5",
    };
    expect(planned({ NIC: { ...NIC, ...limits } }).nics[0]?.rates).toEqual({
      inbound: { averageBytesPerS: 1_024_000, peakBytesPerS: undefined, burstBytes: 102_400 },
      outbound: { averageBytesPerS: 10_240, peakBytesPerS: 20_480, burstBytes: 5_120 },
    });
    expect(planned({}).nics[0]?.rates).toEqual({ inbound: undefined, outbound: undefined });
  });
});

describe("what no VM has here", () => {
  const trust = { enabled: true, refusalReason: "", trustedUids: new Set<number>(), guestMemoryMiB: 2048 };
  const refusal = (changes: Template) => qemuRefusal({ id: 7, template: { ...TEMPLATE, ...changes } }, trust);
  const hd = (count: number) =>
    Array.from({ length: count }, (_, id) => ({
      DISK_ID: String(id),
      SIZE: "1",
      TARGET: `hd${"abcdef"[id]}`,
    }));

  it.each<[RegExp, Template]>([
    [/^RAW is libvirt's/, { RAW: { TYPE: "kvm", DATA: "<devices/>" } }],
    [/^RAW is libvirt's/, { RAW: { DATA: "-device x" } }],
    [/^EMULATOR is not taken/, { EMULATOR: "/tmp/qemu" }],
    [/^PCI: devices/, { PCI: { VENDOR: "8086" } }],
    [/^TPM: VMs have none/, { TPM: { TYPE: "emulator" } }],
    [/^HYPERV_OPTIONS are libvirt's/, { HYPERV_OPTIONS: "<relaxed/>" }],
    [/^OS\/KERNEL_DS: there are no datastores/, { OS: { KERNEL_DS: "$FILE[IMAGE_ID=1]" } }],
    [/^OS\/BOOT names devices as disk0/, { OS: { BOOT: "hd" } }],
    [/^OS\/ARCH is x86_64, i686 or i386 here, not "aarch64"/, { OS: { ARCH: "aarch64" } }],
    [/^OS\/MACHINE is pc, q35/, { OS: { MACHINE: "q35,accel=kvm" } }],
    [/^OS\/SD_DISK_BUS is SCSI here, not "sata"/, { OS: { SD_DISK_BUS: "sata" } }],
    [/^OS\/UUID is no UUID/, { OS: { UUID: "1,2" } }],
    [/^CPU_MODEL\/MODEL is host-passthrough or a name/, { CPU_MODEL: { MODEL: "host,vmx=on" } }],
    [/^CPU_MODEL\/FEATURES are names/, { CPU_MODEL: { FEATURES: "avx=off" } }],
    [
      /^TOPOLOGY has 2 sockets of 1 cores of 2 threads, and VCPU is 1/,
      { TOPOLOGY: { SOCKETS: "2", CORES: "1", THREADS: "2" } },
    ],
    [/^TOPOLOGY\/PIN_POLICY is NONE here, not "CORE"/, { TOPOLOGY: { PIN_POLICY: "CORE" } }],
    [/^FEATURES\/ACPI is YES or NO/, { FEATURES: { ACPI: "maybe" } }],
    [/IMAGE_ID, and there is no catalogue/, { DISK: { IMAGE_ID: "4", SIZE: "8" } }],
    [/TYPE swap, which is not made here/, { DISK: { TYPE: "swap", SIZE: "8" } }],
    [/^DISK\/DISK_TYPE is FILE or CDROM/, { DISK: { DISK_TYPE: "RBD", IMAGE: "x" } }],
    [/^DISK\/CACHE is default, none, writethrough/, { DISK: { SIZE: "8", CACHE: "none,x=1" } }],
    [/^DISK\/IO native needs CACHE none/, { DISK: { SIZE: "8", IO: "native" } }],
    [/^DISK\/SERIAL is auto or/, { DISK: { SIZE: "8", SERIAL: "a b" } }],
    [/^TARGET and DEV_PREFIX begin with vd, sd or hd/, { DISK: { SIZE: "8", TARGET: "vda1" } }],
    [
      /^Two disks have the same TARGET/,
      {
        DISK: [
          { SIZE: "1", TARGET: "vda" },
          { SIZE: "2", TARGET: "vda" },
        ],
      },
    ],
    [/^A hd disk is written/, { DISK: { SIZE: "8", TARGET: "hda", READONLY: "YES" } }],
    [/^A machine of this type has 4 hd devices, to hdd, the context disc/, { DISK: hd(4) }],
    [/^A machine of this type has 6 hd devices, to hdf/, { DISK: hd(6), OS: { MACHINE: "q35" } }],
    [
      /^DISK\/TOTAL_BYTES_SEC stands alone/,
      { DISK: { SIZE: "8", TOTAL_BYTES_SEC: "1", READ_BYTES_SEC: "1" } },
    ],
    [
      /^DISK\/READ_IOPS_SEC_MAX is at least/,
      { DISK: { SIZE: "8", READ_IOPS_SEC: "5", READ_IOPS_SEC_MAX: "4" } },
    ],
    [
      /^DISK\/READ_IOPS_SEC_MAX_LENGTH goes with/,
      { DISK: { SIZE: "8", READ_IOPS_SEC: "5", READ_IOPS_SEC_MAX_LENGTH: "4" } },
    ],
    [/^DISK\/TOTAL_IOPS_SEC is a whole number/, { DISK: { SIZE: "8", TOTAL_IOPS_SEC: "1e3" } }],
    [/^GRAPHICS\/TYPE is vnc here, not "spice"/, { GRAPHICS: { TYPE: "SPICE" } }],
    [/^GRAPHICS\/RANDOM_PASSWD is not made here/, { GRAPHICS: { TYPE: "vnc", RANDOM_PASSWD: "YES" } }],
    [/^GRAPHICS\/KEYMAP is a language/, { GRAPHICS: { TYPE: "vnc", KEYMAP: "../x" } }],
    [/^VIDEO\/TYPE is vga, cirrus/, { VIDEO: { TYPE: "qxl" } }],
    [/^INPUT\/BUS of a tablet is usb/, { INPUT: { TYPE: "tablet", BUS: "ps2" } }],
    [/^NIC\/SCRIPT: no program/, { NIC: { ...NIC, SCRIPT: "/bin/true" } }],
    [/^NIC\/INBOUND_PEAK_BW and .* go with NIC\/INBOUND_AVG_BW/, { NIC: { ...NIC, INBOUND_PEAK_BW: "1" } }],
    [/^NIC\/OUTBOUND_PEAK_BW is at least/, { NIC: { ...NIC, OUTBOUND_AVG_BW: "2", OUTBOUND_PEAK_BW: "1" } }],
  ])("is refused: %s", (sentence, changes) => {
    expect(refusal(changes)).toMatch(sentence);
    expect(refusal(changes)).toMatch(/\.$/);
  });

  it("is no reason to refuse what asks for nothing", () => {
    expect(refusal({})).toBeUndefined();
    expect(
      refusal({ RAW: { TYPE: "kvm", DATA: "" }, TPM: { TYPE: "" }, PCI: { SHORT_ADDRESS: "" } }),
    ).toBeUndefined();
    expect(
      refusal({ RAW: { TYPE: "vmware", DATA: "x" }, VIDEO: { TYPE: "auto" }, OS: { ARCH: "x86_64" } }),
    ).toBeUndefined();
    expect(refusal({ GRAPHICS: { LISTEN: "0.0.0.0", TYPE: "vnc", RANDOM_PASSWD: "NO" } })).toBeUndefined();
  });
});
