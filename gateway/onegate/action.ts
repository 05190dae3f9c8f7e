/** `POST /vms/ID/action`: a guest asks a VM within its reach to do something (spec onegate-api.md 4.5). */

import { z } from "zod";
import { GatehouseError } from "../../shared/errors.ts";
import type { JsonValue } from "../cloud/model.ts";
import { shown } from "../http/ids.ts";
import { NO_CONTENT } from "./answer.ts";
import { parseJson } from "./json.ts";
import { prepareAction } from "./performs.ts";
import { type GateContext, type GuestHandler, requireAction } from "./route.ts";
import { otherVm, vmIdOf } from "./vm.ts";

interface ActionRequest {
  readonly perform: string;
  readonly params: JsonValue | undefined;
}

const envelope = z.object({ action: z.record(z.string(), z.json()) });

export function actionHandler({ cloud, settings, relations }: GateContext): GuestHandler {
  const restricted = restrictedNames(settings.restrictedActions);
  return async function act(request, guest) {
    const vmId = vmIdOf(request);
    const note = { what: "action", target: otherVm(guest, vmId) };
    request.note = note;
    if (vmId !== guest.vm.id) await relations.reach(guest, vmId);
    const { perform, params } = readAction(await request.text());
    if (restricted.has(perform.toLowerCase())) throw notAllowed(perform);
    const prepared = prepareAction(perform, params);
    request.note = { ...note, details: [prepared.canonicalName] };
    if (restricted.has(prepared.canonicalName)) throw notAllowed(perform);
    requireAction(guest, prepared.canonicalName);
    await prepared.run({ vms: cloud.vms, owner: guest.owner, vmId });
    return NO_CONTENT;
  };
}

function readAction(text: string): ActionRequest {
  const read = envelope.safeParse(parseJson(text));
  if (!read.success) throw new GatehouseError("bad_request", "Error parsing JSON: Wrong resource type");
  const { perform, params } = read.data.action;
  if (typeof perform !== "string") {
    throw new GatehouseError("bad_request", "Error parsing JSON: perform must be the name of an action");
  }
  return { perform: shown(perform), params };
}

function notAllowed(perform: string): GatehouseError {
  return new GatehouseError("forbidden", `Action (${perform}) is not allowed on this resource`);
}

/** The configured names in lower case, with what each of them covers: its hard form, and the old names' actions. */
function restrictedNames(configured: readonly string[]): ReadonlySet<string> {
  const lower = configured.map((name) => name.toLowerCase());
  const covered = lower.flatMap((name) => {
    if (name === "delete") return [name, "terminate-hard"];
    if (name === "shutdown") return [name, "terminate", "terminate-hard"];
    return [name, `${name}-hard`];
  });
  return new Set(covered);
}
