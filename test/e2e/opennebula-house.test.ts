/** A house that stands before another's core, as before an OpenNebula: OneGate and OneFlow of one, VMs of the other. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { callHouse } from "../support/house-rpc.ts";

let scratch: ReturnType<typeof scratchDirectory>;
const running: HouseProcess[] = [];

beforeEach(() => {
  scratch = scratchDirectory("opennebula");
});

afterEach(async () => {
  for (const house of running.splice(0)) await stopHouse(house);
  scratch.remove();
});

const at = (name: string) => join(scratch.path, name);

async function start(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  // The one before the other says in its log that it is away, as it should.
  const house = await startHouse(at(name), args, env, "pipe");
  house.child.stderr?.resume();
  running.push(house);
  return house;
}

/** The house before it, configured as an administrator would. */
async function startBefore(core: HouseProcess): Promise<HouseProcess> {
  writeFileSync(
    at("gate.yaml"),
    `cloud:
  kind: opennebula
  opennebula:
    endpoint: ${core.rpc}/RPC2
    auth_file: ${at("core")}/serveradmin_auth
    poll_interval_ms: 100
    cache_ms: 0
`,
  );
  return await start("gate", ["--config", at("gate.yaml")]);
}

const oneadmin = () => readFileSync(join(at("core"), "one_auth"), "utf8").trim();

it("serves guests and services of the other, says 503 while it is away, and goes on when it is back", async () => {
  const core = await start("core", ["--dummy"], { GATEHOUSE_ONEFLOW_ENABLED: "no" });
  const port = new URL(core.rpc).port;
  const template = 'NAME="t" CPU="0.1" MEMORY="64" CONTEXT=[TOKEN="YES"]';
  await callHouse(core, at("core"), "one.template.allocate", template);
  const gate = await startBefore(core);
  expect(gate.rpc).toBeUndefined();

  const flow = async (method: string, path: string, body?: unknown) => {
    const headers = { authorization: `Basic ${Buffer.from(oneadmin()).toString("base64")}` };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(`${gate.oneflow}${path}`, init);
    const text = await response.text();
    return { status: response.status, document: text === "" ? undefined : JSON.parse(text).DOCUMENT };
  };
  const role = { name: "front", type: "vm", cardinality: 1, template_id: 0 };
  const made = await flow("POST", "/service_template", {
    name: "svc",
    deployment: "straight",
    ready_status_gate: true,
    roles: [role],
  });
  expect(made.status).toBe(201);
  const action = { action: { perform: "instantiate" } };
  const service = await flow("POST", `/service_template/${made.document.ID}/action`, action);
  const serviceState = async () =>
    (await flow("GET", `/service/${service.document.ID}`)).document.TEMPLATE.BODY;
  const nodes = async () => (await serviceState()).roles[0].nodes ?? [];
  await expect.poll(nodes, { timeout: 30_000 }).toHaveLength(1);
  const [{ deploy_id: vmId }] = await nodes();

  const token = (await gatehouse(["token", "--home", at("gate"), String(vmId)])).trim();
  const guest = (path: string, method = "GET", body?: string) =>
    fetch(`${gate.onegate}${path}`, {
      method,
      headers: { "X-ONEGATE-TOKEN": token, "X-ONEGATE-VMID": String(vmId) },
      ...(body === undefined ? {} : { body }),
    });
  expect(await (await guest("/vm")).json()).toMatchObject({ VM: { ID: String(vmId) } });

  await stopHouse(core);
  const away = await guest("/vm");
  expect([away.status, away.headers.get("retry-after")]).toEqual([503, "2"]);
  expect((await fetch(`${gate.admin}/readyz`)).status).toBe(503);

  await start("core", ["--dummy"], { GATEHOUSE_RPC_PORT: port, GATEHOUSE_ONEFLOW_ENABLED: "no" });
  await expect.poll(async () => (await guest("/vm")).status, { timeout: 30_000 }).toBe(200);
  expect((await guest("/vm", "PUT", "READY=YES")).status).toBe(200);
  await expect.poll(async () => (await serviceState()).state, { timeout: 30_000 }).toBe(2);
  await expect(gatehouse(["export", "--home", at("gate"), at("w.json")])).rejects.toThrow("OpenNebula");
}, 120_000);
