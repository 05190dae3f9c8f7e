/** The bundled `onegate` against a running house: output and exit code of every command, on success and on each error. */

import { spawnSync } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildBundle, type Ended, GUEST_NODE, runGuest } from "../support/guest-command.ts";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";

const WORLD = fileURLToPath(new URL("../fixtures/onegate-world.json", import.meta.url));
const MAX_BUNDLE_BYTES = 65_536;
/** In the recorded world: a node of service 292, a VM alone, and one of router 0. */
const [NODE, ALONE, ROUTER] = [249, 0, 1];
const WAIT = { timeout: 10_000, interval: 50 };
const GATE_OFF = "http://127.0.0.1:1";

const scratch = scratchDirectory("onegate");
let bundle = "";
let house: HouseProcess | undefined;
const tokens = new Map<number, string>();

beforeAll(async () => {
  bundle = await buildBundle(scratch.path);
  const home = join(scratch.path, "home");
  house = await startHouse(home, ["--world", WORLD, "--dummy"]);
  for (const id of [NODE, ALONE, ROUTER]) {
    tokens.set(id, (await gatehouse(["token", String(id), "--home", home])).trim());
  }
});

afterAll(async () => {
  if (house !== undefined) await stopHouse(house);
  scratch.remove();
});

/** Runs `onegate` as a VM, with changes to its environment. */
async function as(vmId: number, args: string, changes: Record<string, string> = {}): Promise<Ended> {
  const context = {
    ONEGATE_ENDPOINT: house?.onegate ?? "",
    TOKENTXT: tokens.get(vmId) ?? "",
    VMID: String(vmId),
    ...changes,
  };
  return await runGuest([GUEST_NODE, bundle, ...args.split(" ")], context).ended;
}

const done = (out: string): Ended => ({ code: 0, out, err: "" });
const silent = done("");
const refused = (text: string): Ended => ({ code: 255, out: "", err: `ERROR: \n${text}\n` });
const told = (text: string): Ended => ({ code: 255, out: "", err: `${text}\n` });
const heading = (text: string) => `${text.padEnd(80)}\n`;
const line = (key: string, value: string) => `${key.padEnd(20)}: ${value}\n`;
const vm = (id: number, name: string, state: string, ip: string) =>
  heading(`VM ${id}`) + line("NAME", name) + line("STATE", state) + line("IP", ip);
const MASTER = vm(249, "master_0_(service_292)", "RUNNING", "10.0.0.172");
const worker = (index: number, state = "RUNNING") =>
  vm(250 + index, `worker_${index}_(service_292)`, state, `10.0.0.${173 + index}`);

async function userTemplate(vmId: number): Promise<Record<string, unknown>> {
  const { out } = await as(vmId, "vm show -j");
  const { VM }: { VM: { USER_TEMPLATE: Record<string, unknown> } } = JSON.parse(out);
  return VM.USER_TEMPLATE;
}

