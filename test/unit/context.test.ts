import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { contextFiles, contextSh } from "../../gateway/cloud/embedded/context/context-files.ts";
import { contextTemplate } from "../../gateway/cloud/embedded/context/context-template.ts";
import { withNetworkContext } from "../../gateway/cloud/embedded/context/network.ts";
import type { ContextNetwork, ContextSubject } from "../../gateway/cloud/embedded/context/subject.ts";
import { GatehouseError } from "../../shared/errors.ts";
import type { Template, Vector } from "../../shared/template/types.ts";

const vector = z.record(z.string(), z.string());
const value = z.union([z.string(), vector]);
const template = z.record(z.string(), z.union([value, z.array(value)]));

const worldSchema = z.object({
  networks: z.array(
    z.object({
      VNET: z.object({
        ID: z.string(),
        NAME: z.string(),
        BRIDGE: z.string(),
        VN_MAD: z.string(),
        TEMPLATE: template,
        AR_POOL: z.object({ AR: z.record(z.string(), z.unknown()) }),
      }),
    }),
  ),
  templates: z.array(z.object({ VMTEMPLATE: z.object({ ID: z.string(), TEMPLATE: template }) })),
  vms: z.array(z.object({ VM: z.object({ ID: z.string(), NAME: z.string(), TEMPLATE: template }) })),
});

function networkOf({ VNET }: z.infer<typeof worldSchema>["networks"][number]): ContextNetwork {
  const strings = Object.entries(VNET.AR_POOL.AR).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  const attributes = Object.fromEntries(strings);
  return {
    id: Number(VNET.ID),
    name: VNET.NAME,
    bridge: VNET.BRIDGE,
    vnMad: VNET.VN_MAD,
    template: VNET.TEMPLATE,
    ranges: [{ id: Number(attributes.AR_ID), size: Number(attributes.SIZE), nextIndex: 0, attributes }],
  };
}

