/** `POST /service/:id/action`: what may be asked of a whole service, and of one role of it. */

import { GatehouseError } from "../../../shared/errors.ts";
import { exactId, shown } from "../../http/ids.ts";
import type { ServiceCommand } from "../lifecycle/events.ts";
import {
  type Action,
  type ActionTable,
  type ActionTarget,
  flagParam,
  handlerOf,
  readAction,
} from "./action.ts";
import { type Answer, NO_CONTENT } from "./answer.ts";
import { asCall, asDocumentCall } from "./core-sentence.ts";
import { ownerActions } from "./owner-actions.ts";
import type { FlowApi, UserHandler } from "./route.ts";
import { ROLE_SCHEDULES, SERVICE_SCHEDULES, scheduleOf } from "./schedule.ts";

export function serviceActionHandlers(api: FlowApi): {
  readonly act: UserHandler;
  readonly actOnRole: UserHandler;
  readonly unschedule: UserHandler;
  readonly unscheduleRole: UserHandler;
} {
  const { flow, documents } = api;
  const table = serviceActions(api);

  async function schedule(
    target: ActionTarget,
    role: string | undefined,
    { perform, hasParams }: Action,
  ): Promise<Answer> {
    const names = role === undefined ? SERVICE_SCHEDULES : ROLE_SCHEDULES;
    if (!hasParams)
      throw new GatehouseError(
        "bad_request",
        `Action ${shown(perform)}: params are missing; {} takes the defaults.`,
      );
    const wanted = scheduleOf(names, perform, target.params);
    const { id } = await documents.get(target.actor, target.id, "service");
    const scheduled = flow.schedule(target.actor, id, role, wanted);
    await asCall("one.vm.schedadd", asDocumentCall("update", scheduled));
    return NO_CONTENT;
  }

  const unschedule =
    (roleOf: (role: string) => string | undefined): UserHandler =>
    async (request, actor) => {
      const actionId = exactId(request.pathParameter("action"));
      if (actionId === undefined)
        throw new GatehouseError("bad_request", "Sched action ID must be an integer number");
      const { id } = await documents.get(actor, request.pathParameter("id"), "service");
      const role = roleOf(request.pathParameter("role"));
      const unscheduled = flow.unschedule(actor, id, role, actionId);
      await asCall("one.vm.scheddelete", asDocumentCall("update", unscheduled));
      return NO_CONTENT;
    };

  return {
    async act(request, actor) {
      const action = await readAction(request);
      const { perform, params } = action;
      const target = { actor, id: request.pathParameter("id"), params };
      if (!Object.hasOwn(table, perform) && SERVICE_SCHEDULES.has(perform))
        return await schedule(target, undefined, action);
      return await handlerOf(table, perform)(target);
    },
    async actOnRole(request, actor) {
      const action = await readAction(request);
      const target = { actor, id: request.pathParameter("id"), params: action.params };
      return await schedule(target, request.pathParameter("role"), action);
    },
    unschedule: unschedule(() => undefined),
    unscheduleRole: unschedule((role) => role),
  };
}

function serviceActions({ flow, documents }: FlowApi): ActionTable {
  async function command({ actor, id: idText }: ActionTarget, wanted: ServiceCommand): Promise<Answer> {
    const { id } = await documents.get(actor, idText, "service");
    await asDocumentCall("update", flow.command(actor, id, wanted));
    return NO_CONTENT;
  }
  return {
    ...ownerActions(documents, "service", flow),
    recover(target) {
      const kind = flagParam(target.params, "delete") === true ? "recover_delete" : "recover";
      return command(target, { kind });
    },
    release: (target) => command(target, { kind: "release" }),
    // Of older releases, where it was the gentle end.
    shutdown: (target) => command(target, { kind: "undeploy" }),
  };
}
