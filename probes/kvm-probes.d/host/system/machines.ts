/** The machine types that QEMU offers on this host (KVM_MACHINES), for those of its own architecture. */

import { lines } from "../../../lib/text.ts";
import { virsh } from "../../../lib/virsh.ts";
import { elementsAt, parseXml, textAt, type XmlElement } from "../../../lib/virsh-xml.ts";
import type { ProbeHost, ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/system",
  name: "machines",
  create: () => ({ read: readMachines }),
};

async function readMachines(host: ProbeHost): Promise<string> {
  const capabilities = parseXml(await virsh(host, ["capabilities"]));
  const hostArch = textAt(capabilities, "host", "cpu", "arch");
  const guests = elementsAt(capabilities, "guest").filter((guest) => archOf(guest) === hostArch);
  const machines = guests.flatMap((guest) => elementsAt(guest, "arch", "machine").map(({ text }) => text));
  return lines({ KVM_MACHINES: [...new Set(machines)].join(" ") });
}

function archOf(guest: XmlElement): string | undefined {
  return elementsAt(guest, "arch")[0]?.attributes.name;
}