function readWorld(name: string): z.infer<typeof worldSchema> {
  return worldSchema.parse(JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8")));
}

const alice = { uid: 2, gid: 1, uname: "alice", gname: "users" };

const recorded = ["onegate-world.json", "oneflow-world.json"].flatMap((name) => {
  const world = readWorld(name);
  const networks = new Map(world.networks.map((entry) => [Number(entry.VNET.ID), networkOf(entry)]));
  return world.vms.map(({ VM }) => ({
    name: `VM ${VM.ID} of ${name}`,
    VM,
    networks,
    templates: world.templates,
  }));
});

describe("contextTemplate, against recorded worlds", () => {
  it.each(recorded)("completes the context of $name as OpenNebula did", ({ VM, networks, templates }) => {
    const source = templates.find(({ VMTEMPLATE }) => VMTEMPLATE.ID === VM.TEMPLATE.TEMPLATE_ID);
    const declared = source?.VMTEMPLATE.TEMPLATE.CONTEXT ?? {};
    const completed = contextTemplate({
      vm: {
        ...alice,
        id: Number(VM.ID),
        name: VM.NAME,
        template: { ...VM.TEMPLATE, CONTEXT: declared },
        userTemplate: {},
      },
      networks: (id) => networks.get(id),
      user: { template: { TOKEN_PASSWORD: "0123456789abcdef0123456789abcdef" } },
      onegateEndpoint: "http://127.0.0.1:5030",
    });
    expect(Object.entries(completed ?? {})).toEqual(Object.entries(VM.TEMPLATE.CONTEXT ?? {}));
  });
});

const publicNetwork: ContextNetwork = {
  id: 1,
  name: "public",
  bridge: "br1",
  vnMad: "dummy",
  template: {
    DNS: "9.9.9.9",
    GATEWAY: "192.168.50.1",
    NETWORK_MASK: "255.255.255.0",
    GATEWAY6: "2001:db8:1::1",
  },
  ranges: [{ id: 0, size: 9, nextIndex: 0, attributes: { AR_ID: "0", PREFIX_LENGTH: "64", DNS: "9.9.9.8" } }],
};

function subject(
  context: Vector,
  changes: { template?: Template; userTemplate?: Template; user?: Template } = {},
): ContextSubject {
  return {
    vm: {
      id: 42,
      name: "web",
      ...alice,
      template: {
        CPU: "0.5",
        NIC: [
          { NETWORK: "public", NETWORK_ID: "1", NIC_ID: "0", AR_ID: "0", IP: "192.168.50.10" },
          { NETWORK: "plain", NETWORK_ID: "7", NIC_ID: "1", IP: "10.1.1.1" },
        ],
        ...changes.template,
        CONTEXT: context,
      },
      userTemplate: { DB_NAME: "shop", ...changes.userTemplate },
    },
    networks: (id) => (id === 1 ? publicNetwork : undefined),
    user: {
      template: { SSH_PUBLIC_KEY: "ssh-ed25519 AAAA", TOKEN_PASSWORD: "not-for-guests", ...changes.user },
    },
    onegateEndpoint: undefined,
  };
}

function substituted(text: string, changes: Parameters<typeof subject>[1] = {}): string | undefined {
  return contextTemplate(subject({ VALUE: text }, changes))?.VALUE;
}

describe("context variables", () => {
  it.each([
    ["$NAME", "web"],
    ["host-$NAME.$VMID.example", "host-web.42.example"],
    ["$CPU cores", "0.5 cores"],
    ["$UNAME/$UID", "alice/2"],
    ["$DB_NAME", "shop"],
    ["$USER[SSH_PUBLIC_KEY]", "ssh-ed25519 AAAA"],
    ["$USER[ ssh_public_key ]", "ssh-ed25519 AAAA"],
    ["$TEMPLATE[CPU]$TEMPLATE[DB_NAME]", "0.5shop"],
    ['$NIC[IP, NETWORK="public"]', "192.168.50.10"],
    ['$NIC[IP, NETWORK=\\"plain\\"]', "10.1.1.1"],
    ["$NIC[IP, NIC_ID=1]", "10.1.1.1"],
    ["$NIC[IP]", "192.168.50.10"],
    ['$NETWORK[GATEWAY, NETWORK="public"]', "192.168.50.1"],
    ['$NETWORK[GATEWAY, NAME="public"]', "192.168.50.1"],
    ['$NETWORK[NETWORK_MASK, NETWORK_ID="1"]', "255.255.255.0"],
    ["$NETWORK[DNS, NIC_ID=0]", "9.9.9.8"],
  ])("%s becomes %s", (text, expected) => {
    expect(substituted(text)).toBe(expected);
  });

  it.each(["$MISSING", "$USER[MISSING]", '$NETWORK[DNS, NETWORK="other"]', "$NETWORK[DNS]", "$DISK[SIZE]"])(
    "%s, which names nothing, becomes empty",
    (text) => {
      expect(substituted(`<${text}>`)).toBe("<>");
    },
  );

  it("keeps escaped dollars, and dollars that begin no name", () => {
    expect(substituted("\\$NAME costs 5$ or $(date) ${ $1 $?")).toBe("$NAME costs 5$ or $(date) ${ $1 $?");
  });

  it("never gives out secrets, in any spelling", () => {
    const held = { TOKEN_PASSWORD: "not-for-guests" };
    const changes = { user: held, userTemplate: held, template: { ...held, AUTH: held } };
    const text =
      "$USER[TOKEN_PASSWORD]$user[token_password]$TOKEN_PASSWORD$TEMPLATE[TOKEN_PASSWORD]$AUTH[TOKEN_PASSWORD]";
    expect(substituted(text, changes)).toBe("");
  });

  it("does not read what it put in as variables again", () => {
    expect(substituted("$DB_NAME", { userTemplate: { DB_NAME: "$NAME" } })).toBe("$NAME");
  });

  it("leaves text without dollars and backslashes alone", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const plain = text.replaceAll(/[$\\]/g, "");
        expect(substituted(plain)).toBe(plain);
      }),
    );
  });
});

