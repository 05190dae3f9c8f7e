/**
 * OneGate: the REST API that guests speak (spec onegate-api.md). Here is the table of its routes; each resource has a
 * file of its own. A request goes: permission, who asks (authenticate.ts), whom it concerns (relation.ts), the work.
 */

import { type Context, Hono } from "hono";
import { getPath } from "hono/utils/url";
import { GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { ServiceDirectory, ServiceScaler } from "../oneflow/directory.ts";
import { actionHandler } from "./action.ts";
import { createAuthenticator } from "./authenticate.ts";
import { createRelations } from "./relation.ts";
import { type GateEnv, headerOf } from "./request.ts";
import { errorResponse, type FailedRequest } from "./respond.ts";
import { showRoot } from "./root.ts";
import { type GateContext, type GuestHandler, guestRoute, type RouteOptions } from "./route.ts";
import { scaleRole, showService } from "./service.ts";
import type { OneGateSettings } from "./settings.ts";
import { vmHandlers } from "./vm.ts";
import { showNetwork } from "./vnet.ts";
import { showRouter } from "./vrouter.ts";

export interface OneGateDependencies {
  readonly cloud: Cloud;
  readonly services: ServiceDirectory;
  /** None while OneFlow is off: then no guest can scale its service. */
  readonly scaler?: ServiceScaler | undefined;
  readonly settings: OneGateSettings;
  readonly log: Logger;
}

/** The app; serve it with @hono/node-server, which also hands over a GET's body, or call `app.request()`. */
export function createOneGate({
  cloud,
  services,
  scaler,
  settings,
  log,
}: OneGateDependencies): Hono<GateEnv> {
  const gate: GateContext = {
    cloud,
    settings,
    authenticator: createAuthenticator(cloud),
    relations: createRelations(cloud, services),
  };
  const route = (options: RouteOptions, handle: GuestHandler) => guestRoute(gate, options, handle);
  const vm = vmHandlers(gate);
  const ofVm = { pathNamesVm: true };
  const app = new Hono<GateEnv>({ getPath: squeezedPath });

  app.get("/", route({}, showRoot(settings)));
  app.get("/vm", route({ permission: ["vm", "show"] }, vm.show));
  app.put("/vm", route({ permission: ["vm", "update"] }, vm.update));
  app.get("/vms/:id", route({ permission: ["vm", "show_by_id"], ...ofVm }, vm.showById));
  app.put("/vms/:id", route({ permission: ["vm", "update_by_id"], ...ofVm }, vm.updateById));
  app.post("/vms/:id/action", route({ permission: ["vm", "action_by_id"], ...ofVm }, actionHandler(gate)));
  app.get("/service", route({ permission: ["service", "show"] }, showService(gate)));
  app.put(
    "/service/role/:role",
    route({ permission: ["service", "change_cardinality"] }, scaleRole(gate, scaler)),
  );
  app.get("/vrouter", route({ permission: ["vrouter", "show"] }, showRouter(gate)));
  app.get("/vnet/:id", route({ permission: ["vnet", "show_by_id"] }, showNetwork(gate)));

  // Every other path and verb, without asking who it is: 400, as recorded.
  app.notFound((context) => {
    const unknown = new GatehouseError("bad_request", "OneGate server doesn't support this feature");
    return errorResponse(unknown, failedRequest(context), log);
  });
  app.onError((error, context) => errorResponse(error, failedRequest(context), log));
  return app;
}

function failedRequest(context: Context<GateEnv>): FailedRequest {
  return { method: context.req.method, path: context.req.path, accept: headerOf(context, "accept") };
}

/** `//vm` is /vm, since clients join a base that ends in a slash; `/vm/` is nothing (both recorded). */
function squeezedPath(request: Request): string {
  const path = getPath(request);
  return path.includes("//") ? path.replace(/\/{2,}/g, "/") : path;
}
