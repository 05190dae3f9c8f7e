/** A VM's scheduled actions, which OpenNebula shows as SCHED_ACTION vectors in TEMPLATE, and by id in SCHED_ACTIONS. */

import { isGatehouseError } from "../../../shared/errors.ts";
import { type Template, vectorsOf } from "../../../shared/template/types.ts";
import type { JsonObject, JsonValue, ScheduledAction } from "../model.ts";
import { printScheduledAction, readScheduledAction } from "../scheduled-action.ts";
import { badField } from "./fields.ts";
import { printBare } from "./json-form.ts";

const NAME = "SCHED_ACTION";

/** The template with the actions at their place in OpenNebula's order, which is that of the alphabet. */
export function putSchedule(
  template: JsonObject,
  vmId: number,
  actions: readonly ScheduledAction[] = [],
): JsonObject {
  if (actions.length === 0) return template;
  const vectors = actions.map((action) => {
    const attributes = Object.entries(printScheduledAction(vmId, action));
    return Object.fromEntries(attributes.map(([name, text]) => [name, printBare(text)]));
  });
  const value: JsonValue = vectors.length === 1 && vectors[0] !== undefined ? vectors[0] : vectors;
  const entries = Object.entries(template).filter(([name]) => name !== NAME);
  const place = entries.findIndex(([name]) => name > NAME);
  entries.splice(place < 0 ? entries.length : place, 0, [NAME, value]);
  return Object.fromEntries(entries);
}

/** The other way round. @throws GatehouseError `bad_request` beginning with the path of the bad vector. */
export function takeSchedule(
  template: Template,
  path: string,
): { readonly template: Template; readonly actions: readonly ScheduledAction[] } {
  if (template[NAME] === undefined) return { template, actions: [] };
  const { [NAME]: _, ...others } = template;
  const actions = vectorsOf(template, NAME).map((vector, index) => {
    try {
      return readScheduledAction(vector);
    } catch (error) {
      if (!isGatehouseError(error)) throw error;
      throw badField(`${path}.${NAME}[${index}]`, `is no scheduled action: ${error.message}`);
    }
  });
  return { template: others, actions };
}
