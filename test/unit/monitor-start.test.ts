import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { inflateSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Host } from "../../gateway/cloud/model.ts";
import { monitorSettingsSchema } from "../../gateway/monitor/settings.ts";
import { readAgentLog } from "../../gateway/monitor/start-child.ts";
import { DriverAgents } from "../../gateway/monitor/start-driver.ts";
import { SshAgents } from "../../gateway/monitor/start-ssh.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import type { TextMessage } from "../../shared/monitor/message.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { scratchDirectory } from "../support/house.ts";
import { manualClock } from "../support/manual-clock.ts";
import { blankHost } from "../support/scripted-hosts.ts";

const PROGRAM = fileURLToPath(new URL("../support/monitor-driver.mjs", import.meta.url));

let scratch: ReturnType<typeof scratchDirectory>;
let close: () => Promise<void>;

beforeEach(() => {
  scratch = scratchDirectory("start");
  close = async () => undefined;
});

afterEach(async () => {
  await close();
  scratch.remove();
});

const host = (id: number, name = "node1"): Host => ({ ...blankHost, id, name, imMad: "kvm", vmMad: "kvm" });

describe("a site's own driver", () => {
  function drivers(behaviour: string, clock: Clock = systemClock) {
    const note = path.join(scratch.path, "note");
    const taken: TextMessage[] = [];
    const agents = new DriverAgents({
      drivers: [`kvm ${process.execPath} ${PROGRAM} ${behaviour} ${note}`],
      directory: "/nowhere",
      configuration: () => ({
        address: "auto",
        port: 4124,
        publicKey: "-----BEGIN",
        periods: monitorSettingsSchema.parse({}).periods,
      }),
      take: (message) => taken.push(message),
      environment: process.env,
      clock,
      log: silentLogger,
    });
    close = () => agents.close();
    return { agents, taken, lines: () => readFileSync(note, "utf8").trim().split("\n") };
  }

  it("starts and stops agents over its pipe, and hands on what they told first, the host before its VMs' figures", async () => {
    const { agents, taken, lines } = drivers("works");
    expect([agents.knows(host(3)), agents.knows({ ...host(3), imMad: "dummy" })]).toEqual([true, false]);
    await Promise.all([agents.start(host(3)), agents.start(host(4))]);
    expect(taken.filter(({ oid }) => oid === 3)).toEqual([
      {
        type: "STATE_VM",
        status: "SUCCESS",
        oid: 3,
        timestamp: 1_700_000_000,
        payload: expect.stringContaining("SYNC_STATE"),
      },
      {
        type: "SYSTEM_HOST",
        status: "SUCCESS",
        oid: 3,
        timestamp: 1_700_000_000,
        payload: expect.stringContaining("TOTALCPU=1600"),
      },
      {
        type: "MONITOR_HOST",
        status: "SUCCESS",
        oid: 3,
        timestamp: 1_700_000_000,
        payload: expect.stringContaining("FREECPU"),
      },
    ]);
    await agents.stop(host(3));
    await agents.close();
    const [init, start, , stop, end] = lines();
    expect([init, stop?.startsWith("STOP_MONITOR - 3 - "), end]).toEqual(["INIT", true, "FINALIZE"]);
    const xml = inflateSync(Buffer.from(start?.split(" ")[4] ?? "", "base64")).toString("utf8");
    expect(xmlToTree(xml)).toMatchObject({
      name: "MONITOR_DRIVER_ACTION",
      node: {
        HOST: { ID: "3", NAME: "node1", IM_MAD: "kvm" },
        MONITOR_CONFIGURATION: {
          NETWORK: { MONITOR_ADDRESS: "auto", PORT: "4124", PUBKEY: "-----BEGIN" },
          PROBES_PERIOD: { BEACON_HOST: "30", STATE_VM: "5", SYNC_STATE_VM: "180" },
        },
      },
    });
  });

  it("has time for one host while it answers for others, and none when it answers nothing any more", async () => {
    const clock = manualClock();
    const { agents } = drivers("leaves-9", clock);
    let outcome = "waits";
    const left = agents.start(host(9)).catch((error: Error) => {
      outcome = error.message;
    });
    for (let starts = 0; starts < 5; starts += 1) {
      await agents.start(host(3));
      clock.advance(200_000);
      await agents.start(host(4));
      expect(outcome).toBe("waits");
    }
    clock.advance(300_000);
    await left;
    expect(outcome).toBe("the driver kvm did not answer within 300 s");
  });

  it.each([
    ["refuses", "Could not update remotes"],
    ["dies", "ended with exit code 3"],
    ["broken", "did not initialise"],
    ["babbles", "printed what is no message"],
  ])("that %s tells why, and is started anew for the next host", async (behaviour, reason) => {
    const { agents } = drivers(behaviour);
    await expect(agents.start(host(3))).rejects.toThrow(reason);
    await expect(agents.start(host(4))).rejects.toThrow(reason);
  });

  it("that is not there is a sentence, not a crash", async () => {
    const { agents } = drivers("works");
    const lost = new DriverAgents({
      drivers: ["kvm one_im_ssh -r 3"],
      directory: scratch.path,
      configuration: () => ({
        address: "auto",
        port: 1,
        publicKey: "",
        periods: monitorSettingsSchema.parse({}).periods,
      }),
      take: () => undefined,
      environment: {},
      clock: systemClock,
      log: silentLogger,
    });
    await expect(lost.start(host(3))).rejects.toThrow("cannot be started");
    await lost.close();
    await agents.close();
  });
});

