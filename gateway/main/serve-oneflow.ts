/** Opens OneFlow of a house: the life cycle of its services, and its API. */

import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Cloud } from "../cloud/cloud.ts";
import { oneFlowSettings } from "../config/oneflow-settings.ts";
import type { Config } from "../config.ts";
import { createOneFlowApp } from "../oneflow/app.ts";
import { type Autoscaler, startAutoscaler } from "../oneflow/autoscaler/autoscaler.ts";
import type { ServiceScaler } from "../oneflow/directory.ts";
import { createOneFlow } from "../oneflow/engine/create-oneflow.ts";
import type { OneFlow } from "../oneflow/engine/oneflow.ts";
import { createScaler } from "../oneflow/engine/scaler.ts";
import { createForeignScaler } from "../oneflow/foreign.ts";
import { serverCredentials } from "./open-opennebula.ts";

/** Below the home, a log of each service. */
const LOG_DIRECTORY = "oneflow";

export interface FlowParts {
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The life cycle of services, and what scales them by itself. */
export interface Services {
  readonly flow: OneFlow;
  readonly autoscaler: Autoscaler;
  close(): Promise<void>;
}

/** @throws GatehouseError `unavailable` when the cloud cannot be read. */
export async function openOneFlow(config: Config, { cloud, clock, log }: FlowParts): Promise<Services> {
  const logDirectory = config.oneflow.log_dir ?? join(config.home, LOG_DIRECTORY);
  const settings = oneFlowSettings(config);
  const flow = await createOneFlow({ cloud, clock, log, settings, logDirectory });
  try {
    const autoscaler = await startAutoscaler({ cloud, flow, settings, clock, log });
    const close = async (): Promise<void> => {
      await autoscaler.close();
      await flow.close();
    };
    return { flow, autoscaler, close };
  } catch (error) {
    await flow.close();
    throw error;
  }
}

/** Its API; `closing` is aborted before the house closes. */
export function oneFlowApp(
  config: Config,
  {
    cloud,
    clock,
    log,
    services,
    closing,
  }: FlowParts & { readonly services: Services; readonly closing: AbortSignal },
): ReturnType<typeof createOneFlowApp> {
  const { flow, autoscaler: scaling } = services;
  return createOneFlowApp({ cloud, flow, scaling, settings: oneFlowSettings(config), clock, log, closing });
}

/**
 * Who scales services for OneGate: this house's OneFlow, which starts after OneGate, one elsewhere, or nobody.
 * @throws GatehouseError `bad_request` when the credentials for one elsewhere cannot be read.
 */
export function scalerFor(
  config: Config,
  flow: () => OneFlow | undefined,
  clock: Clock,
): ServiceScaler | undefined {
  if (config.oneflow.enabled)
    return createScaler({
      async command(...asked) {
        const running = flow();
        if (running === undefined) throw new GatehouseError("unavailable", "OneFlow is starting: ask again.");
        await running.command(...asked);
      },
    });
  const { oneflow_server: url, oneflow_auth_file: file } = config.onegate;
  if (url === undefined) return undefined;
  if (file === undefined)
    throw new GatehouseError(
      "bad_request",
      "onegate.oneflow_server needs onegate.oneflow_auth_file, a file with serveradmin:password.",
    );
  return createForeignScaler({ url, server: serverCredentials("onegate.oneflow_auth_file", file), clock });
}
