/** A house whose services scale by themselves, over simulated VMs and a clock that moves when it is told to. */

import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { JsonObject } from "../../gateway/cloud/model.ts";
import type { CloudMonitoring } from "../../gateway/cloud/monitoring.ts";
import { type Autoscaler, startAutoscaler } from "../../gateway/oneflow/autoscaler/autoscaler.ts";
import type { OneFlow } from "../../gateway/oneflow/engine/oneflow.ts";
import type { ElasticityPolicy, ScheduledPolicy } from "../../gateway/oneflow/model.ts";
import { oneFlowSettingsSchema } from "../../gateway/oneflow/settings.ts";
import type { LogDetails, Logger } from "../../shared/log.ts";
import { type FlowHouse, type FlowHouseOptions, flowHouse, nodesOf } from "./oneflow.ts";

export interface ScalingHouse extends FlowHouse {
  readonly autoscaler: Autoscaler;
  /** What the auto-scaler logged. */
  readonly told: readonly { readonly message: string; readonly details: LogDetails }[];
  /** Commands that it gave to the life cycle. */
  readonly commands: readonly Parameters<OneFlow["command"]>[2][];
  /** Makes a service of one role `worker`, and waits until it is RUNNING. */
  service(role: JsonObject, more?: JsonObject): Promise<number>;
  /** A guest writes into its own VM. */
  report(vmId: number, attributes: Readonly<Record<string, string>>): Promise<void>;
  /** The agent of the host measured VMs, each with these metrics. */
  measure(values: Readonly<Record<number, Readonly<Record<string, number>>>>): void;
  workers(id: number): Promise<readonly number[]>;
  cardinality(id: number): Promise<number>;
  /** Moves time on by so many seconds, one after the other, and lets everything come to rest after each. */
  pass(seconds: number): Promise<void>;
  /** Until nothing is under way. */
  rest(): Promise<void>;
  policy(id: number, index?: number): Promise<ElasticityPolicy>;
  scheduled(id: number, index?: number): Promise<ScheduledPolicy>;
}

export interface ScalingHouseOptions extends FlowHouseOptions {
  /** What was measured of a VM before this start. */
  readonly history?: CloudMonitoring["vmHistory"];
}

export async function scalingHouse(options: ScalingHouseOptions = {}): Promise<ScalingHouse> {
  const house = await flowHouse(options);
  const told: { message: string; details: LogDetails }[] = [];
  const commands: Parameters<OneFlow["command"]>[2][] = [];
  const note = (details: LogDetails, message: string) => void told.push({ message, details });
  const log: Logger = { error: note, warn: note, info: note, debug() {} };
  const { cloud, oneflow, clock } = house;
  const flow: Pick<OneFlow, "command"> = {
    command(actor, id, command) {
      commands.push(command);
      return oneflow.command(actor, id, command);
    },
  };
  const settings = oneFlowSettingsSchema.parse({ timeZone: "UTC", ...options.settings });
  const monitoring = {
    latestVm: (vmId: number) => cloud.monitoring.latestVm(vmId),
    vmHistory: options.history ?? ((vmId, query) => cloud.monitoring.vmHistory(vmId, query)),
  } satisfies Pick<CloudMonitoring, "latestVm" | "vmHistory">;
  const autoscaler = await startAutoscaler({
    cloud: {
      vms: cloud.vms,
      documents: cloud.documents,
      subscribe: (hear) => cloud.subscribe(hear),
      monitoring,
    },
    flow,
    settings,
    clock,
    log,
  });
  const rest = async (): Promise<void> => {
    // Each may begin what the other then does.
    for (let quiet = 0; quiet < 3; quiet += 1) {
      await autoscaler.settled();
      await oneflow.settled();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await rest();
  return {
    ...house,
    autoscaler,
    told,
    commands,
    rest,
    async service(role, more = {}) {
      const worker = { name: "worker", type: "vm", cardinality: 2, template_id: 0, min_vms: 1, max_vms: 5 };
      const { id } = await house.instantiate({
        name: "elastic",
        deployment: "none",
        roles: [{ ...worker, ...role }],
        ...more,
      });
      await house.until(id, "RUNNING");
      await rest();
      return id;
    },
    async report(vmId, attributes) {
      await cloud.vms.updateUserTemplate(SYSTEM, vmId, attributes, "append");
      await rest();
    },
    measure(values) {
      const at = Math.floor(clock.now() / 1000);
      const readings = Object.entries(values).map(([id, metrics]) => ({
        id: Number(id),
        deployId: "",
        names: Object.keys(metrics),
        values: Object.values(metrics),
        more: {},
      }));
      cloud.monitoring.vmsMonitored(0, readings, at);
    },
    workers: async (id) => nodesOf(await house.role(id, "worker")),
    cardinality: async (id) => (await house.role(id, "worker")).cardinality,
    async pass(seconds) {
      for (let passed = 0; passed < seconds; passed += 1) {
        clock.advance(1_000);
        await rest();
      }
    },
    async policy(id, index = 0) {
      const role = await house.role(id, "worker");
      const policy = role.type === "vm" ? role.elasticity_policies?.[index] : undefined;
      if (policy === undefined) throw new Error(`worker has no elasticity policy ${index}`);
      return policy;
    },
    async scheduled(id, index = 0) {
      const role = await house.role(id, "worker");
      const policy = role.type === "vm" ? role.scheduled_policies?.[index] : undefined;
      if (policy === undefined) throw new Error(`worker has no scheduled policy ${index}`);
      return policy;
    },
    async close() {
      await autoscaler.close();
      await house.close();
    },
  };
}