describe("onegate shows", () => {
  it("the VM itself, or a peer", async () => {
    expect(await as(NODE, "vm show")).toEqual(done(MASTER));
    expect(await as(NODE, "vm show 251")).toEqual(done(worker(1)));
    expect((await as(ALONE, "vm show")).out).toMatch(/^VM 0 +\nNAME {16}: .+\nSTATE {15}: RUNNING\nIP /);
  });

  it("JSON, with the option before or after the resource", async () => {
    const after = await as(NODE, "vm show --json");
    expect(after.out).toMatch(/^\{\n {2}"VM": \{\n {4}"NAME": "master_0_\(service_292\)",\n/);
    expect(await as(NODE, "--json vm show")).toEqual(after);
    const { SERVICE } = JSON.parse((await as(NODE, "-j service show")).out);
    expect(SERVICE.roles[0].nodes[0].vm_info.VM.STATE).toBeUndefined();
    const extended = JSON.parse((await as(NODE, "service show --json --extended")).out);
    expect(extended.SERVICE.roles[0].nodes[0].vm_info.VM).toMatchObject({ STATE: "3", LCM_STATE: "3" });
  });

  it("the service, with names, states and addresses", async () => {
    const service = heading("SERVICE 292") + line("NAME", "gatesvc") + line("STATE", "RUNNING");
    const roles = `\n${heading("ROLE master")}${MASTER}\n${heading("ROLE worker")}${worker(0)}${worker(1)}\n`;
    expect(await as(NODE, "service show")).toEqual(done(service + roles));
  });

  it("the router and its networks", async () => {
    const router = heading("VROUTER 0") + line("NAME", "vr1") + line("VMS", "1,2");
    expect(await as(ROUTER, "vrouter show")).toEqual(done(router));
    expect(await as(ROUTER, "vnet show 0")).toEqual(done(heading("VNET") + line("ID", "0")));
    const plain = await as(ROUTER, "vnet show 0 -j");
    const extended = await as(ROUTER, "vnet show 0 -j --extended");
    expect(extended.out).toContain('"NIC_NAME"');
    expect(plain.out).not.toContain('"NIC_NAME"');
  });
});

describe("onegate changes", () => {
  it("attributes: several at once, any value, of itself and of a peer, and erases them", async () => {
    const data = String.raw`READY=YES\nKEY=aGVsbG8=\nURL=http://h/?a=1&type=2\nLIST=a,b`;
    expect(await as(NODE, `vm update --data ${data}`)).toEqual(silent);
    expect(await userTemplate(NODE)).toMatchObject({
      READY: "YES",
      KEY: "aGVsbG8=",
      URL: "http://h/?a=1&type=2",
      LIST: "a,b",
    });
    expect(await as(NODE, "vm update 251 -d ACTIVE=YES")).toEqual(silent);
    expect((await as(NODE, "vm show 251 -j")).out).toContain('"ACTIVE": "YES"');
    expect(await as(NODE, "vm update 251 --erase ACTIVE")).toEqual(silent);
    expect((await as(NODE, "vm show 251 -j")).out).not.toContain("ACTIVE");
    expect(await as(NODE, "vm update -e LIST")).toEqual(silent);
    expect(await userTemplate(NODE)).not.toHaveProperty("LIST");
  });

  it("the state of a peer, gently and hard", async () => {
    const becomes = (state: string) =>
      vi.waitFor(async () => expect(await as(NODE, "vm show 250")).toEqual(done(worker(0, state))), WAIT);
    expect(await as(NODE, "vm suspend 250")).toEqual(silent);
    await becomes("SUSPENDED");
    expect(await as(NODE, "vm resume 250")).toEqual(silent);
    await becomes("RUNNING");
    expect(await as(NODE, "vm --hard poweroff 250")).toEqual(silent);
    await becomes("POWEROFF");
    expect(await as(NODE, "vm resume 250")).toEqual(silent);
    await becomes("RUNNING");
  });
});

describe("onegate refuses, with exit code 255 and the server's words", () => {
  const alone =
    "This VM does not belong to any Virtual Router or Service, so it cannot retrieve information from other VMs";
  it.each([
    [NODE, "vm show 0", "Service 292 does not contain VM 0."],
    [NODE, "vm show 99999", "Service 292 does not contain VM 99999."],
    [ROUTER, "vm show 249", "Virtual Router 0 does not contain VM 249."],
    [ALONE, "vm show 249", alone],
    [ALONE, "service show", "Empty or invalid SERVICE_ID"],
    [NODE, "vrouter show", "Empty or invalid VROUTER_ID"],
    [NODE, "vnet show 0", "Virtual networks information can only be retrieved from Virtual Routers."],
    [ROUTER, "vnet show 99999", "Virtual network 99999 not found"],
    [ROUTER, "vnet show abc", "Invalid id format (ID: abc). ID must be an integer."],
    [NODE, "vm update -d ROLE_NAME=x", "Attribute (ROLE_NAME) cannot be modified"],
    [NODE, "vm update -e SERVICE_ID", "Attribute (SERVICE_ID) cannot be deleted"],
    [NODE, "vm update -e NOTHING", "Attribute (NOTHING) not found in the user template of VM 249."],
    [NODE, "vm update 0 -d A=1", "Service 292 does not contain VM 0."],
    [NODE, "vm reboot 250", "Action (reboot) is not allowed on this resource"],
    [NODE, "vm resched 250", "User [2] : Not authorized to perform ADMIN VM [250]."],
    [NODE, "vm terminate 0 -f", "Service 292 does not contain VM 0."],
  ])("as %i: %s", async (vmId, args, text) => {
    expect(await as(vmId, args)).toEqual(refused(text));
  });

  it("a wrong state, a wrong token, a wrong id", async () => {
    expect((await as(NODE, "vm release 251")).err).toMatch(/^ERROR: \n.*release.*RUNNING.*\n$/);
    const wrong = { TOKENTXT: "eHh4eHh4eHh4eHh4eHh4eA==" };
    expect(await as(NODE, "vm show", wrong)).toEqual(refused("Not authorized"));
    expect(await as(NODE, "vm show", { VMID: "250" })).toEqual(refused("Not authorized"));
  });

  it("text that is no template", async () => {
    const { code, err } = await as(NODE, "vm update -d KEY");
    expect(code).toBe(255);
    expect(err).toMatch(/^ERROR: \n.*"=" must follow the name/);
  });
});

describe("onegate explains", () => {
  it("itself when asked, and when it does not understand", async () => {
    const help = await as(NODE, "--help");
    expect(help).toMatchObject({ code: 0, out: "" });
    expect(help.err).toMatch(/^## COMMANDS\n/);
    expect(await as(NODE, "vm show -h")).toEqual(help);
    expect(await runGuest([GUEST_NODE, bundle], {}).ended).toEqual({ ...help, code: 255 });
    expect(await as(NODE, "image show")).toEqual({ ...help, code: 255 });
    const unknown = (action: string) => ({ ...told(`${help.err}\nAction ${action} not supported`) });
    expect(await as(NODE, "vm explode 9")).toEqual(unknown("explode"));
    expect(await as(NODE, "service delete")).toEqual(unknown("delete"));
    expect(await as(NODE, "vnet list")).toEqual(unknown("list"));
  });

  it.each([
    ["vm resume", "You have to provide a VM ID"],
    ["vm update", "You have to provide the data as a param (--data, --erase)"],
    ["vnet show", "You have to provide a VNET ID"],
    ["service scale -c 2", "You have to provide a role (--role)"],
    ["service scale -r slave", "You have to provide a number of virtual machines (--cardinality)"],
    ["service scale -r slave -c two", "You have to provide a number of virtual machines (--cardinality)"],
  ])("what '%s' lacks", async (args, text) => {
    expect(await as(NODE, args)).toEqual(told(text));
  });

  it.each([
    ["ONEGATE_ENDPOINT", "ONEGATE_ENDPOINT is not set"],
    ["TOKENTXT", "There is no OneGate token"],
    ["VMID", "VMID is not set"],
  ])("what the context lacks: %s", async (variable, text) => {
    const empty = { CONTEXT_DIR: scratch.path };
    const { code, err } = await as(NODE, "vm show", { ...empty, [variable]: "" });
    expect(code).toBe(255);
    expect(err).toMatch(new RegExp(`^ERROR: \n${text}.*\n$`));
  });

  it("that the endpoint is down, after as many tries as asked", async () => {
    const down = { ONEGATE_ENDPOINT: GATE_OFF };
    const text = `OneGate at ${GATE_OFF} cannot be reached: the connection was refused (ECONNREFUSED).`;
    expect(await as(NODE, "vm show --retries 0", down)).toEqual(refused(text));
    expect(await as(NODE, "vm show", { ...down, ONEGATE_RETRIES: "1" })).toEqual(
      refused(`${text} Tried 2 times.`),
    );
    expect(await as(NODE, "vm show --retries x", down)).toEqual(
      refused('--retries (ONEGATE_RETRIES) must be a number from 0 to 20, not "x".'),
    );
  });

  it("what an invalid option is", async () => {
    expect(await as(NODE, "vm show --colour")).toEqual(refused("invalid option: --colour"));
  });
});

describe("the bundle", () => {
  it("is one executable file under 64 KiB", () => {
    const { size, mode } = statSync(bundle);
    expect(size).toBeLessThan(MAX_BUNDLE_BYTES);
    expect(mode & 0o111).toBe(0o111);
  });

  it("finds its context in files", async () => {
    const env = `ONEGATE_ENDPOINT='${house?.onegate}'\nTOKEN='YES'\nVMID='${NODE}'\n`;
    writeFileSync(join(scratch.path, "context.sh"), env);
    writeFileSync(join(scratch.path, "token.txt"), `${tokens.get(NODE)}\n`);
    const shown = runGuest([GUEST_NODE, bundle, "vm", "show"], { CONTEXT_DIR: scratch.path });
    expect(await shown.ended).toEqual(done(MASTER));
  });

  const systemNode = "/usr/bin/node";
  const version = existsSync(systemNode)
    ? spawnSync(systemNode, ["-p", "process.versions.node"], { encoding: "utf8" }).stdout
    : "";
  const major = Number(version.split(".")[0]);
  it.runIf(major >= 18)(`runs on the Node ${version.trim()} of this system`, async () => {
    const context = {
      ONEGATE_ENDPOINT: house?.onegate ?? "",
      TOKENTXT: tokens.get(NODE) ?? "",
      VMID: String(NODE),
    };
    const run = (...args: string[]) => runGuest([systemNode, bundle, ...args], context).ended;
    expect(await run("vm", "show")).toEqual(done(MASTER));
    expect(await run("agent", "--once")).toEqual(silent);
    const metrics = /^\d+(\.\d\d)?$/;
    expect(await userTemplate(NODE)).toMatchObject({
      MEM_USED_PERC: expect.stringMatching(metrics),
      SWAP_USED_PERC: expect.stringMatching(metrics),
      CPU_USED_PERC: expect.stringMatching(metrics),
      LOAD_1: expect.stringMatching(/^\d+\.\d\d$/),
    });
  });
});
