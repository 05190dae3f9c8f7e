/** OneFlow: the REST API of services (spec oneflow-api.md). Its routes are a table (api/routes.ts), framed by api/route.ts. */

import { Hono } from "hono";
import { type Clock, epochSeconds } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { createSessions, type Sessions } from "../cloud/access/sessions.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { HttpEnv } from "../http/connection.ts";
import { squeezedPath } from "../http/path.ts";
import { authenticate } from "./api/authenticate.ts";
import { FlowDocuments } from "./api/documents.ts";
import { createIntake, FlowRequest } from "./api/request.ts";
import { failureResponse } from "./api/respond.ts";
import { type FlowApi, framed, unknownRoute } from "./api/route.ts";
import { flowRoutes } from "./api/routes.ts";
import { FlowWaiters } from "./api/waiters.ts";
import { WriteTurns } from "./api/write-turns.ts";
import type { ScalingSight } from "./autoscaler/sight.ts";
import type { OneFlow } from "./engine/oneflow.ts";
import type { OneFlowSettings } from "./settings.ts";

export interface OneFlowAppOptions {
  readonly cloud: Cloud;
  /** The life cycle: whatever changes a service goes through it. */
  readonly flow: OneFlow;
  /** What scales services by itself; undefined: nothing does. */
  readonly scaling?: ScalingSight | undefined;
  readonly settings: Pick<OneFlowSettings, "maxBodyBytes">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Who proves users; those of the cloud, unless the house shares one with its other servers. */
  readonly sessions?: Sessions | undefined;
  /** Aborted when the house closes: whoever waits for a change is answered then. */
  readonly closing?: AbortSignal | undefined;
}

/** The app; serve it with @hono/node-server, or call `app.request()`. */
export function createOneFlowApp(options: OneFlowAppOptions): Hono<HttpEnv> {
  const { cloud, flow, settings, clock, log, closing } = options;
  const sessions = options.sessions ?? createSessions(cloud, clock);
  const api: FlowApi = {
    cloud,
    flow,
    scaling: options.scaling,
    documents: new FlowDocuments({ cloud, clock }),
    turns: new WriteTurns(),
    waiters: new FlowWaiters({ cloud, clock, closing }),
    intake: createIntake(settings.maxBodyBytes),
    log,
    now: () => epochSeconds(clock),
    closing,
    authenticate: (request) => authenticate(sessions, request),
  };
  const app = new Hono<HttpEnv>({ getPath: squeezedPath });
  for (const route of flowRoutes(api)) app.on(route.method, route.path, framed(api, route));
  app.notFound((context) => unknownRoute(api, context));
  app.onError((error, context) => failureResponse(new FlowRequest(context, api.intake), error, log));
  return app;
}
