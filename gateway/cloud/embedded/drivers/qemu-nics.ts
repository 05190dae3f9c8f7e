/**
 * The interfaces that a guest booted with. What `stop` saved can go on with no others, whatever its VM has been given or has
 * lost since; so they are noted in the guest's folder.
 */

import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { z } from "zod";
import type { QemuGuestPaths } from "../../../../shared/guests/qemu-layout.ts";
import { vectorsOf } from "../../../../shared/template/types.ts";
import type { Vm } from "../../model.ts";

const nicsSchema = z.array(z.record(z.string(), z.string()));

/** To be called before QEMU begins, which could else put something in its place. */
export async function noteNics({ nics }: QemuGuestPaths, { template }: Pick<Vm, "template">): Promise<void> {
  await rm(nics, { force: true });
  await writeFile(nics, JSON.stringify(vectorsOf(template, "NIC")), { flag: "wx", mode: 0o600 });
}

/** The VM with the interfaces that it booted with; as it is, where nobody noted them. */
export function asBooted<T extends Pick<Vm, "template">>({ nics }: QemuGuestPaths, vm: T): T {
  try {
    const NIC = nicsSchema.parse(JSON.parse(readFileSync(nics, "utf8")));
    return { ...vm, template: { ...vm.template, NIC } };
  } catch {
    return vm;
  }
}
