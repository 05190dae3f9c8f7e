import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findFirmware, firmwareOf } from "../../gateway/cloud/embedded/drivers/qemu-firmware.ts";
import { machineOf } from "../../gateway/cloud/embedded/drivers/qemu-machine.ts";
import { prepareNvram } from "../../gateway/cloud/embedded/drivers/qemu-nvram.ts";
import type { Vector } from "../../shared/template/types.ts";

let root: string;
let firmware: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "firmware-"));
  firmware = path.join(root, "OVMF");
  mkdirSync(firmware);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function install(...names: readonly string[]): void {
  for (const name of names) writeFileSync(path.join(firmware, name), name);
}

/** As Debian's package has it. */
function installDebian(): void {
  install("OVMF_CODE.fd", "OVMF_VARS.fd", "OVMF_VARS.ms.fd", "OVMF_CODE.secboot.fd");
  install("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd", "OVMF_VARS_4M.ms.fd", "OVMF_CODE_4M.secboot.fd");
  symlinkSync("OVMF_CODE_4M.secboot.fd", path.join(firmware, "OVMF_CODE_4M.ms.fd"));
}

async function found(os: Vector): Promise<readonly string[]> {
  const plan = firmwareOf(os);
  if (plan === undefined) return ["BIOS"];
  const { code, variables } = await findFirmware(plan, [path.join(root, "none"), firmware]);
  return [path.basename(code), variables.name, path.basename(variables.path)];
}

