/** Ends a VM's QEMU: by the power button and then the plug, or by the plug alone; and what is left of it. */

import { livingStat } from "../../../../shared/guests/process-proc.ts";
import type { Vm } from "../../model.ts";
import { endMembers } from "./process-group.ts";
import { type Leave, powerOff, pullPlug } from "./qemu-power.ts";
import type { QemuGuest } from "./qemu-roster.ts";
import type { QemuSite } from "./qemu-site.ts";
import { removeTaps } from "./qemu-tap.ts";

/**
 * Resolves when it is gone, or was, with how it left.
 * @throws GatehouseError `unavailable` when a process outlives even SIGKILL.
 */
export async function endGuest(
  site: QemuSite,
  vm: Pick<Vm, "id" | "deployId">,
  hard: boolean,
): Promise<Leave> {
  const { clock, graceMs, network } = site.options;
  const process = site.roster.recorded(vm);
  let leave: Leave = "left";
  if (process !== undefined) {
    const guest = { vmId: vm.id, process, socket: site.roster.paths(vm.id).driverMonitor };
    if (!hard && livingStat(process) !== undefined)
      leave = await powerOff(guest, {
        ...{ monitor: site.monitor, clock, graceMs },
        hasPanicked: () => site.roster.known(vm.id)?.hasPanicked === true,
      });
    await endMembers(site.membership(vm.id, process), clock, 0);
  }
  await site.roster.forget(vm.id);
  if (network === "bridge") await removeTaps(vm.id, clock);
  return leave;
}

/** What a guest leaves behind that ended by itself, or whose QEMU shall end now. */
export async function clearAway(site: QemuSite, guest: QemuGuest): Promise<void> {
  const { vmId, process } = guest;
  const { monitor, options } = site;
  try {
    if (livingStat(process) !== undefined) await pullPlug(guest, { monitor, clock: options.clock });
    await endMembers(site.membership(vmId, process), options.clock, 0);
  } finally {
    await site.roster.forget(vmId);
  }
}
