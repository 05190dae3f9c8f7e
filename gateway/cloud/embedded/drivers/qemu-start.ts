/** Boots a VM's QEMU, from nothing or from what was saved, and waits until it is up. */

import { rm } from "node:fs/promises";
import { GatehouseError } from "../../../../shared/errors.ts";
import { livingStat, type ProcessIdentity } from "../../../../shared/guests/process-proc.ts";
import type { QemuGuestPaths } from "../../../../shared/guests/qemu-layout.ts";
import type { Vm } from "../../model.ts";
import type { ContextFiles } from "../driver.ts";
import { listGuests, prepareRunDir } from "./process-files.ts";
import { endMembers } from "./process-group.ts";
import { prepareBoot } from "./qemu-boot.ts";
import type { NicLink } from "./qemu-command.ts";
import { endGuest } from "./qemu-end.ts";
import { endSentence } from "./qemu-files.ts";
import { linksOf } from "./qemu-links.ts";
import { hasMemory, restoreMemory } from "./qemu-memory.ts";
import { asBooted, noteNics } from "./qemu-nics.ts";
import { type GuestPlan, leasedNics, planGuest } from "./qemu-plan.ts";
import type { QemuGuest } from "./qemu-roster.ts";
import type { QemuSite } from "./qemu-site.ts";
import { spawnQemu } from "./qemu-spawn.ts";
import { qemuRefusal } from "./qemu-trust.ts";
import { leasedNow } from "./qemu-wires.ts";

const OWN_USERS =
  "Guests of a house that root started have users of their own, who must be able to read images and to enter their folders (chmod o+rx).";

/** @throws GatehouseError `forbidden` for a VM that may not run here; as prepareBoot, and `unavailable` when QEMU does not come up. */
export async function startGuest(site: QemuSite, asked: Vm, context: ContextFiles): Promise<ProcessIdentity> {
  const vm = site.newest(asked);
  const { binary, imageDirs, firmwareDirs, accelerator, clock } = site.options;
  const refusal = qemuRefusal(vm, site.options);
  if (refusal !== undefined) throw new GatehouseError("forbidden", refusal);
  const paths = site.roster.paths(vm.id);
  const uid = site.uid(vm.id);
  await makeRoom(site, vm.id);
  const plan = planGuest((await hasMemory(paths)) ? asBooted(paths, vm) : vm);
  const links = withoutLost(linksOf(plan, site.linkRules(vm)), plan, vm);
  const files = { paths, imageDirs, firmwareDirs, uid };
  const boot = await prepareBoot({ plan, links, context, accelerator, clock, ...files });
  if (!boot.isRestored) await noteNics(paths, vm);
  let guest: QemuGuest | undefined;
  const process = await spawnQemu({
    paths,
    binary,
    arguments: boot.arguments,
    uid,
    note: async (noted) => {
      guest = await site.roster.note(vm.id, noted, () => site.openWires(vm, plan));
    },
    onEnd: (ended, code, signal) => site.roster.ended(vm.id, ended, { code, signal }),
  });
  if (guest !== undefined) await comeUp(site, guest, paths, boot.isRestored);
  return process;
}

/** An interface that the VM has lost since its guest booted leads nowhere: nobody lays its wire. */
function withoutLost(
  links: ReadonlyMap<number, NicLink>,
  { nics }: GuestPlan,
  { template }: Vm,
): ReadonlyMap<number, NicLink> {
  const leased = leasedNics(template);
  const lost = nics.filter((nic) => leasedNow(nic, leased) === undefined);
  return new Map([...links, ...lost.map(({ id }) => [id, { kind: "wire" }] as const)]);
}

/** A guest that is found where one shall boot: false when it is just ending, or its QEMU still waits for what was saved. */
export async function goOn({ monitor, roster }: QemuSite, guest: QemuGuest): Promise<boolean> {
  const { status, running } = await monitor.untilUp(guest).catch((error: unknown) => {
    if (livingStat(guest.process) === undefined) return { status: "inmigrate", running: false };
    throw error;
  });
  if (status === "inmigrate" || status === "guest-panicked") return false;
  await rm(roster.paths(guest.vmId).memory, { force: true });
  if (!running) await monitor.tell(guest, "cont");
  return true;
}

/** @throws GatehouseError `unavailable`, with what QEMU had to say, when it does not. */
async function comeUp(
  site: QemuSite,
  guest: QemuGuest,
  paths: QemuGuestPaths,
  isRestored: boolean,
): Promise<void> {
  try {
    await site.monitor.untilUp(guest);
    if (!isRestored) return;
    await restoreMemory(site.memoryPlace(guest));
    // What is on the disks goes on from here, so what was in memory must never be used again.
    await rm(paths.memory, { force: true });
    await site.monitor.tell(guest, "cont");
  } catch (error) {
    const hasEnded = livingStat(guest.process) === undefined;
    await endGuest(site, { id: guest.vmId, deployId: "" }, true);
    if (!hasEnded) throw error;
    const said = await endSentence(paths, guest.end?.code ?? 1, guest.end?.signal);
    const isDenied = site.uid(guest.vmId) !== undefined && said.includes("Permission denied");
    const why = isDenied ? `${said} ${OWN_USERS}` : said;
    throw new GatehouseError("unavailable", why, { cause: error });
  }
}

/** Makes room: no strays of an earlier boot, and no other VM under the same uid. */
async function makeRoom(site: QemuSite, vmId: number): Promise<void> {
  const { runDir, clock } = site.options;
  const uid = site.uid(vmId);
  await prepareRunDir(runDir, uid !== undefined);
  const present = listGuests(runDir);
  const rival = present.find((id) => uid !== undefined && id !== vmId && site.uid(id) === uid);
  if (rival !== undefined)
    throw new GatehouseError(
      "conflict",
      `Virtual machine [${vmId}] would share uid ${uid} with virtual machine [${rival}]; remove that one first.`,
    );
  if (present.includes(vmId)) await endMembers(site.membership(vmId, undefined), clock, 0);
}
