/**
 * Run as a process of its own, to be killed: services over a SQLite store at argv[2], with simulated VMs. It waits until
 * every service runs or has gone, prints what there is, and then does what lines of its standard input say. It prints a
 * line for each thing that happens in the cloud, so that a kill may come after any of them.
 */

import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { dummyDriver } from "../../gateway/cloud/embedded/drivers/dummy.ts";
import { openEmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { createOneFlow } from "../../gateway/oneflow/engine/create-oneflow.ts";
import { parseServiceTemplate } from "../../gateway/oneflow/schema/parse.ts";
import { readServiceBody } from "../../gateway/oneflow/schema/read.ts";
import { oneFlowSettingsSchema } from "../../gateway/oneflow/settings.ts";
import { openSqliteStore } from "../../gateway/store/sqlite.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { SERVICE_STATE } from "../../shared/states/service.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { stringOf } from "../../shared/template/types.ts";
import type { Order, Report } from "./oneflow-lines.ts";

const [, , path = "", logDirectory = ""] = process.argv;
const driver = dummyDriver({ clock: systemClock, bootMs: 0 });
const cloud = await openEmbeddedCloud({
  store: await openSqliteStore(path),
  clock: systemClock,
  log: silentLogger,
  drivers: [driver],
  onlyDriver: driver,
  onegateEndpoint: () => undefined,
});
if (cloud.isEmpty()) {
  await cloud.firstStart({ password: "secret", hostName: "host0", driver: driver.name });
  await cloud.templates.allocate(SYSTEM, { NAME: "tiny", CPU: "1", MEMORY: "64" });
}
await cloud.start();
const settings = oneFlowSettingsSchema.parse({ defaultCooldownS: 0 });
const oneflow = await createOneFlow({
  cloud,
  clock: systemClock,
  log: silentLogger,
  settings,
  logDirectory,
});

await atRest();
say({ kind: "report", report: await report() });
cloud.subscribe(() => say({ kind: "event" }));
for await (const line of createInterface({ input: process.stdin })) {
  const order: Order = JSON.parse(line);
  say({ kind: "taken", id: await obey(order) });
  await atRest();
  say({ kind: "rest" });
}

/** Written through, not buffered: what is printed happened before the kill. */
function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

async function obey(order: Order): Promise<number> {
  if (order.kind === "deploy") {
    const roles = [
      { name: "front", type: "vm", cardinality: 1, template_id: 0 },
      { name: "worker", type: "vm", cardinality: order.cardinality, template_id: 0, parents: ["front"] },
    ];
    const template = parseServiceTemplate({ name: "killed", deployment: "straight", roles });
    return (await oneflow.instantiate(SYSTEM, template)).id;
  }
  const { id } = order;
  if (order.kind === "undeploy") await oneflow.command(SYSTEM, id, { kind: "undeploy" });
  else {
    const { cardinality } = order;
    await oneflow.command(SYSTEM, id, { kind: "scale", role: "worker", cardinality, force: true });
  }
  return id;
}

async function services() {
  const documents = await cloud.documents.list(SYSTEM);
  return documents.map((document) => ({
    id: document.id,
    body: readServiceBody(document.body, document.id),
  }));
}

/** Once every service runs; what was to end has ended. */
async function atRest(): Promise<void> {
  const isAtRest = async () => (await services()).every(({ body }) => body.state === SERVICE_STATE.RUNNING);
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsubscribe = cloud.subscribe(() => {
    void isAtRest().then((is) => is && resolve());
  });
  if (!(await isAtRest())) await promise;
  unsubscribe();
  await oneflow.settled();
}

async function report(): Promise<Report> {
  const vms = await cloud.vms.list(SYSTEM);
  return {
    services: (await services()).map(({ id, body }) => ({
      id,
      roles: body.roles.map(({ name, cardinality, nodes }) => {
        return { name, cardinality, vmIds: (nodes ?? []).map(({ deploy_id }) => deploy_id) };
      }),
    })),
    vms: vms
      .filter((vm) => vm.state !== VM_STATE.DONE)
      .map((vm) => ({
        id: vm.id,
        name: vm.name,
        serviceId: Number(stringOf(vm.userTemplate, "SERVICE_ID")),
      })),
  };
}
