/** The table of OneGate's routes: from it come the app, each route's permission and scope, and the OpenAPI document. */

import type { ServiceScaler } from "../oneflow/directory.ts";
import { actionHandler } from "./action.ts";
import { type Answer, jsonText } from "./answer.ts";
import type { Guest } from "./authenticate.ts";
import { groupsOf, networkOf, routerOf, serviceOf } from "./change/subjects.ts";
import { showLimits } from "./fairness/limits-document.ts";
import { openApiDocument } from "./openapi/document.ts";
import type { OperationName } from "./openapi/operations.ts";
import type { GateRequest } from "./request.ts";
import { showRoot } from "./root.ts";
import type { GateContext, GateRoute } from "./route.ts";
import { scaleRole, showService } from "./service.ts";
import { trustRoutes } from "./trust/routes.ts";
import type { Scope } from "./trust/scopes.ts";
import { valueHandler } from "./value.ts";
import { vmHandlers, vmIdOf } from "./vm.ts";
import { showNetwork } from "./vnet.ts";
import { showRouter } from "./vrouter.ts";

/** Without a scaler (OneFlow is off) every scale is refused. */
export function gateRoutes(gate: GateContext, scaler: ServiceScaler | undefined): readonly GateRoute[] {
  const original = originalRoutes(gate, scaler);
  return withOpenApi(
    [...original, ...valueRoutes(original), limitsRoute(gate), ...trustRoutes(gate)],
    gate.settings.sslServer,
  );
}

/** Those of the original (spec onegate-api.md 4). */
function originalRoutes(gate: GateContext, scaler: ServiceScaler | undefined): readonly GateRoute[] {
  const vm = vmHandlers(gate);
  const guest = { access: "guest" } as const;
  const ofVm = { access: "guest", pathNamesVm: true } as const;
  return [
    {
      ...guest,
      method: "GET",
      path: "/",
      operation: "showRoot",
      summary: "Where the VM and its service are found",
      handle: showRoot(gate.settings),
    },
    {
      ...guest,
      method: "GET",
      path: "/vm",
      operation: "showVm",
      summary: "The VM that asks",
      permission: ["vm", "show"],
      scope: "self:read",
      handle: vm.show,
    },
    {
      ...guest,
      method: "PUT",
      path: "/vm",
      operation: "updateVm",
      summary: "Adds, replaces or erases attributes of the VM that asks",
      permission: ["vm", "update"],
      scope: "self:write",
      handle: vm.update,
    },
    {
      ...ofVm,
      method: "GET",
      path: "/vms/:id",
      operation: "showVmById",
      summary: "A VM of the same service, or of the same virtual router",
      permission: ["vm", "show_by_id"],
      scope: ofOther("self:read", "service:read"),
      subjects: (request, guest) => [`vm:${vmIdOf(request)}`, ...groupsOf(guest.vm)],
      handle: vm.showById,
    },
    {
      ...ofVm,
      method: "PUT",
      path: "/vms/:id",
      operation: "updateVmById",
      summary: "Adds, replaces or erases attributes of a VM of the same service",
      permission: ["vm", "update_by_id"],
      scope: ofOther("self:write", "peers:write"),
      handle: vm.updateById,
    },
    {
      ...ofVm,
      method: "POST",
      path: "/vms/:id/action",
      operation: "actOnVm",
      summary: "Asks a VM of the same service to do something",
      permission: ["vm", "action_by_id"],
      handle: actionHandler(gate),
    },
    {
      ...guest,
      method: "GET",
      path: "/service",
      operation: "showService",
      summary: "The service of the VM that asks, with its roles and their VMs",
      permission: ["service", "show"],
      scope: "service:read",
      subjects: (_request, guest) => serviceOf(guest.vm),
      handle: showService(gate),
    },
    {
      ...guest,
      method: "PUT",
      path: "/service/role/:role",
      operation: "scaleRole",
      summary: "Asks for another cardinality of a role of the service",
      permission: ["service", "change_cardinality"],
      scope: "service:scale",
      handle: scaleRole(gate, scaler),
    },
    {
      ...guest,
      method: "GET",
      path: "/vrouter",
      operation: "showRouter",
      summary: "The virtual router of the VM that asks",
      permission: ["vrouter", "show"],
      scope: "router:read",
      subjects: (_request, guest) => routerOf(guest.vm),
      handle: showRouter(gate),
    },
    {
      ...guest,
      method: "GET",
      path: "/vnet/:id",
      operation: "showNetwork",
      summary: "A virtual network around the virtual router of the VM that asks",
      permission: ["vnet", "show_by_id"],
      scope: "router:read",
      subjects: (request, guest) => [...networkOf(request.pathParameter("id")), ...routerOf(guest.vm)],
      handle: showNetwork(gate),
    },
  ];
}

/** What a guest's author wants to know before the first request. */
function limitsRoute({ settings }: GateContext): GateRoute {
  return {
    access: "public",
    method: "GET",
    path: "/limits",
    operation: "showLimits",
    summary: "How often, how much and how long: the limits in force",
    handle: showLimits(settings),
  };
}

/** One scope for the guest's own VM, another for VMs beside it. */
function ofOther(own: Scope, other: Scope): (request: GateRequest, guest: Guest) => Scope {
  return (request, guest) => (vmIdOf(request) === guest.vm.id ? own : other);
}

/** Documents whose single values can be asked for, and the operation that does it. */
const VALUED: { readonly [operation in OperationName]?: OperationName } = {
  showVm: "showVmValue",
  showVmById: "showVmByIdValue",
  showService: "showServiceValue",
  showRouter: "showRouterValue",
  showNetwork: "showNetworkValue",
};

/** What begins like an id, or like another verb's route, names no value: it is as unknown as `/nosuch` (recorded). */
const VALUE_PATH = ":path{(?!\\d|action$|role(?:/|$)).+}";

/** Each of them stands under its document's path, and takes what the document takes. */
function valueRoutes(original: readonly GateRoute[]): readonly GateRoute[] {
  return original.flatMap((route) => {
    const operation = VALUED[route.operation];
    if (route.access !== "guest" || operation === undefined) return [];
    return {
      ...route,
      path: `${route.path}/${VALUE_PATH}`,
      operation,
      summary: `${route.summary}: one value of it`,
      handle: valueHandler(route.path, route.handle),
    };
  });
}

/** The document tells of itself, too; it is made when it is first asked for. */
function withOpenApi(routes: readonly GateRoute[], server: string | undefined): readonly GateRoute[] {
  let answer: Answer | undefined;
  const all: readonly GateRoute[] = [
    ...routes,
    {
      access: "public",
      method: "GET",
      path: "/openapi.json",
      operation: "showOpenApi",
      summary: "This API as an OpenAPI document",
      handle: () => {
        answer ??= jsonText(JSON.stringify(openApiDocument(all, server)));
        return answer;
      },
    },
  ];
  return all;
}
