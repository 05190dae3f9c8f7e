/** `GET /vrouter`: a router's VM reads its router (spec onegate-api.md 4.8). */

import { valuesOf } from "../../shared/template/types.ts";
import type { Router } from "../cloud/model.ts";
import { jsonText } from "./answer.ts";
import type { GateContext, GuestHandler } from "./route.ts";

export function showRouter({ relations }: GateContext): GuestHandler {
  return async function vrouter(_request, guest) {
    return jsonText(routerText(await relations.routerOf(guest)));
  };
}

/** VMS.ID holds numbers, as recorded, where every other id is a string. */
function routerText(router: Router): string {
  return JSON.stringify({
    VROUTER: {
      NAME: router.name,
      ID: String(router.id),
      VMS: { ID: router.vmIds },
      TEMPLATE: { ...router.template, NIC: valuesOf(router.template, "NIC") },
    },
  });
}
