import { readFileSync, statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ADMIN_COMMAND_NAMES } from "../../gateway/cli/one/commands.ts";
import { runLine } from "../support/admin-command.ts";
import { useAdminDesk } from "../support/admin-desk.ts";

const desk = useAdminDesk();

describe("what is printed", () => {
  it("is the document as JSON, in OpenNebula's form", async () => {
    const { out } = await desk.callsOf(["onevm", "show", "0", "--json"]);
    expect(JSON.parse(out)).toMatchObject({ VM: { ID: "0", TEMPLATE: { NIC: { IP: "10.0.0.10" } } } });
    const pool = JSON.parse((await desk.callsOf(["onevm", "list", "-j"])).out);
    expect(pool.VM_POOL.VM).toHaveLength(11);
  });

  it("is the document as XML, as it came", async () => {
    const { out } = await desk.callsOf(["onevm", "show", "0", "-x"]);
    expect(out).toMatch(/^<VM>\n {2}<ID>0<\/ID>\n/);
    expect(out).toContain("      <IP><![CDATA[10.0.0.10]]></IP>\n");
  });

  it("are the rows and columns asked for", async () => {
    const line = ["onevm", "list", "-l", "id,name", "-f", "NAME~vr1,STAT=runn", "--sort", "-NAME", "--csv"];
    expect((await desk.callsOf(line)).out).toBe("ID,NAME\n2,vr1-1\n1,vr1-0\n");
    expect((await desk.callsOf([...line, "--no-header", "--csv-del", ";"])).out).toBe("2;vr1-1\n1;vr1-0\n");
  });

  it("is wider on a wide terminal", async () => {
    const result = await runLine(desk.core, desk.credentials, ["onevm", "list"], { columns: 200 });
    expect(result.out).toContain("worker_2_(service_210)");
  });

  it("is what the columns are, without asking anyone", async () => {
    const { out, calls } = await desk.callsOf(["onevm", "list", "--describe"]);
    expect(out).toMatch(/^ID {18}: Id\n/);
    expect(calls).toEqual([]);
  });

  it("shows the VMs of a host", async () => {
    const { out } = await desk.callsOf(["onehost", "show", "dummyhost0"]);
    expect(out).toMatch(/\n\nVIRTUAL MACHINES\n {4}ID USER {5}GROUP/);
    expect(out.split("VIRTUAL MACHINES\n")[1]?.trimEnd().split("\n")).toHaveLength(4);
  });
});

describe("login tokens", () => {
  const sessionFile = () => readFileSync(desk.credentials.file, "utf8");

  it("are printed, and leave the credentials as they are", async () => {
    const { out, err, calls } = await desk.callsOf([
      "oneuser",
      "token-create",
      "--time",
      "-1",
      "--group",
      "users",
    ]);
    expect(calls.at(-1)).toEqual(["one.user.login", "alice", "", "-1", "1"]);
    expect(out).toBe("Authentication Token is:\nalice:0123456789abcdef\n");
    expect(err).toContain("exists and stays as it is");
    expect(sessionFile()).toBe("alice:alicepw\n");
  });

  it("replace the credentials when told to, for their owner's eyes only", async () => {
    const { err } = await desk.callsOf(["oneuser", "login", "--force"]);
    expect(err).toBe(`${desk.credentials.file} holds it now.\n`);
    expect(sessionFile()).toBe("alice:0123456789abcdef\n");
    expect(statSync(desk.credentials.file).mode & 0o777).toBe(0o600);
  });

  it("are listed", async () => {
    expect((await desk.callsOf(["oneuser", "token-show"])).out).toBe(
      "TOKEN       EGID           EXPIRATION\n",
    );
  });
});

describe("help", () => {
  it.each(ADMIN_COMMAND_NAMES)("%s explains itself and each sub-command, with examples", async (name) => {
    const { code, out } = await desk.callsOf([name, "--help"]);
    expect(code).toBe(0);
    const commands = [...out.matchAll(/^ {2}([a-z-]+) \[options\]/gm)].map(([, command]) => String(command));
    expect(commands).toContain("list");
    for (const command of commands) {
      const help = (await desk.callsOf([name, command, "--help"])).out;
      expect(help).toMatch(
        new RegExp(`Usage: ${name} ${command}[\\s\\S]*Examples:\\n {2}${name} ${command}`),
      );
    }
  });

  it("tells the version", async () => {
    expect((await desk.callsOf(["onevm", "--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
