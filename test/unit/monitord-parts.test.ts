/** What the daemon that oned starts reads: its arguments, its files, lines, and hosts. */

import { describe, expect, it } from "vitest";
import { monitordArguments } from "../../gateway/cli/monitord.ts";
import { loadConfig } from "../../gateway/config.ts";
import { readOnedConf } from "../../gateway/main/oned-conf.ts";
import { monitordSettings, onePlaces } from "../../gateway/main/serve-monitord.ts";
import { BoundedLines, TOO_LONG } from "../../gateway/monitor/dropin/bounded-lines.ts";
import { printCoreLine, readCoreLine } from "../../gateway/monitor/dropin/core-line.ts";
import { readHosts, readStoppedHost } from "../../gateway/monitor/dropin/host-document.ts";
import { hostXml } from "../support/scripted-oned.ts";

describe("the command line", () => {
  it("is taken as oned passes it, in one word, and as a person writes it", () => {
    const expected = { config: "my.conf", onedConfig: "oned.conf", says: undefined };
    expect(monitordArguments(["-c my.conf"])).toEqual(expected);
    expect(monitordArguments(["--config", "my.conf", "-o", "oned.conf"])).toEqual(expected);
    expect(monitordArguments([]).config).toBe("monitord.conf");
    expect(() => monitordArguments(["-x"])).toThrow();
  });

  it("finds OpenNebula's folders by ONE_LOCATION", () => {
    expect(onePlaces({})).toMatchObject({ etc: "/etc/one", mads: "/usr/lib/one/mads" });
    expect(onePlaces({ ONE_LOCATION: "/srv/one" })).toMatchObject({
      etc: "/srv/one/etc",
      var: "/srv/one/var",
    });
  });
});

describe("oned.conf", () => {
  const read = (db: string) =>
    readOnedConf("oned.conf", `# comment\nPORT = 2633\nDB = [ ${db} ]\n`, "/var/lib/one");

  it("names the database, in the letters of either case", () => {
    expect(read('backend = "sqlite", TIMEOUT = 100').database).toEqual({
      backend: "sqlite",
      options: { path: "/var/lib/one/one.db", busyMs: 100 },
    });
    expect(
      read('BACKEND="mysql", SERVER="db", PORT=0, USER="u", PASSWD="p\\"w", DB_NAME="o"').database,
    ).toEqual({
      backend: "mysql",
      options: { server: "db", port: 0, user: "u", password: 'p"w', database: "o" },
    });
  });

  it("is refused without a word of its password", () => {
    expect(() => read('BACKEND="oracle", PASSWD="secret"')).toThrow(/BACKEND/);
    expect(() => read('BACKEND="mysql", PORT=secret')).toThrow(
      /^oned.conf has a DB\/PORT that is no whole number\.$/,
    );
  });
});

describe("text from beyond loopback", () => {
  const settings = (env: Record<string, string>) =>
    monitordSettings(loadConfig({ env, cwd: "/nonexistent" }));

  it("is taken in clear as upstream does, with a key only encrypted, and as the environment says", () => {
    expect(settings({})).toMatchObject({ host: "0.0.0.0", settings: { acceptText: "clear" } });
    const key = { GATEHOUSE_MONITOR_PRIVATE_KEY_FILE: "/etc/one/key" };
    expect(settings(key).settings.acceptText).toBe("encrypted");
    expect(settings({ ...key, GATEHOUSE_MONITOR_ACCEPT_TEXT: "off" }).settings.acceptText).toBe("off");
  });
});

