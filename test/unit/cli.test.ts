import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { runCommand } from "../../gateway/cli/program.ts";
import { systemClock } from "../../shared/clock.ts";

let cwd = "";

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "cli-"));
});

afterEach(() => rmSync(cwd, { recursive: true, force: true }));

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const context = {
    env,
    cwd,
    clock: systemClock,
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
  };
  const code = await runCommand(args, context);
  return { code, out: out.join(""), err: err.join("") };
}

const COMMANDS = ["up", "check", "token", "import", "export", "metrics", "top"];

describe("the gatehouse command", () => {
  it("prints its version", async () => {
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(readFileSync("package.json", "utf8")));
    expect(await run(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  it.each(COMMANDS)("explains %s, with examples", async (command) => {
    const { code, out } = await run([command, "--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`Usage: gatehouse ${command}[\\s\\S]*--home[\\s\\S]*Examples:\\n {2}`));
  });

  it.each<[readonly string[], RegExp]>([
    [[], /Usage: gatehouse/],
    [["upp"], /unknown command 'upp'[\s\S]*Did you mean up\?/],
    [["up", "--hom", "x"], /unknown option '--hom'[\s\S]*--home/],
    [["token"], /missing required argument 'vmid'/],
    [["token", "1", "2"], /too many arguments/],
    [["token", "one"], /"one" is no VM id/],
    [["top", "--interval", "0"], /The interval "0" is no number of seconds from 0\.1 to 3600/],
    [["import", "nothing.json"], /The world .*nothing\.json cannot be read/],
    [["up", "--world", "nothing.json"], /The world .*nothing\.json cannot be read/],
    [["up", "--dummy-boot-ms", "soon"], /cloud\.dummy_boot_ms is "soon" \(--dummy-boot-ms\)/],
    [["check", "--config", "nothing.yaml"], /nothing\.yaml cannot be read/],
    [["export"], /There is no home in .*var; start one with gatehouse up/],
    [["token", "0", "--home", "elsewhere"], /There is no home in .*elsewhere/],
  ])("ends with 2 when the caller errs: %j", async (args, message) => {
    const { code, out, err } = await run(args);
    expect(err).toMatch(message);
    expect({ code, out }).toEqual({ code: 2, out: "" });
  });
});

describe("gatehouse check", () => {
  it("shows every setting, and where those that are set stand", async () => {
    const { code, out } = await run(["check"], { GATEHOUSE_ONEGATE_PORT: "0" });
    expect(code).toBe(0);
    expect(out).toContain("onegate.port: 0   # GATEHOUSE_ONEGATE_PORT\n");
    expect(out).toContain("admin.port: 5031\n");
    expect(out).toMatch(/VMs run as processes of this machine: every server listens on loopback\.\n/);
    expect(out.endsWith("The configuration is valid.\n")).toBe(true);
  });

  it("prints JSON", async () => {
    writeFileSync(join(cwd, "one.conf"), ":expire_delta: 1800\n:port: 6\n");
    const { out } = await run(["check", "--json", "--onegate-conf", "one.conf"]);
    const shown: unknown = JSON.parse(out);
    expect(shown).toMatchObject({
      valid: true,
      settings: expect.arrayContaining([{ path: "onegate.port", value: 6, origin: "one.conf line 2" }]),
      notes: expect.arrayContaining([expect.stringContaining(":expire_delta: has no meaning here")]),
    });
  });

  it("warns when guests would be told a loopback address of a server that listens everywhere", async () => {
    const everywhere = { GATEHOUSE_ONEGATE_HOST: "0.0.0.0" };
    expect((await run(["check"], everywhere)).out).toContain("guests are told a loopback address");
    const told = { ...everywhere, GATEHOUSE_ONEGATE_ENDPOINT: "http://10.0.0.1:5030" };
    expect((await run(["check"], told)).out).not.toContain("loopback address");
  });

  it("reads before an OpenNebula what proves the house there, and speaks of the VMs and guests of that", async () => {
    const core = {
      GATEHOUSE_CLOUD_KIND: "opennebula",
      GATEHOUSE_CLOUD_OPENNEBULA_AUTH_FILE: "onegate_auth",
      GATEHOUSE_ONEGATE_HOST: "0.0.0.0",
    };
    expect(await run(["check"], core)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/auth_file cannot be read: .*onegate_auth/),
    });
    writeFileSync(join(cwd, "onegate_auth"), "serveradmin:the password\n", { mode: 0o600 });
    expect((await run(["check"], core)).err).toContain("must hold one line, serveradmin:password");
    writeFileSync(join(cwd, "onegate_auth"), "serveradmin:secret\n", { mode: 0o644 });
    chmodSync(join(cwd, "onegate_auth"), 0o644);
    const { code, out } = await run(["check"], core);
    expect(code).toBe(0);
    expect(out).toMatch(
      /onegate_auth: A secret .* every user of this machine may use\.\nVMs are those of the OpenNebula/,
    );
    expect(out).not.toMatch(/secret$|loopback address|processes of this machine/m);
  });

  it("tells all faults and ends with 2", async () => {
    const { code, out, err } = await run(["check"], {
      GATEHOUSE_ADMIN_PORT: "x",
      GATEHOUSE_LOG_LEVEL: "loud",
    });
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(
      /^gatehouse: the configuration has 2 faults:\n {2}admin\.port is "x".*\n {2}log\.level is "loud"/,
    );
  });
});

describe("a home without a house", () => {
  const WORLD = { users: [{ USER: { ID: "0", NAME: "oneadmin", PASSWORD: "00", TEMPLATE: {} } }] };

  it("takes a world at its first start, and gives it out again into a file of mode 0600", async () => {
    writeFileSync(join(cwd, "world.json"), JSON.stringify(WORLD));
    expect(await run(["import", "world.json"])).toEqual({ code: 0, out: "Imported world.json.\n", err: "" });
    writeFileSync(join(cwd, "out.json"), "old", { mode: 0o644 });
    expect(await run(["export", "out.json"])).toEqual({ code: 0, out: "", err: "" });
    expect(statSync(join(cwd, "out.json")).mode & 0o777).toBe(0o600);
    const text = readFileSync(join(cwd, "out.json"), "utf8");
    expect(JSON.parse(text).users[0].USER).toMatchObject({ NAME: "oneadmin", PASSWORD: "00" });
    expect((await run(["export"])).out).toBe(text);
  });

  it("removes the generated password when the world brings an oneadmin, and keeps it otherwise", async () => {
    writeFileSync(join(cwd, "with.json"), JSON.stringify(WORLD));
    writeFileSync(join(cwd, "without.json"), "{}");
    await run(["import", "--home", "a", "with.json"]);
    await run(["import", "--home", "b", "without.json"]);
    expect(statSync(join(cwd, "a")).mode & 0o777).toBe(0o700);
    expect(() => statSync(join(cwd, "a/one_auth"))).toThrow();
    expect(statSync(join(cwd, "b/one_auth")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(cwd, "b/one_auth"), "utf8")).toMatch(/^oneadmin:\S{20,}\n$/);
  });

  it.each([
    ['{"users": s3cr3t}', "gatehouse: The world is not JSON.\n"],
    ['{"users": "s3cr3t" "s3cr3t"}', "gatehouse: The world is not JSON at position 19.\n"],
  ])("quotes nothing of a text that is no world: %s", async (text, err) => {
    writeFileSync(join(cwd, "broken.json"), text);
    expect(await run(["import", "broken.json"])).toEqual({ code: 2, out: "", err });
  });

  it("refuses a world when it holds something", async () => {
    const template = { VMTEMPLATE: { ID: "1", NAME: "t", UID: "0", GID: "0", TEMPLATE: {} } };
    writeFileSync(join(cwd, "world.json"), JSON.stringify({ templates: [template] }));
    expect(await run(["import", "world.json"])).toMatchObject({ code: 0 });
    expect(await run(["import", "world.json"])).toMatchObject({ code: 2, err: /empty home/ });
  });

  it("knows no VM that is not there", async () => {
    writeFileSync(join(cwd, "world.json"), "{}");
    await run(["import", "world.json"]);
    expect(await run(["token", "0"])).toMatchObject({
      code: 2,
      err: "gatehouse: Error getting virtual machine [0].\n",
    });
  });
});
