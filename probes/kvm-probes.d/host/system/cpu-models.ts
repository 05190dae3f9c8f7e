/**
 * The CPU that libvirt gives to guests of this host: models to choose from, the host's own as a model and features
 * above it, and whether guests' memory can be encrypted (spec monitoring.md 8).
 */

import { lines } from "../../../lib/text.ts";
import { virsh } from "../../../lib/virsh.ts";
import { elementsAt, parseXml, textAt, type XmlElement } from "../../../lib/virsh-xml.ts";
import type { ProbeHost, ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/system",
  name: "cpu-models",
  create: () => ({ read: readCpuModels }),
};

async function readCpuModels(host: ProbeHost): Promise<string> {
  const domain = parseXml(await virsh(host, ["domcapabilities"], { readOnly: false }));
  const custom = modeOf(domain, "custom");
  const hostModel = modeOf(domain, "host-model");
  const features = elementsOf(hostModel, "feature").filter(
    ({ attributes }) => attributes.policy === "require",
  );
  return lines({
    KVM_CPU_MODELS: elementsOf(custom, "model")
      .filter(({ attributes }) => attributes.usable !== "no")
      .map(({ text }) => text)
      .join(" "),
    KVM_CPU_MODEL: hostModel === undefined ? undefined : textAt(hostModel, "model"),
    KVM_CPU_FEATURES: features.map(({ attributes }) => attributes.name).join(","),
    MEMORY_ENCRYPTION: memoryEncryption(domain),
  });
}

function modeOf(domain: XmlElement, name: string): XmlElement | undefined {
  return elementsAt(domain, "cpu", "mode").find(
    ({ attributes }) => attributes.name === name && attributes.supported === "yes",
  );
}

function elementsOf(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  return element === undefined ? [] : elementsAt(element, name);
}

/** The strongest that the host offers: SEV-ES where guests with encrypted registers are allowed. */
function memoryEncryption(domain: XmlElement): "NONE" | "SEV" | "SEV-ES" | "TDX" {
  const sev = elementsAt(domain, "features", "sev").find(isSupported);
  if (sev !== undefined) return (textAt(sev, "maxESGuests") ?? "0") === "0" ? "SEV" : "SEV-ES";
  return elementsAt(domain, "features", "tdx").some(isSupported) ? "TDX" : "NONE";
}

function isSupported({ attributes }: XmlElement): boolean {
  return attributes.supported === "yes";
}
