/** A domain that OpenNebula did not make, as the template it can be imported with (spec monitoring.md 6). */

import { printTemplate } from "../../shared/template/print.ts";
import type { Template, Vector } from "../../shared/template/types.ts";
import { elementsAt, textAt, type XmlElement } from "./virsh-xml.ts";

export interface WildDomain {
  readonly name: string;
  readonly uuid: string;
  /** Template text. */
  readonly importTemplate: string;
}

/** Bytes of libvirt's `<memory unit>`; KiB when it says none. */
const UNIT_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1000,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 2 ** 20,
  MiB: 2 ** 20,
  GB: 1e9,
  G: 2 ** 30,
  GiB: 2 ** 30,
  TB: 1e12,
  T: 2 ** 40,
  TiB: 2 ** 40,
};

const MIB = 2 ** 20;

/** Graphics that a template can name; their port only once QEMU listens on it. */
const GRAPHICS_TYPES = ["vnc", "spice", "sdl"];

/** Undefined when it lacks a name, a UUID, or a capacity that can be read. */
export function wildDomain(domain: XmlElement): WildDomain | undefined {
  const name = textAt(domain, "name");
  const uuid = textAt(domain, "uuid");
  const vcpu = naturalNumber(textAt(domain, "vcpu") ?? "1");
  const memoryMiB = memoryOf(domain);
  if (name === undefined || uuid === undefined || vcpu === undefined || memoryMiB === undefined)
    return undefined;
  const template: Template = {
    NAME: name,
    CPU: String(vcpu),
    VCPU: String(vcpu),
    MEMORY: String(memoryMiB),
    HYPERVISOR: "kvm",
    DEPLOY_ID: uuid,
    ...osOf(domain),
    FEATURES: { ACPI: hasFeature(domain, "acpi"), APIC: hasFeature(domain, "apic") },
    ...graphicsOf(domain),
  };
  return { name, uuid, importTemplate: printTemplate(template) };
}

function memoryOf(domain: XmlElement): number | undefined {
  const memory = elementsAt(domain, "memory")[0];
  const amount = naturalNumber(memory?.text ?? "");
  const unitBytes = UNIT_BYTES[memory?.attributes.unit ?? "KiB"];
  if (amount === undefined || unitBytes === undefined) return undefined;
  const mib = Math.ceil((amount * unitBytes) / MIB);
  return Number.isSafeInteger(mib) ? mib : undefined;
}

function osOf(domain: XmlElement): { readonly OS?: Vector } {
  const arch = elementsAt(domain, "os", "type")[0]?.attributes.arch;
  return arch === undefined ? {} : { OS: { ARCH: arch } };
}

function hasFeature(domain: XmlElement, name: string): string {
  return elementsAt(domain, "features", name).length > 0 ? "yes" : "no";
}

function graphicsOf(domain: XmlElement): { readonly GRAPHICS?: Vector } {
  const graphics = elementsAt(domain, "devices", "graphics")[0]?.attributes;
  const type = graphics?.type;
  if (type === undefined || !GRAPHICS_TYPES.includes(type)) return {};
  const port = naturalNumber(graphics?.port ?? "");
  return { GRAPHICS: { TYPE: type, ...(port === undefined ? {} : { PORT: String(port) }) } };
}

function naturalNumber(text: string): number | undefined {
  return /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined;
}
