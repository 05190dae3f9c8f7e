/** Opens OneFlow of a house: the life cycle of its services, and its API. */

import type { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { ServerCredentials } from "../cloud/access/server-session.ts";
import { createSessions } from "../cloud/access/sessions.ts";
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
import { createWaitingApp } from "../oneflow/waiting-app.ts";
import type { Fetching } from "./listen.ts";
import { serverCredentials } from "./server-proof.ts";

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

/** @throws GatehouseError `unavailable` when the cloud cannot be read; nothing stays open then. */
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

export interface FlowAppParts extends FlowParts {
  /** Undefined until they could be read: nothing of them is shown or changed before. */
  readonly services: () => Services | undefined;
  /** Of servers that ask for users, as OpenNebula's OneGate does; undefined: none has one. */
  readonly certificate: X509Certificate | undefined;
  /** Aborted before the house closes. */
  readonly closing: AbortSignal;
}

/** Its API. */
export function oneFlowApp(config: Config, parts: FlowAppParts): Fetching {
  const { cloud, clock, log, services, certificate, closing } = parts;
  const settings = oneFlowSettings(config);
  const sessions = createSessions(cloud, clock, certificate);
  const waiting = createWaitingApp(settings, log);
  let app: ReturnType<typeof createOneFlowApp> | undefined;
  const appOf = ({ flow, autoscaler: scaling }: Services) =>
    createOneFlowApp({ cloud, flow, scaling, settings, clock, log, sessions, closing });
  return {
    fetch(request, bindings) {
      const open = services();
      app ??= open && appOf(open);
      return (app ?? waiting).fetch(request, bindings);
    },
  };
}

/**
 * Who scales services for OneGate: this house's OneFlow, which starts after OneGate, one elsewhere, or nobody. One
 * elsewhere is asked as the server that the house is to its OpenNebula, unless a file names another.
 * @throws GatehouseError `bad_request` when the credentials for one elsewhere cannot be read.
 */
export function scalerFor(
  config: Config,
  flow: () => OneFlow | undefined,
  { clock, server: own }: { readonly clock: Clock; readonly server: ServerCredentials | undefined },
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
  const server = file === undefined ? own : serverCredentials("onegate.oneflow_auth_file", file);
  if (server === undefined)
    throw new GatehouseError(
      "bad_request",
      "onegate.oneflow_server needs onegate.oneflow_auth_file, a file with serveradmin:password.",
    );
  return createForeignScaler({ url, server, clock });
}