describe("the firmware that a template names", () => {
  it("is the BIOS unless it says otherwise", async () => {
    for (const os of [{}, { FIRMWARE: "" }, { FIRMWARE: "bios", FIRMWARE_SECURE: "NO" }])
      expect(await found(os)).toEqual(["BIOS"]);
  });

  it.each<[Vector, readonly string[]]>([
    [{ FIRMWARE: "UEFI" }, ["OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd", "OVMF_VARS_4M.fd"]],
    [
      { FIRMWARE: "UEFI", FIRMWARE_SECURE: "true" },
      ["OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd", "OVMF_VARS_4M.ms.fd"],
    ],
    [{ FIRMWARE: "OVMF_CODE.fd" }, ["OVMF_CODE.fd", "OVMF_VARS.fd", "OVMF_VARS.fd"]],
    [
      { FIRMWARE: "OVMF_CODE.secboot.fd", FIRMWARE_SECURE: "YES" },
      ["OVMF_CODE.secboot.fd", "OVMF_VARS.ms.fd", "OVMF_VARS.ms.fd"],
    ],
    [{ FIRMWARE: "OVMF_CODE_4M.ms.fd" }, ["OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.fd", "OVMF_VARS_4M.fd"]],
  ])("is what the machine has of it: %o", async (os, files) => {
    installDebian();
    expect(await found(os)).toEqual(files);
    const { FIRMWARE = "" } = os;
    if (FIRMWARE !== "UEFI")
      expect(await found({ ...os, FIRMWARE: path.join(firmware, FIRMWARE) })).toEqual(files);
  });

  it("may be Arch's or openSUSE's", async () => {
    install("OVMF_CODE.4m.fd", "OVMF_CODE.secboot.4m.fd", "OVMF_VARS.4m.fd");
    expect(await found({ FIRMWARE: "UEFI" })).toEqual([
      "OVMF_CODE.4m.fd",
      "OVMF_VARS.4m.fd",
      "OVMF_VARS.4m.fd",
    ]);
    // Without keys nothing is secure.
    await expect(found({ FIRMWARE: "UEFI", FIRMWARE_SECURE: "YES" })).rejects.toThrow(
      /^This machine has no UEFI .* keys/,
    );
    install("ovmf-x86_64-smm-ms-code.bin", "ovmf-x86_64-smm-ms-vars.bin");
    expect(await found({ FIRMWARE: "UEFI", FIRMWARE_SECURE: "YES" })).toContain(
      "ovmf-x86_64-smm-ms-vars.bin",
    );
  });

  it.each<[string, Vector, RegExp]>([
    [
      "no file of the machine",
      { FIRMWARE: "/etc/OVMF_CODE.fd" },
      /does not lie in a firmware directory \(cloud\.qemu\.fi/,
    ],
    [
      "no other file's name",
      { FIRMWARE: "/etc/shadow" },
      /^OS\/FIRMWARE is BIOS, UEFI or a file whose name has CODE/,
    ],
    ["no way out", { FIRMWARE: "../secret/CODE" }, /does not lie in a firmware directory/],
    ["no link that leads out", { FIRMWARE: "OVMF_CODE.link.fd" }, /does not lie in a firmware directory/],
    [
      "no variables that lie elsewhere",
      { FIRMWARE: "OTHER_CODE.fd" },
      /does not lie in a firmware directory/,
    ],
    ["nothing that is missing", { FIRMWARE: "OVMF_CODE_9M.fd" }, /is in none of the firmware directories/],
    [
      "no code alone",
      { FIRMWARE: "LONE_CODE.fd" },
      /has no variables beside it: there is no LONE_VARS\.fd\.$/,
    ],
    ["no secure boot by a BIOS", { FIRMWARE_SECURE: "YES" }, /^OS\/FIRMWARE_SECURE is for UEFI/],
    [
      "no secure boot by any build",
      { FIRMWARE: "OVMF_CODE.fd", FIRMWARE_SECURE: "YES" },
      /needs a build for it/,
    ],
    [
      "no unclear word",
      { FIRMWARE: "UEFI", FIRMWARE_SECURE: "perhaps" },
      /^OS\/FIRMWARE_SECURE is YES or NO/,
    ],
  ])("is %s", async (_, os, sentence) => {
    installDebian();
    install("LONE_CODE.fd", "OTHER_CODE.fd");
    mkdirSync(path.join(root, "secret"));
    writeFileSync(path.join(root, "secret", "CODE"), "secret");
    symlinkSync(path.join(root, "secret", "CODE"), path.join(firmware, "OVMF_CODE.link.fd"));
    symlinkSync(path.join(root, "secret", "CODE"), path.join(firmware, "OTHER_VARS.fd"));
    await expect(async () => found(os)).rejects.toThrow(sentence);
  });

  it("has a q35 for secure boot, since nothing else has SMM", () => {
    const secure = firmwareOf({ FIRMWARE: "UEFI", FIRMWARE_SECURE: "YES" });
    expect(machineOf({}, secure, 1).type).toBe("q35");
    expect(machineOf({ OS: { MACHINE: "pc-q35-7.2" } }, secure, 1).type).toBe("pc-q35-7.2");
    expect(() => machineOf({ OS: { MACHINE: "pc" } }, secure, 1)).toThrow(/needs OS\/MACHINE q35, not "pc"/);
    expect(machineOf({}, firmwareOf({ FIRMWARE: "UEFI" }), 1).type).toBe("pc");
  });
});

describe("the variables of a guest's firmware", () => {
  const place = () => ({ dir: root, uid: undefined });
  const template = () => ({ path: path.join(firmware, "OVMF_VARS.fd"), name: "OVMF_VARS.fd" });

  it("are a copy of its own, made once", async () => {
    install("OVMF_VARS.fd");
    const own = await prepareNvram(template(), place());
    expect(own).toBe(path.join(root, "nvram.OVMF_VARS.fd"));
    expect(statSync(own).mode & 0o777).toBe(0o600);
    expect(readFileSync(own, "utf8")).toBe("OVMF_VARS.fd");
    writeFileSync(own, "guest's own!");
    expect(readFileSync(await prepareNvram(template(), place()), "utf8")).toBe("guest's own!");
  });

  it("begin anew when they have not the length of the firmware's, as after a crash or with another build", async () => {
    install("OVMF_VARS.fd");
    const own = await prepareNvram(template(), place());
    truncateSync(own, 3);
    writeFileSync(`${own}.new`, "what a crash left");
    expect(readFileSync(await prepareNvram(template(), place()), "utf8")).toBe("OVMF_VARS.fd");
  });

  it("are never written through what a guest has put there", async () => {
    install("OVMF_VARS.fd");
    const secret = path.join(root, "secret");
    writeFileSync(secret, "12 letters!!");
    for (const name of ["nvram.OVMF_VARS.fd", "nvram.OVMF_VARS.fd.new"])
      symlinkSync(secret, path.join(root, name));
    const own = await prepareNvram(template(), place());
    expect(statSync(own).isFile()).toBe(true);
    expect(readFileSync(own, "utf8")).toBe("OVMF_VARS.fd");
    expect(readFileSync(secret, "utf8")).toBe("12 letters!!");
  });
});
