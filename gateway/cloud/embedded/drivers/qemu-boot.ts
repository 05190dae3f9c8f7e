/** Makes all ready that a guest boots from, and says how QEMU is called. */

import type { Clock } from "../../../../shared/clock.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import type { QemuGuestPaths } from "../../../../shared/guests/qemu-layout.ts";
import type { ContextFiles } from "../driver.ts";
import type { FoundAccelerator } from "./qemu-accelerator.ts";
import { type NicLink, type OpenedFirmware, qemuArguments } from "./qemu-command.ts";
import { makeContextDisc } from "./qemu-context.ts";
import type { OpenedDisk } from "./qemu-disk-arguments.ts";
import { prepareDisk } from "./qemu-disks.ts";
import { writePassword } from "./qemu-display.ts";
import { makeGuestDir } from "./qemu-files.ts";
import { findFirmware } from "./qemu-firmware.ts";
import { findImage } from "./qemu-images.ts";
import { hasMemory } from "./qemu-memory.ts";
import { isLimited } from "./qemu-nic-rates.ts";
import { prepareNvram } from "./qemu-nvram.ts";
import type { GuestPlan, NicPlan } from "./qemu-plan.ts";
import { makeTap } from "./qemu-tap.ts";

export interface BootOptions {
  readonly plan: GuestPlan;
  readonly paths: QemuGuestPaths;
  readonly links: ReadonlyMap<number, NicLink>;
  readonly context: ContextFiles;
  readonly imageDirs: readonly string[];
  readonly firmwareDirs: readonly string[];
  readonly accelerator: () => Promise<FoundAccelerator>;
  /** The guest's user; undefined: the house's. */
  readonly uid: number | undefined;
  readonly clock: Clock;
}

export interface PreparedBoot {
  readonly arguments: readonly string[];
  /** It goes on where it was stopped, so it waits for what was saved. */
  readonly isRestored: boolean;
}

/** @throws GatehouseError as for its images, disks, context disc and taps. */
export async function prepareBoot(options: BootOptions): Promise<PreparedBoot> {
  const { plan, paths, links, context, imageDirs, uid, clock } = options;
  await makeGuestDir(paths, uid);
  const find = async (what: string, name: string | undefined): Promise<string | undefined> =>
    name === undefined ? undefined : await findImage(what, name, imageDirs);
  const kernel = await find("OS/KERNEL", plan.kernel?.kernel);
  const initrd = await find("OS/INITRD", plan.kernel?.initrd);
  const firmware = await openFirmware(options);
  const disks: OpenedDisk[] = [];
  for (const disk of plan.disks)
    disks.push(await prepareDisk(disk, { dir: paths.dir, imageDirs, uid, clock }));
  const isRestored = await hasMemory(paths);
  // A guest that goes on has read the disc it had.
  if (!isRestored) await makeContextDisc({ path: paths.context, scratch: paths.dir, context, uid, clock });
  await writePassword(plan.display, paths, uid);
  for (const nic of plan.nics) await makeLink(nic, links.get(nic.id), options);
  const { accelerator } = await options.accelerator();
  const files = { kernel, initrd, firmware, disks };
  const command = { plan, paths, accelerator, ...files, links, hasContext: true, isRestored };
  return { arguments: qemuArguments(command), isRestored };
}

async function openFirmware(options: BootOptions): Promise<OpenedFirmware | undefined> {
  const { plan, paths, firmwareDirs, uid } = options;
  if (plan.firmware === undefined) return undefined;
  const { code, variables } = await findFirmware(plan.firmware, firmwareDirs);
  return { code, nvram: await prepareNvram(variables, { dir: paths.dir, uid }) };
}

async function makeLink(
  { id, bridge, rates }: NicPlan,
  link: NicLink | undefined,
  { uid, clock }: BootOptions,
): Promise<void> {
  if (link !== undefined && link.kind !== "wire" && isLimited(rates))
    throw new GatehouseError(
      "bad_request",
      `NIC ${id} has limits (INBOUND_AVG_BW, OUTBOUND_AVG_BW), which the house keeps on its wires alone, not on this ${link.kind === "tap" ? "bridge" : "user network"}.`,
    );
  if (link?.kind === "tap") await makeTap({ name: link.name, bridge }, uid, clock);
}
