import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { probe as cpuModels } from "../../probes/kvm-probes.d/host/system/cpu-models.ts";
import { probe as machines } from "../../probes/kvm-probes.d/host/system/machines.ts";
import { probe as wildVms } from "../../probes/kvm-probes.d/host/system/wild-vms.ts";
import { probe as figures } from "../../probes/kvm-probes.d/vm/monitor/figures.ts";
import { probe as state, stateOf } from "../../probes/kvm-probes.d/vm/status/state.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { figuresOf, statesOf, vmVectors } from "../support/probe-text.ts";
import { type Script, scriptedProbeHost } from "../support/scripted-probe-host.ts";

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/probes/kvm/${name}`, import.meta.url), "utf8");

const DOMAINS = fixture("domains.txt");
const END = "\nend of the list\n";
const uuid = (id: number): string => `11111111-2222-3333-4444-${String(id).padStart(12, "0")}`;

const prints =
  (stdout: string): Script =>
  () => ({ stdout });

/** The output for domains with these state lines, and their names listed. */
function told(blocks: Readonly<Record<string, string>>): string {
  const names = Object.keys(blocks);
  const told = names.map((name) => `Domain: '${name}'\n${blocks[name]}\n`).join("\n");
  return `${told}\n${names.map((name, at) => `${uuid(at)} ${name}\n`).join("")}${END}`;
}

const RUNNING = "  state.state=1\n  state.reason=1";

describe("kvm vm/status", () => {
  it("tells OpenNebula's domains with their UUIDs, in one call that changes nothing", async () => {
    const host = scriptedProbeHost(prints(DOMAINS));
    const text = await state.create().read(host);
    expect(vmVectors(text)).toEqual([
      { ID: "7", DEPLOY_ID: uuid(7), STATE: "RUNNING" },
      { ID: "8", DEPLOY_ID: uuid(8), STATE: "SUSPENDED" },
    ]);
    expect(host.ran).toHaveLength(1);
    expect(host.ran[0]).toContain(
      "virsh --connect qemu:///system --readonly domstats --raw --nowait --state;",
    );
  });

  it.each([
    [1, 1, "RUNNING"],
    [2, 0, "RUNNING"],
    [4, 1, "RUNNING"],
    [5, 3, undefined],
    [6, 0, "FAILURE"],
    [7, 0, "SUSPENDED"],
    [3, 1, "SUSPENDED"],
    [3, 2, "RUNNING"],
    [3, 3, "RUNNING"],
    [3, 11, "RUNNING"],
    [3, 5, "FAILURE"],
    [3, 6, "FAILURE"],
    [3, 99, "FAILURE"],
    [0, 0, "UNKNOWN"],
    [42, 0, "UNKNOWN"],
  ])("reads libvirt's state %i with reason %i as %s", (number, reason, expected) => {
    const values = new Map([
      ["state.state", String(number)],
      ["state.reason", String(reason)],
    ]);
    expect(stateOf(values)).toBe(expected);
  });

  it("takes a domain whose figures do not read as such as UNKNOWN, and the others as they are", async () => {
    const text = await state.create().read(
      scriptedProbeHost(
        prints(
          told({
            "one-1": "  state.state=one\n  state.reason=1",
            "one-2": "  state.state=3",
            "one-3": "\u0000\ufffd\ufffd\u0007 binary",
            "one-4": "  state.state=1\n  state.state=5",
            "one-5": "",
            "one-6": RUNNING,
          }),
        ),
      ),
    );
    expect(statesOf(text)).toEqual({
      1: "UNKNOWN",
      2: "UNKNOWN",
      3: "UNKNOWN",
      4: "UNKNOWN",
      5: "UNKNOWN",
      6: "RUNNING",
    });
  });

  it("never believes one of two tellings of the same domain", async () => {
    const forged = `Domain: 'one-2'\n  state.state=5\n\n${told({ "one-2": RUNNING, "one-3": RUNNING })}`;
    expect(statesOf(await state.create().read(scriptedProbeHost(prints(forged))))).toEqual({
      2: "UNKNOWN",
      3: "RUNNING",
    });
  });

  it("knows OpenNebula's names from those that only look like them", async () => {
    const names = [
      "one-",
      "one-01",
      "one-1x",
      "One-1",
      "one-2147483648",
      'one-1"] STATE=[',
      "one-9' and ''",
      "no one-1",
    ];
    const text = told(Object.fromEntries([...names, "one-0"].map((name) => [name, RUNNING])));
    expect(statesOf(await state.create().read(scriptedProbeHost(prints(text))))).toEqual({ 0: "RUNNING" });
  });

  it("leaves a domain that came or went between the two lists for the next round", async () => {
    const text = `Domain: 'one-1'\n${RUNNING}\n\nDomain: 'one-2'\n${RUNNING}\n\n${uuid(2)} one-2\n${uuid(3)} one-3\n${END}`;
    expect(statesOf(await state.create().read(scriptedProbeHost(prints(text))))).toEqual({ 2: "RUNNING" });
  });

  it("says nothing of a host without domains", async () => {
    expect(await state.create().read(scriptedProbeHost(prints(`\n\n${END}`)))).toBe("");
  });

  it.each([
    ["cut short", { stdout: DOMAINS.slice(0, 600) }, "not whole"],
    ["without figures for any domain", { stdout: `${uuid(1)} one-1\n${END}` }, "tells nothing"],
    ["without the list", { stdout: `Domain: 'one-1'\n${RUNNING}\n${END}` }, "does not list"],
    ["empty", { stdout: "" }, "not whole"],
    ["of failed commands", { stdout: END, stderr: "error: no stats\n" }, "no stats"],
    ["of a virsh that was killed", { code: 137, stdout: DOMAINS }, "code 137"],
    ["larger than anybody's", { stdout: `${"x".repeat(33 * 1024 * 1024)}${END}` }, "more than"],
    [
      "that is missing since libvirt is",
      { code: 1, stderr: "error: failed to connect\u001b[2J\nmore" },
      "failed to connect [2J",
    ],
  ])("fails, and guesses nothing, at output %s", async (_, answer, reason) => {
    const read = state.create().read(scriptedProbeHost(() => answer));
    await expect(read).rejects.toThrow(reason);
  });

  it("fails when there is no virsh", async () => {
    const read = state.create().read(scriptedProbeHost(() => new Error("spawn timeout ENOENT")));
    await expect(read).rejects.toThrow("ENOENT");
  });
});

describe("kvm vm/monitor", () => {
  it("sums what each running domain's devices count", async () => {
    const text = await figures.create().read(scriptedProbeHost(prints(DOMAINS)));
    expect(Object.keys(figuresOf(text))).toEqual(["7", "8"]);
    expect(figuresOf(text)[7]).toEqual({
      MEMORY: "482200",
      NETRX: "1051624",
      NETTX: "527312",
      DISKRDBYTES: "987654",
      DISKWRBYTES: "456789",
      DISKRDIOPS: "321",
      DISKWRIOPS: "123",
      DISK_SIZE: [
        { ID: "0", SIZE: "2048" },
        { ID: "2", SIZE: "4" },
      ],
    });
    expect(vmVectors(text)[0]).toMatchObject({ ID: "7", DEPLOY_ID: uuid(7) });
  });

  it("tells CPU from the time between two rounds, and nothing when the domain began anew", async () => {
    const cpuTimes = [4_000_000_000, 5_500_000_000, 100_000_000];
    let round = 0;
    const script: Script = () => ({
      stdout: told({ "one-7": `${RUNNING}\n  cpu.time=${cpuTimes[round++]}\n  balloon.rss=10` }),
    });
    const host = scriptedProbeHost(script);
    const probe = figures.create();
    const cpu: unknown[] = [];
    for (const _ of cpuTimes) {
      cpu.push(figuresOf(await probe.read(host))[7]?.CPU);
      host.clock.advance(1000);
    }
    expect(cpu).toEqual([undefined, "150.0", undefined]);
  });

  it("leaves out what a hung QEMU did not tell", async () => {
    const text = told({
      "one-7": `${RUNNING}\n  cpu.time=7\n  balloon.current=65536\n  block.count=99999999\n  block.0.name=vda`,
    });
    expect(figuresOf(await figures.create().read(scriptedProbeHost(prints(text))))).toEqual({ 7: {} });
  });

  it("asks again when a QEMU that hangs held libvirt up", async () => {
    let calls = 0;
    const host = scriptedProbeHost(() => (++calls < 3 ? { code: 124 } : { stdout: DOMAINS }));
    expect(Object.keys(figuresOf(await figures.create().read(host)))).toEqual(["7", "8"]);
  });

  it("fails when libvirt does not come back", async () => {
    const host = scriptedProbeHost(() => ({ code: 124 }));
    await expect(figures.create().read(host)).rejects.toThrow("did not answer within 8 s");
    expect(host.ran).toHaveLength(3);
  });

  it("gives nobody the figures of a domain whose disk's path feigns lines", async () => {
    const text = told({
      "one-1": `${RUNNING}\n  balloon.rss=1\n  block.0.path=/srv/x\nDomain: 'one-2'\n  balloon.rss=666`,
      "one-2": `${RUNNING}\n  balloon.rss=2`,
      "one-3": `${RUNNING}\n  balloon.rss=3`,
    });
    const read = figuresOf(await figures.create().read(scriptedProbeHost(prints(text))));
    expect(read[2]).toBeUndefined();
    expect(read[3]).toEqual({ MEMORY: "3" });
  });

  it("takes figures that are no counts as not told", async () => {
    const text = told({
      "one-1": `${RUNNING}\n  balloon.rss=-1\n  net.count=2\n  net.0.rx.bytes=1e9\n  net.1.rx.bytes=5\n  block.count=1\n  block.0.rd.bytes=99999999999999999999`,
    });
    expect(figuresOf(await figures.create().read(scriptedProbeHost(prints(text))))[1]).toEqual({
      NETRX: "5",
    });
  });
});

describe("kvm host/system", () => {
  it("tells the machine types of the host's own architecture", async () => {
    const host = scriptedProbeHost(prints(fixture("capabilities.xml")));
    expect(parseTemplate(await machines.create().read(host))).toEqual({
      KVM_MACHINES: "pc-i440fx-7.2 pc pc-q35-7.2 q35",
    });
  });

  it("tells the CPU models that can be used, the host's model and its features", async () => {
    const host = scriptedProbeHost(prints(fixture("domcapabilities.xml")));
    expect(parseTemplate(await cpuModels.create().read(host))).toEqual({
      KVM_CPU_MODELS: "qemu64 Skylake-Server-IBRS Nehalem",
      KVM_CPU_MODEL: "Skylake-Server-IBRS",
      KVM_CPU_FEATURES: "vme,ss,hypervisor",
      MEMORY_ENCRYPTION: "SEV-ES",
    });
    expect(host.ran[0]).not.toContain("--readonly");
  });

  it.each([
    ["<sev supported='no'/>", "NONE"],
    ["<sev supported='yes'><maxESGuests>0</maxESGuests></sev>", "SEV"],
    ["<tdx supported='yes'/>", "TDX"],
  ])("reads %s as %s", async (features, expected) => {
    const xml = `<domainCapabilities><features>${features}</features></domainCapabilities>${END}`;
    const text = await cpuModels.create().read(scriptedProbeHost(prints(xml)));
    expect(parseTemplate(text)).toMatchObject({ MEMORY_ENCRYPTION: expected });
  });

  it.each([
    ["nothing", END],
    ["half a document", `<capabilities><host>${END}`],
    ["a DOCTYPE", `<!DOCTYPE capabilities><capabilities></capabilities>${END}`],
    ["a well without a ground", `${"<a>".repeat(100)}${"</a>".repeat(100)}${END}`],
    ["binary", `\u0001\u0002${END}`],
  ])("fails at %s", async (_, xml) => {
    await expect(machines.create().read(scriptedProbeHost(prints(xml)))).rejects.toThrow();
    await expect(cpuModels.create().read(scriptedProbeHost(prints(xml)))).rejects.toThrow();
  });
});

describe("kvm wild VMs", () => {
  const listing = (...names: readonly string[]): string =>
    `${names.map((name, at) => `${uuid(at)} ${name}\n`).join("")}${END}`;
  const described = (id: number, name: string): string =>
    `<domain><name>${name}</name><uuid>${uuid(id)}</uuid><memory unit='MiB'>64</memory></domain>\n<!-- end of a domain -->\n`;

  it("describes domains that are not OpenNebula's by a template to import them", async () => {
    const host = scriptedProbeHost((line) => ({
      stdout: line.includes("dumpxml")
        ? fixture("wild.txt")
        : `99999999-2222-3333-4444-000000000009 it's "one"\n${uuid(7)} one-7\n${END}`,
    }));
    const [vm, ...others] = vmVectors(await wildVms.create().read(host));
    expect(others).toEqual([]);
    expect(vm).toMatchObject({
      ID: "-1",
      DEPLOY_ID: "99999999-2222-3333-4444-000000000009",
      VM_NAME: 'it\'s "one"',
    });
    expect(parseTemplate(Buffer.from(vm?.IMPORT_TEMPLATE ?? "", "base64").toString())).toEqual({
      NAME: 'it\'s "one"',
      CPU: "2",
      VCPU: "2",
      MEMORY: "512",
      HYPERVISOR: "kvm",
      DEPLOY_ID: "99999999-2222-3333-4444-000000000009",
      OS: { ARCH: "x86_64" },
      FEATURES: { ACPI: "yes", APIC: "no" },
      GRAPHICS: { TYPE: "vnc", PORT: "5901" },
    });
    expect(host.ran[1]).not.toContain(uuid(7));
  });

  it("leaves out the one that cannot be read, or is told of again, or was not asked for", async () => {
    const xml = `${described(0, "first")}<domain><name>broken\n<!-- end of a domain -->\n${described(2, "third")}${described(2, "again")}${described(77, "stranger")}${END}`;
    const host = scriptedProbeHost((line) => ({
      stdout: line.includes("dumpxml") ? xml : listing("first", "second", "third"),
    }));
    const names = vmVectors(await wildVms.create().read(host)).map((vm) => vm.VM_NAME);
    expect(names).toEqual(["first", "third"]);
  });

  it("does without them when they keep libvirt waiting, and fails when libvirt is not there", async () => {
    const slow = scriptedProbeHost((line) =>
      line.includes("dumpxml") ? { code: 124 } : { stdout: listing("wild") },
    );
    expect(await wildVms.create().read(slow)).toBe("");
    const gone = scriptedProbeHost(() => ({ code: 1, stderr: "error: no connection" }));
    await expect(wildVms.create().read(gone)).rejects.toThrow("no connection");
  });

  it("asks for many in few calls, by UUID and never by name", async () => {
    const names = Array.from({ length: 70 }, (_, at) => `wild-${at}; destroy one-7`);
    const host = scriptedProbeHost((line) => ({
      stdout: line.includes("dumpxml") ? END : listing(...names),
    }));
    await wildVms.create().read(host);
    expect(host.ran).toHaveLength(3);
    expect(host.ran.join("\n")).not.toContain("destroy");
  });
});
