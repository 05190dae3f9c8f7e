import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { environmentName, LEAVES } from "../../gateway/config/leaves.ts";
import { isLoopback, processDriverUse, urlOf } from "../../gateway/config/listening.ts";
import { oneGateSettings } from "../../gateway/config/onegate-settings.ts";
import { type ConfigSources, type LoadedConfig, loadConfig } from "../../gateway/config.ts";
import { nearest } from "../../shared/nearest.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/config");
let cwd = "";

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "config-"));
});

afterEach(() => rmSync(cwd, { recursive: true, force: true }));

function file(path: string, text: string): string {
  const full = join(cwd, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
}

function load(sources: Partial<ConfigSources> = {}): LoadedConfig {
  return loadConfig({ env: {}, cwd, ...sources });
}

function refusal(sources: Partial<ConfigSources>): string {
  try {
    load(sources);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "nothing was refused";
}

describe("the configuration", () => {
  it("needs nothing: every server listens on loopback, every call of OneGate is open", () => {
    const { config, origins } = load();
    expect(config.home).toBe(join(cwd, "var"));
    expect(config.onegate).toMatchObject({ enabled: true, host: "127.0.0.1", port: 5030 });
    expect(config.admin).toEqual({ host: "127.0.0.1", port: 5031, metrics: { enabled: true } });
    expect(config.cloud).toMatchObject({ driver: "process", dummy_boot_ms: 0 });
    expect(Object.values(config.onegate.permissions).flatMap((group) => Object.values(group))).not.toContain(
      false,
    );
    expect(origins.size).toBe(0);
  });

  it("lets the later source win: onegate-server.conf, gatehouse.yaml, environment, command line", () => {
    const conf = file("one.conf", ":host: 127.0.0.1\n:port: 1001\n:debug_level: 0\n:restricted_attrs: [A]\n");
    const configFile = file(
      "g.yaml",
      `onegate:\n  conf_file: ${conf}\n  port: 1002\n  host: 127.0.0.2\nadmin:\n  port: 2\n`,
    );
    const env = { GATEHOUSE_ONEGATE_HOST: "127.0.0.3", GATEHOUSE_ADMIN_PORT: "3" };
    const commandLine = [{ path: "admin.port", value: 4, origin: "--test" }];
    const { config, origins } = load({ configFile, env, commandLine });
    expect(config.log.level).toBe("error");
    expect(config.onegate).toMatchObject({ host: "127.0.0.3", port: 1002, restricted_attrs: ["A"] });
    expect(config.admin.port).toBe(4);
    expect(Object.fromEntries(origins)).toMatchObject({
      "log.level": "one.conf line 3",
      "onegate.port": "g.yaml line 3",
      "onegate.host": "GATEHOUSE_ONEGATE_HOST",
      "admin.port": "--test",
    });
  });

  it("reads gatehouse.yaml in the home that the environment or the command line names", () => {
    file("house/gatehouse.yaml", "admin: { port: 7 }\n");
    expect(load({ env: { GATEHOUSE_HOME: "house" } }).config.admin.port).toBe(7);
    const commandLine = [{ path: "home", value: "house", origin: "--home" }];
    expect(load({ env: { GATEHOUSE_HOME: "elsewhere" }, commandLine }).config.admin.port).toBe(7);
  });

  it("takes relative paths in a file from that file's folder", () => {
    file("etc/one.conf", ":port: 77\n");
    const configFile = file("etc/g.yaml", "home: ../srv\nonegate: { conf_file: one.conf }\n");
    const { config } = load({ configFile: "etc/g.yaml" });
    expect(configFile).toBe(join(cwd, "etc/g.yaml"));
    expect(config.home).toBe(join(cwd, "srv"));
    expect(config.onegate.port).toBe(77);
  });

  it("has an environment variable for every setting, and each is heeded", () => {
    const texts = { text: "x", number: "3", boolean: "no", list: "A, B" };
    const special: Record<string, string> = {
      "onegate.ssl_server": "https://a.example/",
      "onegate.endpoint": "http://a.example:1",
      "onegate.conf_file": "",
      "monitor.conf_file": "",
      "onegate.oneflow_server": "http://a.example:2474",
      "oneflow.shutdown_action": "terminate-hard",
      "oneflow.time_zone": "Europe/Madrid",
      "oneflow.max_body_bytes": "4096",
      "monitor.accept_text": "clear",
      "monitor.agents": "none",
      "monitor.drivers": "kvm one_im_ssh kvm, dummy one_im_sh dummy",
      "monitor.max_waiting_datagrams": "16",
      "onegate.max_body_bytes": "4096",
      "onegate.profile": "hardened",
      "onegate.identity.lifetime_s": "60",
      "onegate.identity.rotation_s": "3600",
      "onegate.audit.max_bytes": "65536",
      "onegate.max_connections": "16",
      "onegate.trusted_proxies": "10.0.0.1, fd00::/8",
      "cloud.process.enabled": "never",
      "cloud.process.max_log_bytes": "4096",
      "cloud.kind": "opennebula",
      "cloud.opennebula.endpoint": "http://a.example:2633/RPC2",
      "cloud.opennebula.core_auth": "x509",
      "cloud.opennebula.hooks": "tcp://a.example:2101",
      "cloud.opennebula.poll_interval_ms": "100",
      "cloud.opennebula.timeout_ms": "100",
      "cloud.driver": "dummy",
      "cloud.qemu.enabled": "never",
      "cloud.qemu.accelerator": "tcg",
      "cloud.qemu.network": "user",
      "cloud.qemu.max_log_bytes": "4096",
      "log.level": "debug",
    };
    for (const { path, kind } of LEAVES) {
      if (path.endsWith(".conf_file")) continue;
      const env = { [environmentName(path)]: special[path] ?? texts[kind] };
      expect([path, load({ env }).origins.get(path)]).toEqual([path, environmentName(path)]);
    }
    expect(new Set(LEAVES.map(({ path }) => environmentName(path))).size).toBe(LEAVES.length);
  });

  it("reads booleans, numbers and lists from the environment, and an empty list from an empty text", () => {
    const env = {
      GATEHOUSE_ONEGATE_ENABLED: "No",
      GATEHOUSE_ONEGATE_PERMISSIONS_VM_UPDATE: "false",
      GATEHOUSE_ONEGATE_PORT: "0",
      GATEHOUSE_ONEGATE_RESTRICTED_ATTRS: "A, B",
      GATEHOUSE_ONEGATE_RESTRICTED_ACTIONS: "",
      GATEHOUSE_ONEGATE_SSL_SERVER: "",
    };
    const { onegate } = load({ env }).config;
    expect(onegate).toMatchObject({
      enabled: false,
      port: 0,
      restricted_attrs: ["A", "B"],
      restricted_actions: [],
    });
    expect(onegate.permissions.vm).toMatchObject({ update: false, show: true });
    expect(onegate.ssl_server).toBeUndefined();
  });

  it("tells all faults together, each with path, value, source and what is allowed", () => {
    const configFile = file("g.yaml", "onegate:\n  prot: 1\n  restricted_attrs: [1]\nlgo: 1\nadmin: 5\n");
    const env = {
      GATEHOUSE_ADMIN_PORT: "70000",
      GATEHOUSE_ONEGATE_ENABLED: "maybe",
      GATEHOUSE_CLOUD_DRIVR: "x",
    };
    expect(refusal({ configFile, env }).split("\n")).toEqual([
      "the configuration has 7 faults:",
      "  onegate.prot is not a setting (g.yaml line 2); did you mean port?",
      "  lgo is not a setting (g.yaml line 4); did you mean log?",
      "  admin is 5 (g.yaml line 5); it is a section with host, port, metrics",
      '  onegate.enabled is "maybe" (GATEHOUSE_ONEGATE_ENABLED); it must be true or false: whether OneGate listens',
      "  GATEHOUSE_CLOUD_DRIVR in the environment is not a setting; did you mean GATEHOUSE_CLOUD_DRIVER?",
      "  onegate.restricted_attrs is [1] (g.yaml line 3); it must be a list of attributes that a VM may not write, each of letters, digits and _",
      "  admin.port is 70000 (GATEHOUSE_ADMIN_PORT); it must be a whole number from 0 to 65535: a TCP port, 0 for any free one",
    ]);
  });

  it.each([
    ["onegate: [\n", /g\.yaml line \d+ is not YAML/],
    ["- a\n", /g\.yaml line 1 holds no settings/],
    ["onegate:\n  port: 1\n  port: 2\n", /g\.yaml line 3 is not YAML/],
    ["onegate:\n  host: http://x/\n", /onegate\.host is "http:\/\/x\/" \(g\.yaml line 2\)/],
    ["onegate:\n  port: '80'\n", /onegate\.port is "80"/],
    ["onegate:\n  endpoint: ftp://x/\n", /onegate\.endpoint is "ftp:\/\/x\/".*http or https/],
    [
      `a: &a [${"x,".repeat(9)}]\nb: &b [${"*a,".repeat(20)}]\nc: [${"*b,".repeat(20)}]\n`,
      /cannot be resolved/,
    ],
    ["home: ''\n", /home is ""/],
  ])("refuses the file %j", (text, message) => {
    expect(refusal({ configFile: file("g.yaml", text) })).toMatch(message);
  });

  it("refuses files that are missing or too large", () => {
    expect(refusal({ configFile: "none.yaml" })).toMatch(/none\.yaml cannot be read/);
    expect(refusal({ configFile: file("big.yaml", `#${"x".repeat(1_100_000)}`) })).toMatch(/bytes/);
  });

  it("refuses a home's own file that names another home", () => {
    file("var/gatehouse.yaml", "home: /elsewhere\n");
    expect(refusal({})).toMatch(/home is "\/elsewhere" \(gatehouse\.yaml line 1\)/);
  });

  it("takes an empty file, and names without values, for nothing", () => {
    expect(load({ configFile: file("g.yaml", "") }).origins.size).toBe(0);
    expect(load({ configFile: file("g.yaml", "onegate:\nadmin:\n  port:\n") }).config.admin.port).toBe(5031);
  });

  it("only mentions GATEHOUSE_ variables that are like none of ours", () => {
    expect(load({ env: { GATEHOUSE_SERVICE_HOST: "10.0.0.1" } }).notes).toEqual([
      "GATEHOUSE_SERVICE_HOST in the environment is no setting of this version.",
    ]);
  });
});

describe("OpenNebula's onegate-server.conf", () => {
  function read(text: string): LoadedConfig {
    return load({
      commandLine: [{ path: "onegate.conf_file", value: file("o.conf", text), origin: "--onegate-conf" }],
    });
  }

  function refused(text: string): string {
    return refusal({
      commandLine: [{ path: "onegate.conf_file", value: file("o.conf", text), origin: "x" }],
    });
  }

  function fixture(name: string): LoadedConfig {
    const value = join(FIXTURES, name);
    return load({ commandLine: [{ path: "onegate.conf_file", value, origin: "--onegate-conf" }] });
  }

  it("is read as seed 003 prints it, though its lists lack their colons", () => {
    const { config, notes } = fixture("onegate-server-5.10.conf");
    expect(config.log.level).toBe("debug");
    expect(config.onegate).toMatchObject({
      host: "127.0.0.1",
      port: 5030,
      restricted_attrs: ["SCHED_REQUIREMENTS", "SERVICE_ID", "ROLE_NAME"],
      restricted_actions: ["reboot"],
    });
    // It names no permissions of vrouter and vnet, and what is not named is not given.
    expect(config.onegate.permissions).toEqual({
      vm: { show: true, show_by_id: true, update: true, update_by_id: true, action_by_id: true },
      service: { show: true, change_cardinality: true },
      vrouter: { show: false },
      vnet: { show_by_id: false },
    });
    expect(notes.join("\n")).toMatch(
      /:one_xmlrpc: counts with cloud\.kind opennebula[\s\S]*vnet\.show_by_id/,
    );
  });

  it("is read in its newer form, whose :server: puts the old names aside", () => {
    const { config, notes, origins } = fixture("onegate-server-7.conf");
    expect(config.log.level).toBe("warn");
    expect(config.onegate).toMatchObject({
      host: "0.0.0.0",
      port: 5031,
      ssl_server: "https://gate.example.org/",
      restricted_attrs: ["SCHED_REQUIREMENTS", "SERVICE_ID", "ROLE_NAME"],
      restricted_actions: ["terminate", "reboot"],
      vnet_template_attributes: ["GATEWAY", "DNS"],
    });
    expect(config.onegate.permissions.vm).toMatchObject({ show_by_id: true, update_by_id: false });
    expect(origins.get("onegate.host")).toBe("onegate-server-7.conf line 3");
    for (const name of ["threads", "system", "host", "expire_delta", "expire_margin", "one_xmlrpc"]) {
      expect(notes.some((note) => note.includes(`:${name}:`))).toBe(true);
    }
  });

  it("keeps defaults for keys without values, and takes an empty list for an empty list", () => {
    const { onegate } = read(
      ":restricted_actions:\n:restricted_attrs:\n:permissions:\n:ssl_server:\n:host:\n",
    ).config;
    expect(onegate).toEqual({ ...load().config.onegate, conf_file: join(cwd, "o.conf") });
    expect(read(":restricted_actions: []\n").config.onegate.restricted_actions).toEqual([]);
  });

  it("reads symbols, numbers in quotes, and IPv6 addresses", () => {
    const { onegate } = read(
      ":host: '::1'\n:port: '5040'\n:restricted_actions: [:stop]\n:auth: :onegate\n",
    ).config;
    expect(onegate).toMatchObject({ host: "::1", port: 5040, restricted_actions: ["stop"] });
  });

  it.each([
    [":hsot: x\n", /hsot is not a setting \(o\.conf line 1\); did you mean host\?/],
    [":auth: x509\n", /:auth: is "x509" \(o\.conf line 1\)/],
    [":debug_level: 4\n", /log\.level is 4 \(o\.conf line 1\)/],
    ["\n:port: many\n", /onegate\.port is "many" \(o\.conf line 2\)/],
    [":restricted_attrs: A\n", /onegate\.restricted_attrs is "A" \(o\.conf line 1\)/],
    [
      ":permissions:\n  :vm:\n    :shwo: true\n",
      /onegate\.permissions\.vm\.shwo.*line 3.*did you mean onegate\.permissions\.vm\.show\?/,
    ],
    [
      ":permissions:\n  :vms:\n    :show: true\n",
      /onegate\.permissions\.vms is not a setting \(o\.conf line 2\)/,
    ],
    [":permissions: all\n", /:permissions: is "all"/],
    [":permissions:\n  :vm: true\n", /onegate\.permissions\.vm is true \(o\.conf line 2\)/],
  ])("refuses %j with its line", (text, message) => {
    expect(refused(text)).toMatch(message);
  });
});

describe("what follows from the configuration", () => {
  it("hands OneGate its settings, and its own defaults back", () => {
    const env = {
      GATEHOUSE_ONEGATE_RESTRICTED_ACTIONS: "stop",
      GATEHOUSE_ONEGATE_SSL_SERVER: "https://x.example/",
    };
    expect(oneGateSettings(load().config).restrictedActions).toEqual(["reboot"]);
    expect(oneGateSettings(load({ env }).config)).toMatchObject({
      restrictedActions: ["stop"],
      sslServer: "https://x.example/",
      maxBodyBytes: 1_048_576,
    });
  });

  it("lets VMs run as processes by itself only while nobody else can reach the house", () => {
    const use = (env: Record<string, string>) => processDriverUse(load({ env }).config);
    expect(use({}).allowed).toBe(true);
    expect(use({ GATEHOUSE_ONEGATE_HOST: "0.0.0.0" })).toEqual({
      allowed: false,
      reason: "beyond loopback listens: onegate",
    });
    expect(use({ GATEHOUSE_ADMIN_HOST: "192.168.0.1" }).allowed).toBe(false);
    expect(use({ GATEHOUSE_ONEGATE_HOST: "::", GATEHOUSE_ONEGATE_ENABLED: "no" }).allowed).toBe(true);
    expect(use({ GATEHOUSE_ONEGATE_HOST: "::", GATEHOUSE_CLOUD_PROCESS_ENABLED: "always" }).allowed).toBe(
      true,
    );
    expect(use({ GATEHOUSE_CLOUD_PROCESS_ENABLED: "never" }).allowed).toBe(false);
  });

  it.each([
    ["127.0.0.1", true],
    ["127.8.9.1", true],
    ["::1", true],
    ["LocalHost", true],
    ["0.0.0.0", false],
    ["::", false],
    ["127.evil.example", false],
    ["10.0.0.1", false],
  ])("knows whether %s is loopback: %s", (host, loopback) => {
    expect(isLoopback(host)).toBe(loopback);
  });

  it.each([
    ["127.0.0.1", "http://127.0.0.1:8"],
    ["0.0.0.0", "http://127.0.0.1:8"],
    ["::", "http://[::1]:8"],
    ["fe80::1", "http://[fe80::1]:8"],
    ["gate.example", "http://gate.example:8"],
  ])("names a server on %s as %s", (host, url) => {
    expect(urlOf(host, 8)).toBe(url);
  });

  it("guesses what was meant, unless nothing is near", () => {
    expect(nearest("restricted_attr", ["restricted_actions", "restricted_attrs"])).toBe("restricted_attrs");
    expect(nearest("zzz", ["host", "port"])).toBeUndefined();
  });
});