describe("our agent through ssh", () => {
  /** Runs the command in a home of its own, as the other end would, and notes its arguments. */
  const FAKE_SSH = `#!/bin/sh
printf '%s\\n' "$*" >> "$FAKE_ROOT/calls"
for last in "$@"; do command="$last"; done
cd "$FAKE_ROOT/home" && exec sh -c "$command"
`;
  const AGENT = "console.log('agent');\n";

  function overSsh(script = FAKE_SSH) {
    const bin = path.join(scratch.path, "bin");
    mkdirSync(bin);
    mkdirSync(path.join(scratch.path, "home"));
    writeFileSync(path.join(bin, "ssh"), script);
    chmodSync(path.join(bin, "ssh"), 0o755);
    const bundle = path.join(scratch.path, "agent.cjs");
    writeFileSync(bundle, AGENT);
    const environment = { PATH: `${bin}:${process.env.PATH}`, FAKE_ROOT: scratch.path };
    return new SshAgents({ bundle, environment, clock: systemClock });
  }

  const calls = () => readFileSync(path.join(scratch.path, "calls"), "utf8").trim().split("\n");

  it("is brought once, whole, and run where it was put", async () => {
    const ssh = overSsh();
    const command = await ssh.commandFor(host(3));
    const sum = createHash("sha256").update(AGENT).digest("hex").slice(0, 16);
    expect(command.slice(-3)).toEqual([
      "--",
      "node1",
      expect.stringContaining(`.gatehouse-agent/agent-${sum}.cjs house`),
    ]);
    const folder = path.join(scratch.path, "home/.gatehouse-agent");
    expect(readdirSync(folder)).toEqual([`agent-${sum}.cjs`]);
    expect(readFileSync(path.join(folder, `agent-${sum}.cjs`), "utf8")).toBe(AGENT);
    expect(calls()).toHaveLength(2);
    await ssh.commandFor(host(3));
    expect(calls()).toHaveLength(3);
    expect(calls().every((line) => line.includes("BatchMode=yes"))).toBe(true);
  });

  it("is brought again when what lies there is another", async () => {
    const ssh = overSsh();
    await ssh.commandFor(host(3));
    const folder = path.join(scratch.path, "home/.gatehouse-agent");
    const [name = ""] = readdirSync(folder);
    writeFileSync(path.join(folder, name), "something else");
    await ssh.commandFor(host(3));
    expect(readFileSync(path.join(folder, name), "utf8")).toBe(AGENT);
  });

  it("tells what ssh said", async () => {
    const ssh = overSsh("#!/bin/sh\necho 'Permission denied (publickey).' >&2\nexit 255\n");
    await expect(ssh.commandFor(host(3))).rejects.toThrow("ssh node1 failed: Permission denied (publickey).");
  });

  it.each(["-oProxyCommand=touch x", "a b", "$(id)", ""])("is never given the name %j", async (name) => {
    const ssh = overSsh();
    await expect(ssh.commandFor(host(3, name))).rejects.toThrow("The host's name is none");
    expect(existsSync(path.join(scratch.path, "calls"))).toBe(false);
  });
});

it("reads what our agent logs, and takes anything else as it is", () => {
  expect(readAgentLog("warning", '{"level":"info","time":"t","pid":7,"msg":"The agent runs."}')).toEqual([
    "info",
    'The agent runs. {"pid":7}',
  ]);
  expect(readAgentLog("warning", "Segmentation fault")).toEqual(["warning", "Segmentation fault"]);
});
