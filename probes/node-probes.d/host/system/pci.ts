/** The host's PCI devices; names only where the host has pci.ids. */

import { addressParts, type PciDevice, readPciDevices } from "../../../lib/pci.ts";
import { type PciNames, readPciNames } from "../../../lib/pci-names.ts";
import { vector } from "../../../lib/text.ts";
import type { Probe, ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = { group: "host/system", name: "pci", create: createPciProbe };

function createPciProbe(): Probe {
  let known: { readonly wanted: string; readonly names: PciNames } | undefined;
  return {
    async read({ sysRoot, settings }) {
      const devices = readPciDevices(sysRoot, settings.pciFilter);
      const keys = devices.flatMap(nameKeys);
      const wanted = keys.join(" ");
      // The file has 1.5 MB, and hardware seldom changes.
      if (known?.wanted !== wanted) known = { wanted, names: readPciNames(settings.pciIds, new Set(keys)) };
      const { names } = known;
      return devices.map((device) => printDevice(device, names)).join("");
    },
  };
}

function nameKeys({ vendor, device, deviceClass }: PciDevice): readonly string[] {
  return [vendor, `${vendor}:${device}`, `C ${deviceClass.slice(0, 2)}`, `C ${deviceClass}`];
}

function printDevice(pci: PciDevice, names: PciNames): string {
  const { vendor, device, deviceClass, sriov } = pci;
  const [domain, bus, slot, fn] = addressParts(pci.address);
  return vector("PCI", {
    TYPE: `${vendor}:${device}:${deviceClass}`,
    VENDOR: vendor,
    VENDOR_NAME: names.get(vendor),
    DEVICE: device,
    DEVICE_NAME: names.get(`${vendor}:${device}`),
    CLASS: deviceClass,
    CLASS_NAME: names.get(`C ${deviceClass}`) ?? names.get(`C ${deviceClass.slice(0, 2)}`),
    ADDRESS: `${domain}:${bus}:${slot}:${fn}`,
    SHORT_ADDRESS: `${bus}:${slot}.${fn}`,
    DOMAIN: domain,
    BUS: bus,
    SLOT: slot,
    FUNCTION: fn,
    NUMA_NODE: pci.numaNode ?? "-",
    IFNAME: pci.interfaces[0] ?? "-",
    SRIOV: sriov,
    SRIOV_NUM: sriov === "pf" ? pci.virtualFunctions : undefined,
  });
}