describe("a line", () => {
  it("is printed as oned reads it, and read as oned prints it", () => {
    const line = printCoreLine("HOST_STATE", "-", 3, "ERROR why");
    expect(line).toMatch(/^HOST_STATE - 3 [A-Za-z0-9+/]+=*\n$/);
    const swapped = Buffer.from(line.trimEnd().replace("HOST_STATE", "UPDATE_HOST"));
    expect(readCoreLine(swapped)).toEqual({ type: "UPDATE_HOST", oid: 3, payload: "ERROR why" });
    expect(printCoreLine("LOG", "E", -1, "")).toBe("LOG E -1 \n");
    expect(readCoreLine(Buffer.from("INIT"))).toEqual({ type: "INIT", oid: -1, payload: "" });
    expect(readCoreLine(Buffer.from("DEL_HOST - 12 "))).toEqual({ type: "DEL_HOST", oid: 12, payload: "" });
  });

  it.each([
    "",
    " ",
    "WHAT",
    "init",
    "UPDATE_HOST - -2 ",
    "UPDATE_HOST - 3 ???",
    "UPDATE_HOST - 3 AAAA",
    "DEL_HOST - 12345678901 ",
  ])("that is none is refused: %j", (line) => {
    expect(() => readCoreLine(Buffer.from(line))).toThrow();
  });

  it("holds nothing that oned could not keep in XML, whatever a host says", () => {
    const line = printCoreLine("HOST_STATE", "-", 3, "ERROR \u001b[31m\ud800\ufffe\t\n");
    const swapped = Buffer.from(line.replace("HOST_STATE", "UPDATE_HOST"));
    expect(readCoreLine(swapped).payload).toBe("ERROR \ufffd[31m\ufffd\ufffd\t\n");
  });

  it("is put together however it is cut, and left out when it is too long", () => {
    const lines = new BoundedLines(4);
    const told = ["a", "b\nc", "defgh", "ij\n\nabcd\nabcde\nz\n"].flatMap((piece) =>
      lines.push(Buffer.from(piece)),
    );
    expect(told.map((line) => (line === TOO_LONG ? line : line.toString()))).toEqual([
      "ab",
      TOO_LONG,
      "abcd",
      TOO_LONG,
      "z",
    ]);
  });
});

describe("hosts", () => {
  it("are read of a pool and alone, whatever else stands in their documents", async () => {
    const hosts = await readHosts(
      `<HOST_POOL>${hostXml({ id: 1 })}<HOST><NAME>x</NAME></HOST>${hostXml({ id: 2, state: 8 })}</HOST_POOL>`,
    );
    expect(hosts.map(({ id, name, state, imMad }) => ({ id, name, state, imMad }))).toEqual([
      { id: 1, name: "host1", state: 0, imMad: "kvm" },
      { id: 2, name: "host2", state: 8, imMad: "kvm" },
    ]);
    const [alone] = await readHosts(hostXml({ id: 7 }));
    expect(alone?.id).toBe(7);
    expect(alone?.template).toEqual({
      NAME: "not the host's",
      RESERVED_CPU: "",
      PCI: [{ A: "1", B: "<" }, { A: "2" }],
    });
    expect(await readHosts("<HOST_POOL/>")).toEqual([]);
  });

  it("are all read where one of them told control characters, however the list is cut", async () => {
    const hostile = hostXml({ id: 0, name: "a\u001b[31m\ufffe" });
    const usual = Array.from({ length: 200 }, (_, id) => hostXml({ id: id + 1 })).join("");
    // The list is read in slices of 262,144 characters: one of the two has the halves of a pair on both sides of that.
    for (const padding of ["", "x"]) {
      const text = `${padding}${"😀".repeat(120_000)}`;
      const large = `<HOST><ID>201</ID><TEMPLATE><A>${text}</A></TEMPLATE></HOST>`;
      const hosts = await readHosts(`<HOST_POOL>${hostile}${usual}${large}</HOST_POOL>`);
      expect(hosts.length).toBe(202);
      expect(hosts[0]?.name).toBe("a\ufffd[31m\ufffd");
      expect(hosts.at(-1)?.template.A === text).toBe(true);
    }
  });

  it("that are stopped are known by their document, or by name and driver alone", () => {
    expect(readStoppedHost(7, hostXml({ id: 7, name: "n" }))).toMatchObject({
      id: 7,
      name: "n",
      imMad: "kvm",
    });
    const template = "<TEMPLATE><NAME>n</NAME><IM_MAD>lxc</IM_MAD></TEMPLATE>";
    expect(readStoppedHost(7, template)).toMatchObject({ id: 7, name: "n", imMad: "lxc" });
  });
});
