/** PCI devices from /sys/bus/pci/devices, in the fields of upstream's probe (spec monitoring.md 8). */

import { existsSync } from "node:fs";
import { readNames, readNumber, readText } from "./read.ts";

export interface PciDevice {
  /** As the kernel writes it: `0000:81:00.1`. */
  readonly address: string;
  /** Four hexadecimal digits each; the class without its programming interface. */
  readonly vendor: string;
  readonly device: string;
  readonly deviceClass: string;
  /** undefined where the device is not bound to one node. */
  readonly numaNode: number | undefined;
  readonly interfaces: readonly string[];
  /** A virtual function, a device that can make some (how many it has made), or neither. */
  readonly sriov: "vf" | "pf" | "no";
  readonly virtualFunctions: number;
}

const ADDRESS = /^([\da-f]{4,}):([\da-f]{2}):([\da-f]{2})\.([\da-f])$/;

/** Bridges hold the buses together and go to no VM. */
const BRIDGE = /^06/;

/**
 * The devices that `filter` chooses: `vendor:device:class` in hexadecimal, separated by commas, where `*` and what is
 * left away is any (`0:0` is none, as in upstream's pci.conf). Without a filter, all but bridges.
 */
export function readPciDevices(sysRoot: string, filter: string | undefined): readonly PciDevice[] {
  const dir = `${sysRoot}/bus/pci/devices`;
  return readNames(dir)
    .filter((address) => ADDRESS.test(address))
    .flatMap((address) => readDevice(dir, address) ?? [])
    .filter((device) => (filter === undefined ? !BRIDGE.test(device.deviceClass) : chooses(filter, device)));
}

function readDevice(dir: string, address: string): PciDevice | undefined {
  const at = `${dir}/${address}`;
  const vendor = hex(readText(`${at}/vendor`), 4);
  const device = hex(readText(`${at}/device`), 4);
  const deviceClass = hex(readText(`${at}/class`), 6)?.slice(0, 4);
  if (vendor === undefined || device === undefined || deviceClass === undefined) return undefined;
  const node = readNumber(`${at}/numa_node`);
  const sriov = existsSync(`${at}/physfn`) ? "vf" : readNumber(`${at}/sriov_totalvfs`) ? "pf" : "no";
  return {
    address,
    vendor,
    device,
    deviceClass,
    numaNode: node !== undefined && node >= 0 ? node : undefined,
    interfaces: interfacesOf(at),
    sriov,
    virtualFunctions: readNumber(`${at}/sriov_numvfs`) ?? 0,
  };
}

/** Paravirtual cards have their interface one step below, at their virtio device. */
function interfacesOf(at: string): readonly string[] {
  const virtio = readNames(at).filter((name) => /^virtio\d+$/.test(name));
  return [at, ...virtio.map((name) => `${at}/${name}`)].flatMap((place) => readNames(`${place}/net`));
}

/** The parts of an address; the last is the function. */
export function addressParts(address: string): readonly [string, string, string, string] {
  const [, domain = "", bus = "", slot = "", fn = ""] = ADDRESS.exec(address) ?? [];
  return [domain, bus, slot, fn];
}

function hex(text: string | undefined, digits: number): string | undefined {
  const found = /^0x([\da-f]+)$/i.exec(text ?? "")?.[1];
  return found?.toLowerCase().padStart(digits, "0");
}

function chooses(filter: string, { vendor, device, deviceClass }: PciDevice): boolean {
  return filter.split(",").some((choice) => {
    const wanted = choice.trim().toLowerCase().split(":");
    const fits = (part: string | undefined, id: string): boolean =>
      part === undefined || part === "" || part === "*" || part === id;
    return (
      choice.trim() !== "" &&
      fits(wanted[0], vendor) &&
      fits(wanted[1], device) &&
      fits(wanted[2], deviceClass)
    );
  });
}
