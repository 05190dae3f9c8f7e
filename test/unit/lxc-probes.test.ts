import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parseContainers } from "../../probes/lib/lxc.ts";
import { probe as figures } from "../../probes/lxc-probes.d/vm/monitor/figures.ts";
import { probe as state } from "../../probes/lxc-probes.d/vm/status/state.ts";
import type { ProbeHost } from "../../probes/probe.ts";
import { figuresOf, statesOf, vmVectors } from "../support/probe-text.ts";
import { type Script, scriptedProbeHost } from "../support/scripted-probe-host.ts";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/probes/lxc/${name}`, import.meta.url));

const LISTED = readFileSync(fixture("ls.txt"), "utf8");

const lists =
  (stdout: string): Script =>
  () => ({ stdout });

const kernel = (version: "v1" | "v2"): Partial<ProbeHost> => ({
  procRoot: fixture(`${version}/proc`),
  sysRoot: fixture(`${version}/sys`),
});

describe("lxc vm/status", () => {
  it("tells the containers that are OpenNebula's and not stopped", async () => {
    const text = await state.create().read(scriptedProbeHost(lists(LISTED)));
    expect(vmVectors(text)).toEqual([
      { ID: "5", DEPLOY_ID: "one-5", STATE: "RUNNING" },
      { ID: "7", DEPLOY_ID: "one-7", STATE: "FAILURE" },
      { ID: "8", DEPLOY_ID: "one-8", STATE: "RUNNING" },
    ]);
  });

  it("takes a row that does not read as one, or comes twice, as UNKNOWN", async () => {
    const rows =
      "one-1 RUN\u0000ING 7\none-2\none-3 STOPPED - -\none-4 STOPPED -\none-4 RUNNING 9\none-5 RUNNING 10\n";
    const text = await state.create().read(scriptedProbeHost(lists(`NAME STATE PID\n${rows}`)));
    expect(statesOf(text)).toEqual({ 1: "UNKNOWN", 2: "UNKNOWN", 3: "UNKNOWN", 4: "UNKNOWN", 5: "RUNNING" });
  });

  it("says nothing of a host without containers", async () => {
    expect(await state.create().read(scriptedProbeHost(lists("")))).toBe("");
  });

  it.each([
    ["is cut short", { stdout: LISTED.slice(0, -8) }],
    ["is another table", { stdout: "NAME STATE IPV4\none-5 RUNNING -\n" }],
    ["is binary", { stdout: "\u0000\u0001\u0002" }],
    ["is missing", { code: 1, stderr: "permission denied" }],
  ])("fails, and guesses nothing, when the list %s", async (_, answer) => {
    await expect(state.create().read(scriptedProbeHost(() => answer))).rejects.toThrow(/lxc-ls/);
  });

  it("asks each container alone when one holds up the list", async () => {
    const host = scriptedProbeHost((line) => {
      if (line.includes("--fancy")) return { code: 124 };
      if (line.endsWith("lxc-ls -1 --defined")) return { stdout: "one-5\none-6\none-7\none-8\n--evil\n\n" };
      if (line.includes("one-5")) return { stdout: "State:          RUNNING\nPID:            4321\n" };
      if (line.includes("one-6")) return { stdout: "State:          STOPPED\n" };
      return line.includes("one-7") ? { code: 124 } : { stdout: "\u0000State: RUNNING" };
    });
    expect(statesOf(await state.create().read(host))).toEqual({ 5: "RUNNING", 7: "UNKNOWN", 8: "UNKNOWN" });
    expect(host.ran.join("\n")).not.toContain("--evil");
  });

  it("reads a long list in linear time", () => {
    const rows = `one-1 ${" ".repeat(200_000)}!\n`.repeat(20);
    expect(parseContainers(`NAME STATE PID\n${rows}`)).toHaveLength(1);
  });
});

describe("lxc vm/monitor", () => {
  it("reads the container's own cgroup of version 2, and the host's ends of its interfaces", async () => {
    const text = await figures.create().read(scriptedProbeHost(lists(LISTED), kernel("v2")));
    expect(figuresOf(text)).toEqual({
      5: { MEMORY: "262144", NETRX: "2224", NETTX: "112" },
      8: { MEMORY: "1024", NETRX: "1234", NETTX: "4321" },
    });
  });

  it("reads cgroups of version 1", async () => {
    const probe = figures.create();
    const host = scriptedProbeHost(lists("NAME STATE PID\none-5 RUNNING 4321\n"), kernel("v1"));
    await probe.read(host);
    host.clock.advance(1000);
    expect(figuresOf(await probe.read(host))).toEqual({ 5: { CPU: "0.0", MEMORY: "2048" } });
  });

  it("tells nothing of a container that ended meanwhile, and everything of the others", async () => {
    const rows = "NAME STATE PID\none-5 RUNNING 999999\none-8 RUNNING 4322\n";
    const host = scriptedProbeHost(lists(rows), { ...kernel("v2"), sysRoot: fixture("v2/sys") });
    const read = figuresOf(await figures.create().read(host));
    expect(read[8]).toMatchObject({ MEMORY: "1024" });
    expect(read[5]).not.toHaveProperty("MEMORY");
  });
});
