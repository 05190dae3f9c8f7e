/** The other ways to start a host agent: OpenNebula's driver, and standing alone with a key that it enrols once. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { enrol, parseDaemon } from "../../agent/host/enrol.ts";
import { holderOf } from "../../agent/host/lock.ts";
import { systemClock } from "../../shared/clock.ts";
import {
  type EnrolmentAnswer,
  enrolmentKind,
  openEnrolmentRequest,
  printDaemonKey,
  sealEnrolmentAnswer,
} from "../../shared/monitor/enrolment.ts";
import { makeEnrolmentCode, printEnrolmentCode } from "../../shared/monitor/enrolment-code.ts";
import { type KeyPair, printKey } from "../../shared/monitor/keys.ts";
import { frameForStream, splitFrames } from "../../shared/monitor/splitter.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { AGENT_MAIN } from "../support/agent-process.ts";
import { scriptedDaemon } from "../support/scripted-daemon.ts";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "gatehouse-starts-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function command(args: readonly string[], input = ""): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [AGENT_MAIN, ...args], { stdio: "pipe" });
  child.stdin.end(input);
  const texts = Promise.all([readText(child.stdout), readText(child.stderr)]);
  const ended = once(child, "exit").then(async () => {
    const [out, err] = await texts;
    return { code: child.exitCode, out, err };
  });
  return { child, ended };
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const configuration = (port: number, publicKey = "") => `<MONITOR_CONFIGURATION><NETWORK>
<MONITOR_ADDRESS><![CDATA[127.0.0.1]]></MONITOR_ADDRESS><PORT>${port}</PORT><PUBKEY>${publicKey}</PUBKEY></NETWORK>
<PROBES_PERIOD><BEACON_HOST>1</BEACON_HOST><SYSTEM_HOST>1</SYSTEM_HOST><MONITOR_HOST>1</MONITOR_HOST>
<STATE_VM>1</STATE_VM><MONITOR_VM>1</MONITOR_VM><SYNC_STATE_VM>180</SYNC_STATE_VM></PROBES_PERIOD>
<HOST_ID>3</HOST_ID></MONITOR_CONFIGURATION>`;

test("started as OpenNebula's driver does, it answers with its first round, goes on behind, and is stopped", async () => {
  const daemon = await scriptedDaemon();
  onTestFinished(() => daemon.close());
  const stateDir = directory();
  onTestFinished(async () => void (await command(["stop", "--state-dir", stateDir]).ended));
  const words = ["dummy", "3", "host3", "--state-dir", stateDir];
  const started = await command(words, configuration(daemon.port)).ended;
  expect(started).toMatchObject({ code: 0, err: "" });
  const { name, node } = xmlToTree(started.out);
  expect(name).toBe("MONITOR_MESSAGES");
  const system = typeof node === "object" && "SYSTEM_HOST" in node ? String(node.SYSTEM_HOST) : "";
  expect(Buffer.from(system, "base64").toString()).toContain("HYPERVISOR=dummy");
  const heard = await daemon.next(({ message }) => message.type === "SYSTEM_HOST");
  expect(heard).toMatchObject({ codec: "text", over: "udp", message: { oid: 3, status: "SUCCESS" } });
  const first = holderOf(stateDir);
  // Another START_MONITOR takes its place.
  expect((await command(words, configuration(daemon.port)).ended).code).toBe(0);
  const beforehand = daemon.heard.length;
  await daemon.until(() => daemon.heard.length > beforehand && holderOf(stateDir)?.pid !== first?.pid);
  const stopped = await command(["stop", "--state-dir", stateDir]).ended;
  expect(stopped.out).toMatch(/^Ended process \d+\.\n$/);
  expect(holderOf(stateDir)).toBeUndefined();
});

test.each([
  [
    "<MONITOR_CONFIGURATION><NETWORK><MONITOR_ADDRESS>auto</MONITOR_ADDRESS></NETWORK></MONITOR_CONFIGURATION>",
    "SSH_CLIENT unknown",
  ],
  [configuration(4124, "no key"), "Public key not in PEM format"],
  ["no XML", "The XML is malformed"],
])(
  "what is wrong with the configuration is told on standard output, as the driver reads it: %#",
  async (xml, told) => {
    const { code, out } = await command(["kvm", "3", "host3", "--state-dir", directory()], xml).ended;
    expect(code).toBe(255);
    expect(out).toContain(told);
  },
);

/** A daemon's side of enrolment that takes one code. */
async function enrolling(daemon: KeyPair, answer: EnrolmentAnswer): Promise<number> {
  const server = createServer((socket) => {
    const splitter = splitFrames();
    socket.on("error", () => undefined);
    socket.on("data", (piece: Buffer) => {
      for (const frame of splitter.push(piece)) {
        const reply =
          enrolmentKind(frame) === "hello"
            ? printDaemonKey(daemon.publicKey)
            : sealEnrolmentAnswer(
                daemon,
                openEnrolmentRequest(daemon, frame).agentPublicKey,
                answer,
                randomBytes,
              );
        socket.write(frameForStream(reply));
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}

const periods = {
  BEACON_HOST: 1,
  SYSTEM_HOST: 1,
  MONITOR_HOST: 1,
  STATE_VM: 1,
  MONITOR_VM: 1,
  SYNC_STATE_VM: 180,
};
const enrolled: EnrolmentAnswer = {
  enrolled: true,
  hostId: 7,
  hostName: "node7",
  hypervisor: "dummy",
  periods,
};

test("an agent that enrolled keeps its key for itself, and runs with it", async () => {
  const daemon = await scriptedDaemon();
  onTestFinished(() => daemon.close());
  const port = await enrolling(daemon.daemon, enrolled);
  const stateDir = directory();
  const code = printEnrolmentCode(makeEnrolmentCode(7, daemon.daemon.publicKey, randomBytes));
  const { out } = await command([
    "enroll",
    "--daemon",
    `127.0.0.1:${port}`,
    "--code",
    code,
    "--state-dir",
    stateDir,
  ]).ended;
  expect(out).toContain("Enrolled as host 7, node7 (dummy).");
  const file = join(stateDir, "identity.json");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  // The scripted daemon knows one key; it is put in the place of the one that was made.
  const identity = { ...JSON.parse(readFileSync(file, "utf8")), secretKey: printKey(daemon.agent.secretKey) };
  writeFileSync(file, JSON.stringify(identity));
  const config = join(stateDir, "agent.yaml");
  writeFileSync(config, `state_dir: ${stateDir}\nport: ${daemon.port}\n`);
  const { child, ended } = command(["run", "--config", config]);
  const heard = await daemon.next(({ message }) => message.type === "SYSTEM_HOST");
  expect(heard).toMatchObject({ codec: "sealed", message: { oid: 7 } });
  child.kill("SIGTERM");
  expect((await ended).code).toBe(0);
});

test("a daemon with another key than the code's is found out before the code is told", async () => {
  const [daemon, impostor] = [await scriptedDaemon(), await scriptedDaemon()];
  onTestFinished(() => daemon.close());
  onTestFinished(() => impostor.close());
  const port = await enrolling(impostor.daemon, enrolled);
  const code = printEnrolmentCode(makeEnrolmentCode(7, daemon.daemon.publicKey, randomBytes));
  const trying = enrol({ daemon: `127.0.0.1:${port}`, code, stateDir: directory(), clock: systemClock });
  await expect(trying).rejects.toThrow("its key has another fingerprint");
});

test("a code that is refused leaves no key", async () => {
  const daemon = await scriptedDaemon();
  onTestFinished(() => daemon.close());
  const port = await enrolling(daemon.daemon, { enrolled: false, reason: "The code was used already." });
  const stateDir = directory();
  const code = printEnrolmentCode(makeEnrolmentCode(7, daemon.daemon.publicKey, randomBytes));
  const trying = enrol({ daemon: `127.0.0.1:${port}`, code, stateDir, clock: systemClock });
  await expect(trying).rejects.toThrow("The code was used already.");
  expect(() => statSync(join(stateDir, "identity.json"))).toThrow();
});

test("the daemon's address is read with and without its port", () => {
  expect(parseDaemon("monitor.example")).toEqual({ address: "monitor.example", port: 4124 });
  expect(parseDaemon("[::1]:99")).toEqual({ address: "::1", port: 99 });
  expect(() => parseDaemon("a:b:c")).toThrow("HOST or HOST:PORT");
});

test("probe shows what would be sent, and ends with 1 when a probe failed", async () => {
  const shown = await command(["probe", "dummy", "host/system"]).ended;
  expect(shown.code).toBe(0);
  expect(shown.out).toContain("# host/system: SYSTEM_HOST\n");
  const json = await command(["probe", "dummy", "host/monitor", "--json"]).ended;
  expect(JSON.parse(json.out)).toMatchObject({ type: "MONITOR_HOST", status: "SUCCESS" });
  const failed = await command(["probe", "process", "vm/status"]).ended;
  expect(failed.code).toBe(1);
  expect(failed.err).toContain("Error executing vm/status/state");
  expect((await command(["probe", "nothing"]).ended).code).toBe(2);
});
