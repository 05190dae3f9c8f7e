/** What answers in the place of OneFlow's API while its services cannot be read: come back in a moment. */

import { Hono } from "hono";
import { GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { HttpEnv } from "../http/connection.ts";
import { createIntake, FlowRequest } from "./api/request.ts";
import { failureResponse } from "./api/respond.ts";
import type { OneFlowSettings } from "./settings.ts";

export function createWaitingApp(
  settings: Pick<OneFlowSettings, "maxBodyBytes">,
  log: Logger,
): Hono<HttpEnv> {
  const intake = createIntake(settings.maxBodyBytes);
  const app = new Hono<HttpEnv>();
  app.all("*", (context) => {
    const waiting = new GatehouseError(
      "unavailable",
      "OneFlow waits for OpenNebula's core: ask again in a moment.",
    );
    return failureResponse(new FlowRequest(context, intake), waiting, log);
  });
  return app;
}
