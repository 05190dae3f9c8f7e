import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type FlowClient, flowClient } from "../support/flow-client.ts";
import { type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { callHouse } from "../support/house-rpc.ts";

/** Services that scale by themselves on this machine, with no simulation: real guests, a real agent, real reports. */

const scratch = scratchDirectory("elastic");
// Guests of a house started by root are nobody's, and must get to their files.
chmodSync(scratch.path, 0o711);
const home = path.join(scratch.path, "home");
const busyFile = path.join(scratch.path, "busy");
const TEST_MS = 120_000;

const QUICK = {
  GATEHOUSE_MONITOR_AGENTS: "local",
  GATEHOUSE_MONITOR_PERIODS_MONITOR_VM_S: "1",
  GATEHOUSE_ONEFLOW_AUTOSCALER_INTERVAL_S: "1",
  GATEHOUSE_CLOUD_PROCESS_RUN_DIR: path.join(scratch.path, "guests"),
};

/** Burns CPU for as long as the file is there. */
const BURNS = `#!/bin/sh
while :; do
  i=0
  while [ -e '${busyFile}' ] && [ "$i" -lt 10000 ]; do i=$((i + 1)); done
  [ -e '${busyFile}' ] || sleep 0.2
done
`;

/** Tells OneGate what the test wrote for it. */
const REPORTS = `#!/bin/sh
told=
while sleep 0.1; do
  [ -r '${scratch.path}'/att-"$VMID" ] || continue
  read -r value < '${scratch.path}'/att-"$VMID"
  [ "$value" = "$told" ] && continue
  onegate vm update --data "ATT=$value" && told=$value
done
`;

let house: HouseProcess;
let flow: FlowClient;

beforeAll(async () => {
  house = await startHouse(home, [], QUICK);
  flow = flowClient(house.oneflow, readFileSync(path.join(home, "one_auth"), "utf8").trim());
}, TEST_MS);

afterAll(async () => {
  if (house !== undefined) await stopHouse(house);
  scratch.remove();
});

async function vmTemplate(name: string, script: string): Promise<number> {
  const escaped = script.replaceAll("$", "\\$").replaceAll('"', '\\"');
  const text = `NAME = "${name}"\nCPU = 0.1\nMEMORY = 64\nCONTEXT = [ TOKEN = "YES", START_SCRIPT = "${escaped}" ]`;
  return Number(await callHouse(house, home, "one.template.allocate", text));
}

async function service(role: object): Promise<number> {
  const template = {
    name: "elastic",
    deployment: "straight",
    roles: [{ name: "frontend", type: "vm", ...role }],
  };
  const id = await flow.instantiate(await flow.createTemplate(template));
  await flow.until(id, ({ state }) => state === 2);
  return id;
}

/** Once the role has so many VMs, and its service rests again. */
async function size(id: number, count: number): Promise<readonly number[]> {
  const { roles } = await flow.until(id, (now) => now.state === 2 && now.roles[0]?.nodes.length === count);
  return roles[0]?.nodes ?? [];
}

const explanation = z.object({
  roles: z.array(
    z.object({
      cardinality: z.int(),
      policies: z.array(
        z.object({ evaluated: z.string().optional(), true_evals: z.int(), verdict: z.string().optional() }),
      ),
    }),
  ),
});

async function explained(id: number) {
  const [role] = explanation.parse(JSON.parse(await flow.send("GET", `/service/${id}/explain`))).roles;
  if (role === undefined) throw new Error("nothing is explained");
  return role;
}

function report(vmId: number, value: number): void {
  writeFileSync(path.join(scratch.path, `att-${vmId}`), `${value}\n`);
}

describe("a service on this machine", () => {
  it("grows while its guests burn CPU, which the host's agent measures, and shrinks when they are done", {
    timeout: TEST_MS,
  }, async () => {
    const template_id = await vmTemplate("burns", BURNS);
    const policy = { type: "CHANGE", cooldown: 1, period: 1, period_number: 2 };
    const id = await service({
      template_id,
      cardinality: 1,
      min_vms: 1,
      max_vms: 2,
      elasticity_policies: [
        { ...policy, adjust: 1, expression: "MONITORING.CPU > 15" },
        { ...policy, adjust: -1, expression: "MONITORING.CPU < 5" },
      ],
    });
    const [first] = await size(id, 1);
    writeFileSync(busyFile, "");
    expect((await size(id, 2))[0]).toBe(first);
    expect((await explained(id)).policies[0]?.evaluated).toMatch(/^MONITORING\.CPU\[[0-9.]+\] > 15$/);
    rmSync(busyFile);
    expect(await size(id, 1)).not.toContain(first);
  });

  it("is the worked example of OpenNebula's guide: Scalability1", { timeout: TEST_MS }, async () => {
    const template_id = await vmTemplate("reports", REPORTS);
    const id = await service({
      template_id,
      cardinality: 2,
      min_vms: 1,
      max_vms: 5,
      cooldown: 1,
      elasticity_policies: [
        { expression: "ATT > 50", type: "CHANGE", adjust: 2, period_number: 3, period: 1 },
        { expression: "ATT < 20", type: "PERCENTAGE_CHANGE", adjust: -10, min_adjust_step: 2 },
      ],
    });
    const [first = -1, second = -1] = await size(id, 2);
    report(first, 40);
    report(second, 60);
    const even = await eventually(
      () => explained(id),
      ({ policies }) => policies[0]?.evaluated === "ATT[50.0] > 50",
    );
    expect(even.policies.map(({ verdict, true_evals }) => [verdict, true_evals])).toEqual([
      ["false", 0],
      ["false", 0],
    ]);
    report(first, 45);
    // The new ones say nothing, so the mean stays, and the role grows until its limit.
    await size(id, 4);
    await size(id, 5);
    const full = await eventually(
      () => explained(id),
      ({ policies }) => policies[0]?.true_evals === 3,
    );
    expect([full.cardinality, full.policies[0]?.evaluated]).toEqual([5, "ATT[52.5] > 50"]);
    for (const vmId of await size(id, 5)) report(vmId, 10);
    // It may rest with three for no time at all before it goes on.
    await flow.until(id, ({ roles }) => roles[0]?.nodes.length === 3);
    await size(id, 1);
  });
});

/** Looks again until it is so: guests work in their own time, and the test's time limit is the only one. */
async function eventually<T>(look: () => Promise<T>, isSo: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
