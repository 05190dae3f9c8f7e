/** OneGate: the REST API that guests speak (spec onegate-api.md). Its routes are a table (routes.ts), framed by route.ts. */

import { Hono } from "hono";
import type { Clock } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { HttpEnv } from "../http/connection.ts";
import { squeezedPath } from "../http/path.ts";
import type { ServiceDirectory, ServiceScaler } from "../oneflow/directory.ts";
import { createAuthenticator } from "./authenticate.ts";
import { Waiters } from "./change/waiters.ts";
import { HeldBytes } from "./fairness/held-bytes.ts";
import { createLimits } from "./fairness/rates.ts";
import { createRelations } from "./relation.ts";
import { createIntake } from "./request.ts";
import { framed, type GateContext, refused } from "./route.ts";
import { gateRoutes } from "./routes.ts";
import type { OneGateSettings } from "./settings.ts";
import { type GateObserver, UNOBSERVED } from "./sight/observer.ts";
import { Standings } from "./trust/standing.ts";
import { createTrust, type TrustOptions } from "./trust/trust.ts";

export interface OneGateDependencies {
  readonly cloud: Cloud;
  readonly services: ServiceDirectory;
  /** None while OneFlow is off: then no guest can scale its service. */
  readonly scaler?: ServiceScaler | undefined;
  readonly settings: OneGateSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer?: GateObserver | undefined;
  /** None where nothing is kept: then classic tokens are the only ones. */
  readonly trust?: TrustOptions | undefined;
  /** Aborted when the house closes: whoever waits for a change is answered then. */
  readonly closing?: AbortSignal | undefined;
}

/** The app; serve it with @hono/node-server, which also hands over a GET's body, or call `app.request()`. */
export function createOneGate(dependencies: OneGateDependencies): Hono<HttpEnv> {
  const { cloud, services, scaler, settings, clock, log, observer = UNOBSERVED, closing } = dependencies;
  const maxPerVm = settings.limits.enabled ? settings.limits.waitersPerVm : Number.POSITIVE_INFINITY;
  const trust = dependencies.trust === undefined ? undefined : createTrust(dependencies.trust, clock);
  const gate: GateContext = {
    cloud,
    settings,
    clock,
    log,
    trust,
    authenticator: createAuthenticator({
      cloud,
      standings: new Standings(settings, log),
      trust,
      sessionsEnabled: settings.sessions.enabled,
    }),
    relations: createRelations(cloud, services),
    limits: createLimits(settings.limits, clock),
    heldBytes: new HeldBytes(),
    observer,
    waiters: new Waiters({ cloud, clock, observer, maxPerVm, closing }),
    closing,
    intake: createIntake(settings, clock),
  };
  const app = new Hono<HttpEnv>({ getPath: squeezedPath });
  for (const route of gateRoutes(gate, scaler)) app.on(route.method, route.path, framed(gate, route));

  // Every other path and verb, without asking who it is: 400, as recorded.
  app.notFound((context) =>
    refused(gate, context, new GatehouseError("bad_request", "OneGate server doesn't support this feature")),
  );
  app.onError((error, context) => refused(gate, context, error));
  return app;
}
