/** From what a guest boots, and in which order: OS/BOOT, which OpenNebula writes as `disk0,nic0`. */

import { type Template, vectorsOf } from "../../../../shared/template/types.ts";
import { refused, shown } from "./qemu-values.ts";

/** By the name of the device, its place from 1. One that the VM has not, or has lost since, keeps its place. */
export type BootOrder = ReadonlyMap<string, number>;

const DEVICE = /^(disk|nic)\d{1,3}$/;

/** Where nothing is said, its disks in the order of the template. @throws GatehouseError `bad_request`. */
export function bootOrderOf(said: string, template: Template): BootOrder {
  const wanted = said
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);
  for (const name of wanted)
    if (!DEVICE.test(name)) throw refused(`OS/BOOT names devices as disk0 or nic0, not ${shown(name)}`);
  const disks = vectorsOf(template, "DISK").map((disk, index) => `disk${Number(disk.DISK_ID || index)}`);
  const order = wanted.length > 0 ? wanted : disks;
  return new Map([...new Set(order)].map((name, index) => [name, index + 1]));
}
