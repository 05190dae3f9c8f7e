/** What OpenNebula's domains use of this host, all of them from one `virsh domstats` (spec monitoring.md 8). */

import { diskIdOf, diskSizes } from "../../../lib/disk-size.ts";
import { Rates } from "../../../lib/rates.ts";
import { lines, vmFigures } from "../../../lib/text.ts";
import { count, type DomainFigures, readDomains } from "../../../lib/virsh-domains.ts";
import { vmIdOf } from "../../../lib/vm-name.ts";
import type { ProbeHost, ProbeModule } from "../../../probe.ts";

const GROUPS = ["state", "cpu-total", "balloon", "interface", "block"] as const;

/** virDomainState, shut off: its figures are those of an earlier life. */
const SHUT_OFF = 5;

const NANOSECONDS = 1e9;

/** More than any QEMU can attach; the count is libvirt's word. */
const MAX_DEVICES = 1024;

export const probe: ProbeModule = {
  group: "vm/monitor",
  name: "figures",
  create() {
    const rates = new Rates();
    return { read: (host) => readFigures(host, rates) };
  },
};

async function readFigures(host: ProbeHost, rates: Rates): Promise<string> {
  const domains = await readDomains(host, GROUPS);
  const atMs = host.clock.elapsed();
  const told = domains.map(({ name, uuid, figures }) => {
    const id = vmIdOf(name);
    if (id === undefined || figures === undefined || count(figures, "state.state") === SHUT_OFF) return "";
    const cpuTime = count(figures, "cpu.time");
    const cpu = cpuTime === undefined ? undefined : rates.perSecond(uuid, cpuTime / NANOSECONDS, atMs);
    return vmFigures(id, uuid, figuresText(figures, cpu));
  });
  rates.endRound();
  return told.join("");
}

/** `cpu` in processors; undefined in the first round of a domain. */
function figuresText(figures: DomainFigures, cpu: number | undefined): string {
  const values = lines({
    CPU: cpu === undefined ? undefined : (cpu * 100).toFixed(1),
    MEMORY: count(figures, "balloon.rss"),
    NETRX: sum(figures, "net", "rx.bytes"),
    NETTX: sum(figures, "net", "tx.bytes"),
    DISKRDBYTES: sum(figures, "block", "rd.bytes"),
    DISKWRBYTES: sum(figures, "block", "wr.bytes"),
    DISKRDIOPS: sum(figures, "block", "rd.reqs"),
    DISKWRIOPS: sum(figures, "block", "wr.reqs"),
  });
  return values + diskSizes(disksOf(figures));
}

/** Over the devices that tell it; undefined when none does, as with a QEMU that does not answer. */
function sum(figures: DomainFigures, kind: "net" | "block", key: string): number | undefined {
  const told = devices(figures, kind).flatMap((device) => count(figures, `${device}.${key}`) ?? []);
  return told.length === 0 ? undefined : told.reduce((total, one) => total + one, 0);
}

/** The length of each disk's file or device by the disk's number; of a raw file with holes that is more than it takes. */
function disksOf(figures: DomainFigures): ReadonlyMap<number, number> {
  const sizes = devices(figures, "block").flatMap((device): [number, number][] => {
    const id = diskIdOf(figures.get(`${device}.path`) ?? "");
    const bytes = count(figures, `${device}.physical`);
    return id === undefined || bytes === undefined ? [] : [[id, bytes]];
  });
  return new Map(sizes);
}

function devices(figures: DomainFigures, kind: "net" | "block"): readonly string[] {
  const length = Math.min(count(figures, `${kind}.count`) ?? 0, MAX_DEVICES);
  return Array.from({ length }, (_, index) => `${kind}.${index}`);
}