describe("contextTemplate", () => {
  it("refuses TOKEN=YES when no endpoint is known", () => {
    const attempt = () => contextTemplate(subject({ TOKEN: "yes" }));
    expect(attempt).toThrow(GatehouseError);
    expect(attempt).toThrow("TOKEN set, but onegate endpoint was not defined in oned.conf.");
  });

  it("gives nothing of OneGate without TOKEN, and nothing at all without CONTEXT", () => {
    expect(contextTemplate(subject({ A: "1" }))).toEqual({ A: "1", DISK_ID: "0", TARGET: "hda" });
    const { CONTEXT: _none, ...bare } = subject({}).vm.template;
    expect(contextTemplate({ ...subject({}), vm: { ...subject({}).vm, template: bare } })).toBeUndefined();
  });

  it("puts the context disc after the VM's disks", () => {
    const DISK = [
      { DISK_ID: "0", TARGET: "hda" },
      { DISK_ID: "3", TARGET: "vda" },
    ];
    expect(contextTemplate(subject({}, { template: { DISK } }))).toEqual({ DISK_ID: "4", TARGET: "hdb" });
    expect(contextTemplate(subject({ TARGET: "sdz" }))).toEqual({ DISK_ID: "0", TARGET: "sdz" });
    const asked = contextTemplate(subject({ DEV_PREFIX: "vd" }, { template: { DISK } }));
    expect(asked).toMatchObject({ DISK_ID: "4", TARGET: "vdb" });
  });

  it("tells a guest of its aliases and of IPv6, and asks the address range before the network", () => {
    const NIC_ALIAS = {
      NETWORK_ID: "1",
      AR_ID: "0",
      NIC_ID: "2",
      PARENT_ID: "0",
      ALIAS_ID: "0",
      IP: "192.168.50.20",
      EXTERNAL: "YES",
    };
    const NIC = {
      NETWORK_ID: "1",
      AR_ID: "0",
      NIC_ID: "0",
      IP6: "2001:db8::5",
      VROUTER_IP6_GLOBAL: "2001:db8::1",
    };
    const context = contextTemplate(subject({ NETWORK: "YES" }, { template: { NIC, NIC_ALIAS } })) ?? {};
    expect(context).toMatchObject({
      ETH0_IP6: "2001:db8::5",
      ETH0_IP6_GATEWAY: "2001:db8:1::1",
      ETH0_IP6_PREFIX_LENGTH: "64",
      ETH0_VROUTER_IP6: "2001:db8::1",
      ETH0_DNS: "9.9.9.8",
      ETH0_ALIAS0_IP: "192.168.50.20",
      ETH0_ALIAS0_MASK: "255.255.255.0",
      ETH0_ALIAS0_EXTERNAL: "YES",
    });
    expect(Object.keys(context).filter((name) => name.startsWith("ETH"))).toHaveLength(44);
  });

  it("forgets a detached interface and keeps the user's own names", () => {
    const before = contextTemplate(subject({ NETWORK: "YES", ETH9_NOTE: "mine" })) ?? {};
    expect(before).toHaveProperty("ETH1_IP", "10.1.1.1");
    const after = withNetworkContext(before, { NIC: { NIC_ID: "0", IP: "192.168.50.10" } }, () => undefined);
    expect(after).not.toHaveProperty("ETH1_IP");
    expect(after).toMatchObject({ ETH0_IP: "192.168.50.10", ETH9_NOTE: "mine" });
  });
});

describe("context files", () => {
  let dir = "";
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "gatehouse-context-"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it("writes sorted lines under OpenNebula's heading", () => {
    expect(contextSh({ VMID: "0", ETH0_IP: "10.0.0.1", QUOTED: "it's" })).toBe(
      "# Context variables generated by OpenNebula\nETH0_IP='10.0.0.1'\nQUOTED='it'\\''s'\nVMID='0'\n",
    );
  });

  it("leaves out names that a shell would run instead of assign", () => {
    const text = contextSh({ "A B": "1", "$(reboot)": "2", "1ST": "3", "X;ls": "4", "": "5", GOOD: "6" });
    expect(text).toBe("# Context variables generated by OpenNebula\nGOOD='6'\n");
  });

  it("gives a shell that sources it back every value exactly", () => {
    const file = join(dir, "context.sh");
    const awkward = fc.string({
      unit: fc.constantFrom(
        "'",
        '"',
        "\\",
        "$",
        "`",
        "\n",
        "\r",
        "\t",
        " ",
        "é",
        "😀",
        "!",
        "*",
        "\u0081",
        "x",
      ),
    });
    fc.assert(
      fc.property(fc.oneof(awkward, fc.string({ unit: "binary" })), (generated) => {
        const expected = generated.replaceAll("\0", "");
        writeFileSync(file, contextSh({ K: generated, LATER: "reached" }));
        const shell = spawnSync("/bin/sh", ["-c", '. "$0"; printf "%s" "$K"; [ "$LATER" = reached ]', file]);
        expect(shell.status).toBe(0);
        expect(shell.stdout.toString("utf8")).toBe(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("writes token.txt only where TOKEN is yes, and cannot do without a token there", () => {
    expect(contextFiles({ context: { TOKEN: "yes" }, token: "abc==" }).tokenTxt).toBe("abc==\n");
    expect(contextFiles({ context: { TOKEN: "NO" }, token: "abc==" }).tokenTxt).toBeUndefined();
    expect(() => contextFiles({ context: { TOKEN: "YES" }, token: undefined })).toThrow(
      "Cannot generate OneGate token: TOKEN_PASSWORD not set in the user template.",
    );
    expect(contextFiles({ context: { A: "x\0y", "B C": "1" }, token: undefined }).variables).toEqual({
      A: "xy",
    });
  });
});
