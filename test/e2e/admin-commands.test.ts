/** The admin commands as processes of their own: beside a scripted core, and beside a running house. */

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ADMIN_COMMAND_NAMES } from "../../gateway/cli/one/commands.ts";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { runProgram } from "../support/run-program.ts";
import { recordedBody, type ScriptedCore, startScriptedCore, success } from "../support/scripted-core.ts";

const BIN = join(import.meta.dirname, "../../gateway/cli/bin");

let scratch: ReturnType<typeof scratchDirectory>;

beforeEach(() => {
  scratch = scratchDirectory("admin-commands");
  writeFileSync(join(scratch.path, "auth"), "alice:alicepw\n", { mode: 0o600 });
});

afterEach(() => scratch.remove());

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** The file to run, where it is not the one of bin/. */
  readonly file?: string;
}

async function run(line: readonly string[], { env = {}, input, file }: RunOptions = {}) {
  const [name, ...args] = line;
  const cwd = scratch.path;
  const options = { cwd, env: { HOME: cwd, ...env }, ...(input === undefined ? {} : { input }) };
  return await runProgram(file ?? join(BIN, `${name}.js`), args, options);
}

describe("beside a core", () => {
  let core: ScriptedCore;
  const access = () => ({ ONE_XMLRPC: core.endpoint, ONE_AUTH: join(scratch.path, "auth") });

  beforeAll(async () => {
    core = await startScriptedCore({
      "one.vm.info": recordedBody("vm-info"),
      "one.vmpool.info": recordedBody("vmpool-info-all"),
      "one.vn.allocate": success(7),
    });
  });

  afterAll(() => core.close());

  it("every command of package.json is there, and knows its name", async () => {
    const { bin } = JSON.parse(readFileSync(join(BIN, "../../../package.json"), "utf8"));
    for (const name of ADMIN_COMMAND_NAMES) {
      expect(bin[name]).toBe(`gateway/cli/bin/${name}.js`);
      const { code, out } = await run([name, "--help"]);
      expect({ code, first: out.split("\n")[0] }).toEqual({
        code: 0,
        first: `Usage: ${name} [options] [command]`,
      });
    }
  });

  it("a command knows its name behind a link, as npm installs it", async () => {
    const link = join(scratch.path, "onevm");
    symlinkSync(join(BIN, "onevm.js"), link);
    const { code, out } = await run(["onevm", "list", "--no-header", "-l", "ID,NAME", "-f", "ID=0"], {
      env: access(),
      file: link,
    });
    expect({ code, out }).toEqual({ code: 0, out: "     0 standalone\n" });
  });

  it("takes a template from a pipe", async () => {
    const result = await run(["onevnet", "create"], { env: access(), input: 'NAME="n"\n' });
    expect(result).toEqual({ code: 0, out: "ID: 7\n", err: "" });
    expect(core.calls.at(-1)).toEqual(["one.vn.allocate", 'NAME="n"\n', "-1"]);
  });

  it("finds the house that runs here, and its credentials", async () => {
    mkdirSync(join(scratch.path, "var"));
    writeFileSync(join(scratch.path, "var/run.json"), JSON.stringify({ pid: 1, rpc: core.endpoint }));
    writeFileSync(join(scratch.path, "var/one_auth"), "alice:alicepw\n");
    expect((await run(["onevm", "show", "0", "--json"])).code).toBe(0);
  });

  it("a wrong password ends with 255, and tells which file it stood in", async () => {
    writeFileSync(join(scratch.path, "auth"), "alice:wrong\n");
    expect(await run(["onevm", "list"], { env: access() })).toEqual({
      code: 255,
      out: "",
      err:
        "[one.vmpool.info] User couldn't be authenticated, aborting call.\n" +
        `The user and password are those of ${join(scratch.path, "auth")} (ONE_AUTH).\n`,
    });
  });

  it("an endpoint that is down ends with 255, and tells what to do", async () => {
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const down = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/RPC2`;
    await new Promise((resolve) => listener.close(resolve));
    const { code, out, err } = await run(["onevm", "list"], { env: { ...access(), ONE_XMLRPC: down } });
    expect({ code, out }).toEqual({ code: 255, out: "" });
    expect(err).toBe(
      `onevm: Cannot connect to ${down}: the connection was refused. ` +
        'Start the house with "gatehouse up", or set ONE_XMLRPC to the endpoint of a running one.\n',
    );
  });
});

const NETWORK = `
NAME = "lab"
VN_MAD = "dummy"
BRIDGE = "br0"
AR = [ TYPE = "IP4", IP = "10.9.0.10", SIZE = "20" ]
`;
const hasRpc = (await gatehouse(["check"])).includes("\nrpc.port:");

/** Each command is a process of its own, and there are many. */
const TEST_MS = 120_000;

describe.skipIf(!hasRpc)("beside a running house", { timeout: TEST_MS }, () => {
  let home: ReturnType<typeof scratchDirectory>;
  let house: HouseProcess;

  beforeAll(async () => {
    home = scratchDirectory("admin-house");
    house = await startHouse(home.path, ["--dummy"], { GATEHOUSE_RPC_PORT: "0" });
  });

  afterAll(async () => {
    if (house !== undefined) await stopHouse(house);
    home.remove();
  });

  const one = (line: string, input = "") =>
    run(line.split(" "), { env: { GATEHOUSE_HOME: home.path }, input });

  async function succeed(line: string, input = ""): Promise<string> {
    const result = await one(line, input);
    expect({ line, code: result.code, err: result.err }).toEqual({ line, code: 0, err: "" });
    return result.out;
  }

  /** Asks until the VM is in a state; each question is a process of its own, and the test's time the bound. */
  async function reaches(id: string, state: string): Promise<void> {
    const line = `onevm list -l STAT -f ID=${id} --no-header`;
    while ((await succeed(line)).trim() !== state);
  }

  it("a network, a template and a VM live their lives", async () => {
    const network = /^ID: (\d+)\n$/.exec(await succeed("onevnet create", NETWORK))?.[1];
    expect(await succeed("onevnet show lab")).toContain("10.9.0.29");
    const made = await succeed("onetemplate create --name web --cpu 0.5 --memory 64 --nic lab");
    expect(made).toMatch(/^ID: \d+\n$/);
    const id = /^ID: (\d+)\n$/.exec(await succeed("onetemplate instantiate web --name web-1"))?.[1] ?? "";
    await reaches(id, "runn");
    const page = await succeed("onevm show web-1");
    expect(page).toContain("LCM_STATE           : RUNNING\n");
    expect(page).toContain("10.9.0.10");
    expect(await succeed("onevm list --csv -l ID,NAME,IP")).toContain(`${id},web-1,10.9.0.10\n`);
    await succeed("onevm suspend web-1");
    await reaches(id, "susp");
    await succeed("onevm resume web-1");
    await reaches(id, "runn");
    await succeed(`onevm update ${id} --append`, 'COLOR="blue"\n');
    expect(await succeed(`onevm show ${id}`)).toContain('COLOR="blue"\n');
    await succeed(`onevm chmod ${id} 640`);
    await succeed(`onevm terminate ${id}`);
    await reaches(id, "");
    await succeed("onetemplate delete web");
    await succeed(`onevnet delete ${network}`);
    expect(await succeed("onevnet list --no-header -f NAME=lab")).toBe("");
  });

  it("users and groups come, are told apart, and go", async () => {
    await succeed("onegroup create web");
    await succeed("oneuser create carol --group web", "carols-password\n");
    expect(await succeed("oneuser list --no-header -l NAME,GROUP -f NAME=carol")).toMatch(/^carol +web\n$/);
    const denied = await one("onehost create h9 -i dummy -v dummy --user carol --password carols-password");
    expect(denied.code).toBe(255);
    expect(denied.err).toMatch(/^\[one\.host\.allocate\] /);
    const wrong = await one("onevm list --user carol --password wrong");
    expect(wrong.code).toBe(255);
    expect(wrong.err).toMatch(/^\[one\.vmpool\.info\] User couldn't be authenticated, aborting call\.\n/);
    await succeed("oneuser delete carol");
    await succeed("onegroup delete web");
  });

  it("a missing object is told in the core's words", async () => {
    expect(await one("onevm show 999")).toMatchObject({
      code: 255,
      err: "[one.vm.info] Error getting virtual machine [999].\n",
    });
  });
});
