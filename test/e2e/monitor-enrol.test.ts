import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { enrol } from "../../agent/host/enrol.ts";
import { systemClock } from "../../shared/clock.ts";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { callHouse } from "../support/house-rpc.ts";

/** A host with an agent of its own: from the one-time code to what becomes of it when it is silent, returns, and is forgotten. */

const scratch = scratchDirectory("enrol");
const home = path.join(scratch.path, "home");
const stateDir = path.join(scratch.path, "state");
const configFile = path.join(scratch.path, "agent.yaml");
const AGENT = fileURLToPath(new URL("../../agent/host/main.ts", import.meta.url));
const TEST_MS = 120_000;
const QUICK = {
  GATEHOUSE_MONITOR_MANAGER_TIMER_S: "1",
  GATEHOUSE_MONITOR_HOST_INTERVAL_S: "2",
  GATEHOUSE_MONITOR_PERIODS_BEACON_HOST_S: "1",
  GATEHOUSE_MONITOR_PERIODS_SYSTEM_HOST_S: "1",
};

let house: HouseProcess;
let hostId: number;
let agent: ChildProcess | undefined;

const enrolled = z.object({ id: z.int(), code: z.string(), daemon: z.string(), command: z.string() });

async function enrollCode(): Promise<z.infer<typeof enrolled>> {
  return enrolled.parse(JSON.parse(await gatehouse(["host", "enroll", "node1", "--json", "--home", home])));
}

/** Runs the agent's command to its end. */
async function agentCommand(
  args: readonly string[],
): Promise<{ readonly code: number; readonly text: string }> {
  const child = spawn(process.execPath, [AGENT, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
  const [code] = await once(child, "close");
  return { code, text };
}

const daemonAddress = () => `${house.monitor.host}:${house.monitor.port}`;

/** As the agent's command does, without a process for each try. */
async function tryCode(code: string): Promise<unknown> {
  return await enrol({ daemon: daemonAddress(), code, stateDir, clock: systemClock });
}

function runAgent(): void {
  agent = spawn(process.execPath, [AGENT, "run", "--config", configFile], { stdio: "ignore" });
}

async function endAgent(): Promise<void> {
  if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return;
  agent.kill("SIGTERM");
  await once(agent, "exit");
}

async function hostState(state: number): Promise<string> {
  for (;;) {
    const text = await callHouse(house, home, "one.host.info", hostId);
    if (text.includes(`<STATE>${state}</STATE>`)) return text;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

beforeAll(async () => {
  writeFileSync(configFile, `state_dir: ${stateDir}\n`);
  house = await startHouse(home, [], QUICK);
  hostId = Number(await callHouse(house, home, "one.host.allocate", "node1", "dummy", "dummy", -1));
}, TEST_MS);

afterAll(async () => {
  await endAgent();
  await stopHouse(house);
  scratch.remove();
});

describe("an agent that stands alone", () => {
  it("enrols with a code that counts once, and is void after five wrong tries", {
    timeout: TEST_MS,
  }, async () => {
    const { code, command } = await enrollCode();
    expect(command).toContain(`--code ${code}`);
    const wrong = code.replace(/^(\d+)-[a-z2-7]{4}/, "$1-aaaa");
    for (let round = 0; round < 5; round += 1)
      await expect(tryCode(wrong)).rejects.toThrow("The code is wrong");
    await expect(tryCode(code)).rejects.toThrow("The code is wrong");

    const second = await enrollCode();
    const args = ["--daemon", daemonAddress(), "--code", second.code, "--state-dir", stateDir];
    const done = await agentCommand(["enroll", ...args]);
    expect(done).toMatchObject({ code: 0, text: expect.stringContaining("node1 (dummy)") });
    await expect(tryCode(second.code)).rejects.toThrow("was used");
  });

  it("makes its host ERROR while it is silent, and MONITORED when it speaks", {
    timeout: TEST_MS,
  }, async () => {
    expect(await hostState(3)).toContain(
      `Error monitoring Host node1 (${hostId}): its agent is started on the host`,
    );
    runAgent();
    expect(await hostState(2)).toContain("<TOTALCPU>");
    await endAgent();
    await hostState(3);
    runAgent();
    const host = await hostState(2);
    expect(host).not.toContain("Error monitoring");
  });

  it("is known to the house that comes after", { timeout: TEST_MS }, async () => {
    const port = String(house.monitor.port);
    await stopHouse(house, "SIGKILL");
    house = await startHouse(home, [], { ...QUICK, GATEHOUSE_MONITOR_PORT: port });
    for (;;) {
      const text = await gatehouse(["host", "list", "--home", home]);
      const line = text.split("\n").find((row) => row.includes("node1"));
      expect(line).toMatch(/enrolled/);
      if (/ [0-9]+ s ago {2}[0-9a-f]{16}$/.test(line ?? "")) break;
    }
  });

  it("is heard no more once it is forgotten", { timeout: TEST_MS }, async () => {
    expect(await gatehouse(["host", "forget", "node1", "--home", home])).toContain("heard no more");
    for (;;) {
      const listed = JSON.parse(await gatehouse(["host", "list", "--json", "--home", home]));
      const refused = z
        .object({ refusals: z.array(z.object({ reason: z.string(), count: z.int() })) })
        .parse(listed);
      if (refused.refusals.some(({ reason }) => reason === "unknown_key")) break;
    }
  });
});
