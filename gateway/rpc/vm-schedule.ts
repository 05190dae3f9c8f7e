/** one.vm.sched*: actions on a VM at a time. */

import { z } from "zod";
import { vectorsOf } from "../../shared/template/types.ts";
import { readSchedule, readScheduleChanges } from "../cloud/scheduled-action.ts";
import { CORE_CODE, CoreRefusal } from "./codes.ts";
import { integer, type Methods, method, text } from "./method.ts";
import { templateArgument } from "./template-argument.ts";

export const vmScheduleMethods: Methods = {
  // Gives the action's id (recorded: 12 of a VM 66).
  "one.vm.schedadd": method(z.tuple([integer, text]), async ({ cloud, actor }, [id, source]) =>
    cloud.vms.schedule(actor, id, readSchedule(onlyAction(source))),
  ),

  "one.vm.schedupdate": method(
    z.tuple([integer, integer, text]),
    async ({ cloud, actor }, [id, actionId, source]) => {
      await cloud.vms.reschedule(actor, id, actionId, readScheduleChanges(onlyAction(source)));
      return actionId;
    },
  ),

  "one.vm.scheddelete": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, actionId]) => {
    await cloud.vms.unschedule(actor, id, actionId);
    return id;
  }),
};

/** `SCHED_ACTION = [ ... ]` */
function onlyAction(source: string) {
  const [action, second] = vectorsOf(templateArgument(source), "SCHED_ACTION");
  if (action !== undefined && second === undefined) return action;
  throw new CoreRefusal(CORE_CODE.XML_RPC_API, "The template must hold one SCHED_ACTION = [ ... ].");
}
