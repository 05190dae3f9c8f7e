/** What the commands of OneFlow see of the process they run in: that of the admin commands, and a person to ask. */

import { type OneContext, processOneContext } from "../one/context.ts";
import type { Person } from "./person.ts";
import { processPerson } from "./process-person.ts";

export interface FlowContext extends OneContext {
  /** Undefined where nobody sits at a terminal. */
  readonly person: Person | undefined;
}

export function processFlowContext(): FlowContext {
  return { ...processOneContext(), person: processPerson() };
}

/** NO_COLOR (no-color.org) and TERM=dumb are respected; a pipe gets none. */
export function wantsColours({ columns, env }: Pick<FlowContext, "columns" | "env">): boolean {
  return columns !== undefined && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
}
