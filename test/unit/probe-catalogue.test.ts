import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { HYPERVISORS, probesOf } from "../../probes/catalogue.ts";
import { line, lines, vector } from "../../probes/lib/text.ts";
import { PROBE_GROUPS, type ProbeGroup, type ProbeHost } from "../../probes/probe.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { type Template, vectorsOf } from "../../shared/template/types.ts";
import { machine } from "../support/probe-host.ts";

const ROOT = join(import.meta.dirname, "../../probes");

/** What KVM's own probes tell, and AUTONFS_MOUNT, a matter of upstream's remotes. */
const NOT_OF_EVERY_HOST = new Set([
  "AUTONFS_MOUNT",
  "KVM_CPU_FEATURES",
  "KVM_CPU_MODEL",
  "KVM_CPU_MODELS",
  "KVM_MACHINES",
  "MEMORY_ENCRYPTION",
  "VM",
]);

const recordings = readFileSync(join(ROOT, "../test/fixtures/monitor/monitor.jsonl"), "utf8")
  .trim()
  .split("\n")
  .flatMap((row) => {
    const parsed = z
      .object({ hyperv: z.string(), type: z.string(), status: z.literal("SUCCESS"), decoded: z.string() })
      .safeParse(JSON.parse(row));
    return parsed.success ? [parsed.data] : [];
  });

/** The recorded messages of a kind, each read as a template. */
function recorded(hypervisor: string, type: string): readonly Template[] {
  const found = recordings.filter((row) => row.hyperv === hypervisor && row.type === type);
  expect(found.length).toBeGreaterThan(0);
  return found.map(({ decoded }) => parseTemplate(decoded));
}

async function tell(hypervisor: string, group: ProbeGroup, host: ProbeHost): Promise<Template> {
  const texts: string[] = [];
  for (const probe of probesOf(hypervisor, group)) texts.push(await probe.create().read(host));
  return parseTemplate(texts.join(""));
}

/** `NAME` of single attributes, `NAME/INNER` of vectors. */
function keysOf(template: Template): ReadonlySet<string> {
  const inner = Object.keys(template).flatMap((name) => {
    const vectors = vectorsOf(template, name);
    return vectors.length === 0
      ? [name]
      : vectors.flatMap((vector) => Object.keys(vector).map((key) => `${name}/${key}`));
  });
  return new Set(inner);
}

describe("the catalogue", () => {
  it("holds every probe that lies in a folder, under the group that the folder says", () => {
    const folders = readdirSync(ROOT).filter((name) => name.endsWith("-probes.d"));
    for (const folder of folders) {
      const hypervisor = folder.slice(0, -"-probes.d".length);
      for (const group of PROBE_GROUPS) {
        const files = filesIn(join(ROOT, folder, group));
        const users = hypervisor === "node" ? HYPERVISORS : [hypervisor];
        const names = users.flatMap((user) => probesOf(user, group).map(({ name }) => name));
        for (const file of files) expect(names, `${folder}/${group}/${file}`).toContain(file);
      }
    }
  });

  it("has a beacon for every hypervisor, and no two probes of one group and name", () => {
    for (const hypervisor of HYPERVISORS) {
      expect(probesOf(hypervisor, "host/beacon").map(({ name }) => name)).toEqual(["date"]);
      for (const group of PROBE_GROUPS) {
        const names = probesOf(hypervisor, group).map(({ name }) => name);
        expect(new Set(names).size, `${hypervisor} ${group} ${names}`).toBe(names.length);
      }
    }
  });

  it("knows nothing of other hypervisors, whatever they are called", () => {
    expect(probesOf("vcenter", "host/system")).toEqual([]);
    expect(probesOf("constructor", "host/system")).toEqual([]);
  });
});

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".ts"))
      .map((name) => name.slice(0, -3));
  } catch {
    return [];
  }
}

describe("what our hosts tell", () => {
  it.each<[string, ProbeGroup]>([
    ["SYSTEM_HOST", "host/system"],
    ["MONITOR_HOST", "host/monitor"],
  ])("covers the keys of the recorded %s of KVM", async (type, group) => {
    const box = machine("two-nodes");
    box.write({ "datastores/0/x": "" });
    const ours = keysOf(await tell("process", group, box.host({}, { version: "0.1.0" })));
    for (const template of recorded("kvm", type)) {
      const theirs = [...keysOf(template)].filter(
        (key) => !NOT_OF_EVERY_HOST.has(key.split("/")[0] ?? "") && !/_FORECAST|_BW/.test(key),
      );
      expect(theirs.filter((key) => !ours.has(key))).toEqual([]);
    }
  });

  it.each<[string, ProbeGroup]>([
    ["SYSTEM_HOST", "host/system"],
    ["MONITOR_HOST", "host/monitor"],
  ])("covers the keys of the recorded %s of dummy", async (type, group) => {
    const ours = keysOf(await tell("dummy", group, machine().host({ hypervisor: "dummy" })));
    for (const template of recorded("dummy", type)) {
      // What only some of the recorded PCI devices have, and one vendor's profiles.
      const rare = new Set(["PCI/PROFILES", "PCI/SRIOV_NUM", "PCI/VMID", "PCI/UUID"]);
      expect([...keysOf(template)].filter((key) => !ours.has(key) && !rare.has(key))).toEqual([]);
    }
  });
});

describe("template text", () => {
  it("reads back whatever is in a value", () => {
    const nasty = 'a "b" = [ c, ] \\';
    expect(parseTemplate(line("A", nasty) + vector("V", { X: nasty, Y: undefined, Z: 0 }))).toEqual({
      A: nasty,
      V: { X: nasty, Z: "0" },
    });
  });

  it("keeps a value on its line, and leaves out what has none", () => {
    expect(lines({ A: 'x\nEVIL="1"\r\u001b[2J', B: undefined, C: 1.5, D: "" })).toBe(
      'A="x EVIL=\\"1\\" [2J"\nC=1.5\nD=""\n',
    );
  });
});
