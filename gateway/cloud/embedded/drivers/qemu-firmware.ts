/**
 * UEFI firmware of guests: which builds a template may name, and the variables that go with each. Whoever writes templates is
 * not trusted, so a build lies in a directory of the operator's and is told by its name, as distributions name them:
 * `OVMF_CODE_4M.fd` has its variables in `OVMF_VARS_4M.fd`, and builds for secure boot say `secboot`, `ms`, `snakeoil` or `smm`.
 */

import { readdir } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { GatehouseError } from "../../../../shared/errors.ts";
import type { Vector } from "../../../../shared/template/types.ts";
import { type FileHome, findFile } from "./qemu-images.ts";
import { refused, shown, yesOrNo } from "./qemu-values.ts";

export interface FirmwarePlan {
  /** A build's code, as the template names it; undefined: the first that suits. */
  readonly name: string | undefined;
  /** With keys from the beginning, so that only what they signed boots. */
  readonly isSecure: boolean;
  /** It keeps its variables from the guest's kernel by System Management Mode, which only q35 has. */
  readonly needsSmm: boolean;
}

/** Real paths of files that QEMU may read. */
export interface Firmware {
  readonly code: string;
  readonly variables: FirmwareVariables;
}

/** What a guest's own variables begin as. */
export interface FirmwareVariables {
  readonly path: string;
  /** As it is called beside the code, wherever a link leads from there. */
  readonly name: string;
}

/** Where distributions have it: Debian, Fedora, Arch, openSUSE. */
export const FIRMWARE_DIRECTORIES = [
  "/usr/share/OVMF",
  "/usr/share/edk2/ovmf",
  "/usr/share/edk2/x64",
  "/usr/share/qemu",
] as const;

/** Where several are installed the first is taken. Debian's, Arch's, Fedora's and older ones, openSUSE's. */
const USUAL = ["OVMF_CODE_4M.fd", "OVMF_CODE.4m.fd", "OVMF_CODE.fd", "ovmf-x86_64-code.bin"] as const;
/** Those whose variables have Microsoft's keys. */
const USUAL_SECURE = [
  ...["OVMF_CODE_4M.ms.fd", "OVMF_CODE.ms.fd", "OVMF_CODE.secboot.fd"],
  "ovmf-x86_64-smm-ms-code.bin",
] as const;

const SECURE_BUILD = /[._-](secboot|ms|snakeoil|smm)\b/i;
const SECURE_BUILDS = new RegExp(SECURE_BUILD, "gi");
const CODE = /code/i;
/** What may stand in the names of files that the house makes of it. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/;

const HOME: FileHome = {
  place: "a firmware directory",
  anyPlace: "the firmware directories",
  setting: "cloud.qemu.firmware_dirs",
};

/** Undefined: the BIOS. @throws GatehouseError `bad_request`. */
export function firmwareOf(os: Vector): FirmwarePlan | undefined {
  const said = (os.FIRMWARE ?? "").trim();
  const isSecure = yesOrNo("OS/FIRMWARE_SECURE", os.FIRMWARE_SECURE) ?? false;
  if (said === "" || said.toUpperCase() === "BIOS") {
    if (isSecure) throw refused("OS/FIRMWARE_SECURE is for UEFI, so OS/FIRMWARE must be UEFI or a path");
    return undefined;
  }
  if (said.toUpperCase() === "UEFI") return { name: undefined, isSecure, needsSmm: isSecure };
  const file = basename(said);
  if (!CODE.test(file) || !FILE_NAME.test(file))
    throw refused(
      `OS/FIRMWARE is BIOS, UEFI or a file whose name has CODE, with VARS beside it, not ${shown(said)}`,
    );
  const needsSmm = SECURE_BUILD.test(file);
  if (isSecure && !needsSmm)
    throw refused(
      `OS/FIRMWARE_SECURE needs a build for it, whose name has secboot, ms, snakeoil or smm: ${shown(file)} has not`,
    );
  return { name: said, isSecure, needsSmm };
}

/** @throws GatehouseError `forbidden` for a file outside `dirs`, `not_found` for one that is not there. */
export async function findFirmware(plan: FirmwarePlan, dirs: readonly string[]): Promise<Firmware> {
  if (plan.name === undefined) return findUsual(plan, dirs);
  const code = await findFile("OS/FIRMWARE", plan.name, dirs, HOME);
  const name = basename(plan.name);
  const folders = isAbsolute(plan.name) ? [dirname(plan.name)] : dirs;
  const variables = await variablesOf(name, plan, folders, dirs);
  if (variables !== undefined) return { code, variables };
  const what = plan.isSecure ? "variables with keys for secure boot" : "variables";
  throw new GatehouseError(
    "not_found",
    `OS/FIRMWARE "${name}" has no ${what} beside it: there is no ${variableNames(name, plan).join(", no ")}.`,
  );
}

async function findUsual(plan: FirmwarePlan, dirs: readonly string[]): Promise<Firmware> {
  for (const dir of dirs) {
    const present = new Set(await readdir(dir).catch(() => []));
    for (const name of plan.isSecure ? USUAL_SECURE : USUAL) {
      const variables = present.has(name) ? await variablesOf(name, plan, [dir], dirs) : undefined;
      if (variables === undefined) continue;
      return { code: await findFile("OS/FIRMWARE", join(dir, name), dirs, HOME), variables };
    }
  }
  const what = plan.isSecure ? "UEFI firmware with keys for secure boot" : "UEFI firmware";
  throw new GatehouseError(
    "not_found",
    `This machine has no ${what} (Debian: ovmf) in ${HOME.anyPlace} (${HOME.setting}).`,
  );
}

async function variablesOf(
  code: string,
  plan: FirmwarePlan,
  folders: readonly string[],
  dirs: readonly string[],
): Promise<FirmwareVariables | undefined> {
  for (const folder of folders) {
    const present = new Set(await readdir(folder).catch(() => []));
    const name = variableNames(code, plan).find((each) => present.has(each));
    if (name !== undefined)
      return { path: await findFile("OS/FIRMWARE", join(folder, name), dirs, HOME), name };
  }
  return undefined;
}

/** With keys where it shall be secure, without any where it need not. */
function variableNames(code: string, { isSecure }: FirmwarePlan): readonly string[] {
  const same = code.replace(CODE, (word) => (word === "code" ? "vars" : "VARS"));
  if (!isSecure) return [same.replaceAll(SECURE_BUILDS, "")];
  return [...new Set([same, same.replace(SECURE_BUILD, ".ms")])];
}
