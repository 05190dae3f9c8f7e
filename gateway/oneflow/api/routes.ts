/** The table of OneFlow's routes: from it come the app and the OpenAPI document. */

import { DOCUMENT_TYPE } from "../../cloud/model.ts";
import { exactId } from "../../http/ids.ts";
import type { Answer } from "./answer.ts";
import { explanationHandlers } from "./explanations.ts";
import { openApiDocument } from "./openapi/document.ts";
import type { FlowRequest } from "./request.ts";
import { JSON_TYPE } from "./respond.ts";
import { roleHandlers } from "./roles.ts";
import type { FlowApi, FlowRoute, UserRoute } from "./route.ts";
import { serviceActionHandlers } from "./service-actions.ts";
import { serviceHandlers } from "./services.ts";
import { templateActionHandler } from "./template-actions.ts";
import { templateHandlers } from "./templates.ts";
import type { Watched } from "./waiters.ts";

export function flowRoutes(api: FlowApi): readonly FlowRoute[] {
  return withOpenApi([
    ...serviceRoutes(api),
    ...roleRoutes(api),
    ...explanationRoutes(api),
    ...templateRoutes(api),
  ]);
}

const USER = { access: "user" } as const;

/** Of the document that the path names; what is no id is for its handler to refuse. */
const thatDocument = (request: FlowRequest): Watched => ({ id: exactId(request.pathParameter("id")) ?? -1 });

function serviceRoutes(api: FlowApi): readonly UserRoute[] {
  const service = serviceHandlers(api);
  const action = serviceActionHandlers(api);
  return [
    {
      ...USER,
      method: "GET",
      path: "/service",
      operation: "listServices",
      summary: "Services that the user may use, newest first",
      right: undefined,
      watched: () => ({ type: DOCUMENT_TYPE.service }),
      handle: service.list,
    },
    {
      ...USER,
      method: "GET",
      path: "/service/:id",
      operation: "showService",
      summary: "A service",
      right: "USE",
      watched: thatDocument,
      handle: service.show,
    },
    {
      ...USER,
      method: "PUT",
      path: "/service/:id",
      operation: "updateService",
      summary: "Changes what may be changed of a service that runs",
      right: "MANAGE",
      conditional: true,
      handle: service.update,
    },
    {
      ...USER,
      method: "DELETE",
      path: "/service/:id",
      operation: "deleteService",
      summary: "Ends a service and its VMs",
      right: "MANAGE",
      conditional: true,
      handle: service.undeploy,
    },
    {
      ...USER,
      method: "POST",
      path: "/service/:id/action",
      operation: "actOnService",
      summary: "Asks something of a service, or of the VMs of all its roles",
      right: "MANAGE",
      handle: action.act,
    },
    {
      ...USER,
      method: "DELETE",
      path: "/service/:id/sched_action/:action",
      operation: "unscheduleService",
      summary: "Takes a scheduled action from the VMs of all roles",
      right: "MANAGE",
      handle: action.unschedule,
    },
    {
      ...USER,
      method: "POST",
      path: "/service_pool/purge_done",
      operation: "purgeServices",
      summary: "Removes services that are done",
      right: undefined,
      handle: service.purge,
    },
  ];
}

function explanationRoutes(api: FlowApi): readonly UserRoute[] {
  const { explain, metrics } = explanationHandlers(api);
  return [
    {
      ...USER,
      method: "GET",
      path: "/service/:id/explain",
      operation: "explainService",
      summary: "Why the roles of a service scale, or do not",
      right: "USE",
      handle: explain,
    },
    {
      ...USER,
      method: "GET",
      path: "/service/:id/role/:role/explain",
      operation: "explainRole",
      summary: "The same of one role",
      right: "USE",
      handle: explain,
    },
    {
      ...USER,
      method: "GET",
      path: "/service/:id/metrics",
      operation: "showServiceMetrics",
      summary: "What was measured of the VMs of a service, as a table",
      right: "USE",
      handle: metrics,
    },
  ];
}

function roleRoutes(api: FlowApi): readonly UserRoute[] {
  const role = roleHandlers(api);
  const action = serviceActionHandlers(api);
  return [
    {
      ...USER,
      method: "POST",
      path: "/service/:id/scale",
      operation: "scaleService",
      summary: "Asks for another cardinality of a role",
      right: "MANAGE",
      handle: role.scale,
    },
    {
      ...USER,
      method: "PUT",
      path: "/service/:id/role/:role",
      operation: "scaleRole",
      summary: "The same, as older releases have it",
      right: "MANAGE",
      handle: role.scaleRole,
    },
    {
      ...USER,
      method: "POST",
      path: "/service/:id/role_action",
      operation: "changeRoles",
      summary: "Adds a role, or removes one",
      right: "MANAGE",
      handle: role.changeRoles,
    },
    {
      ...USER,
      method: "POST",
      path: "/service/:id/role/:role/action",
      operation: "actOnRole",
      summary: "Schedules an action on the VMs of a role",
      right: "MANAGE",
      handle: action.actOnRole,
    },
    {
      ...USER,
      method: "DELETE",
      path: "/service/:id/role/:role/sched_action/:action",
      operation: "unscheduleRole",
      summary: "Takes a scheduled action from the VMs of a role",
      right: "MANAGE",
      handle: action.unscheduleRole,
    },
  ];
}

function templateRoutes(api: FlowApi): readonly UserRoute[] {
  const template = templateHandlers(api);
  return [
    {
      ...USER,
      method: "GET",
      path: "/service_template",
      operation: "listServiceTemplates",
      summary: "Service templates that the user may use, newest first",
      right: undefined,
      watched: () => ({ type: DOCUMENT_TYPE.serviceTemplate }),
      handle: template.list,
    },
    {
      ...USER,
      method: "POST",
      path: "/service_template",
      operation: "createServiceTemplate",
      summary: "Makes a service template",
      right: undefined,
      handle: template.create,
    },
    {
      ...USER,
      method: "GET",
      path: "/service_template/:id",
      operation: "showServiceTemplate",
      summary: "A service template",
      right: "USE",
      watched: thatDocument,
      handle: template.show,
    },
    {
      ...USER,
      method: "PUT",
      path: "/service_template/:id",
      operation: "updateServiceTemplate",
      summary: "Writes a service template anew",
      right: "MANAGE",
      conditional: true,
      handle: template.update,
    },
    {
      ...USER,
      method: "DELETE",
      path: "/service_template/:id",
      operation: "deleteServiceTemplate",
      summary: "Removes a service template, and the VM templates of its roles where that is asked for",
      right: "MANAGE",
      conditional: true,
      handle: template.remove,
    },
    {
      ...USER,
      method: "POST",
      path: "/service_template/:id/action",
      operation: "actOnServiceTemplate",
      summary: "Instantiates, copies or changes a service template; instantiate and clone take USE",
      right: "MANAGE",
      handle: templateActionHandler(api),
    },
  ];
}

/** The document tells of itself, too; it is made when it is first asked for. */
function withOpenApi(routes: readonly FlowRoute[]): readonly FlowRoute[] {
  let answer: Answer | undefined;
  const all: readonly FlowRoute[] = [
    ...routes,
    {
      access: "public",
      method: "GET",
      path: "/openapi.json",
      operation: "showOpenApi",
      summary: "This API as an OpenAPI document",
      handle: () => {
        answer ??= {
          status: 200,
          body: JSON.stringify(openApiDocument(all)),
          headers: { "Content-Type": JSON_TYPE },
        };
        return answer;
      },
    },
  ];
  return all;
}
