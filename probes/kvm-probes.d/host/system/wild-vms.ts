/** Domains on this host that are not OpenNebula's, each with a template to import it by (spec monitoring.md 6). */

import { vector } from "../../../lib/text.ts";
import { VirshTimeout, virsh } from "../../../lib/virsh.ts";
import { listDomains } from "../../../lib/virsh-domains.ts";
import { type WildDomain, wildDomain } from "../../../lib/virsh-import.ts";
import { parseXml } from "../../../lib/virsh-xml.ts";
import { vmIdOf } from "../../../lib/vm-name.ts";
import type { ProbeHost, ProbeModule } from "../../../probe.ts";

/** Domains whose XML one virsh is asked for: a few hundred KB. */
const DOMAINS_A_CALL = 50;

/** The message must fit a datagram, and a host with more is no host of OpenNebula's. */
const MAX_WILD_VMS = 100;

/** Ends the XML of one domain; where a domain's own text holds it, that domain is left out. */
const SEPARATOR = "<!-- end of a domain -->";

export const probe: ProbeModule = {
  group: "host/system",
  name: "wild-vms",
  create: () => ({ read: readWildVms }),
};

async function readWildVms(host: ProbeHost): Promise<string> {
  const uuids = (await listDomains(host))
    .filter(({ name }) => vmIdOf(name) === undefined)
    .map(({ uuid }) => uuid)
    .sort()
    .slice(0, MAX_WILD_VMS);
  let text = "";
  for (let at = 0; at < uuids.length; at += DOMAINS_A_CALL)
    text += await describe(host, uuids.slice(at, at + DOMAINS_A_CALL));
  return text;
}

async function describe(host: ProbeHost, uuids: readonly string[]): Promise<string> {
  const commands = uuids.flatMap((uuid) => [`dumpxml ${uuid}`, `echo "${SEPARATOR}"`]);
  const documents = (await unlessSlow(virsh(host, commands))).split(SEPARATOR);
  const asked = new Set(uuids);
  return documents
    .map(readDomain)
    .map((domain) => {
      // Each once, and none that was not asked for, whatever the documents say.
      if (domain === undefined || vmIdOf(domain.name) !== undefined || !asked.delete(domain.uuid)) return "";
      const importTemplate = Buffer.from(domain.importTemplate).toString("base64");
      return vector("VM", {
        ID: -1,
        DEPLOY_ID: domain.uuid,
        VM_NAME: domain.name,
        IMPORT_TEMPLATE: importTemplate,
      });
    })
    .join("");
}

/** Wild VMs that keep libvirt waiting are not worth the host's own figures. */
async function unlessSlow(work: Promise<string>): Promise<string> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof VirshTimeout) return "";
    throw error;
  }
}

function readDomain(document: string): WildDomain | undefined {
  if (document.trim() === "") return undefined;
  try {
    return wildDomain(parseXml(document));
  } catch {
    // This one cannot be read; the others can.
    return undefined;
  }
}
