/** Opens OneFlow of a house: the life cycle of its services, and its API. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Cloud } from "../cloud/cloud.ts";
import { oneFlowSettings } from "../config/oneflow-settings.ts";
import type { Config } from "../config.ts";
import { createOneFlowApp } from "../oneflow/app.ts";
import type { ServiceScaler } from "../oneflow/directory.ts";
import { createOneFlow } from "../oneflow/engine/create-oneflow.ts";
import type { OneFlow } from "../oneflow/engine/oneflow.ts";
import { createScaler } from "../oneflow/engine/scaler.ts";
import { createForeignScaler } from "../oneflow/foreign.ts";

/** Below the home, a log of each service. */
const LOG_DIRECTORY = "oneflow";

export interface FlowParts {
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @throws GatehouseError `unavailable` when the cloud cannot be read. */
export async function openOneFlow(config: Config, { cloud, clock, log }: FlowParts): Promise<OneFlow> {
  const logDirectory = config.oneflow.log_dir ?? join(config.home, LOG_DIRECTORY);
  return await createOneFlow({ cloud, clock, log, settings: oneFlowSettings(config), logDirectory });
}

/** Its API; `closing` is aborted before the house closes. */
export function oneFlowApp(
  config: Config,
  { cloud, clock, log, flow, closing }: FlowParts & { readonly flow: OneFlow; readonly closing: AbortSignal },
): ReturnType<typeof createOneFlowApp> {
  return createOneFlowApp({ cloud, flow, settings: oneFlowSettings(config), clock, log, closing });
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
  return createForeignScaler({ url, server: credentialsOf(file), clock });
}

function credentialsOf(file: string): { readonly name: string; readonly password: string } {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new GatehouseError("bad_request", `onegate.oneflow_auth_file cannot be read: ${errorText(cause)}`, {
      cause,
    });
  }
  const [, name, password] = /^([^:\s]+):(\S+)$/.exec(text) ?? [];
  if (name !== undefined && password !== undefined) return { name, password };
  throw new GatehouseError(
    "bad_request",
    `onegate.oneflow_auth_file ${file} must hold one line, serveradmin:password.`,
  );
}
