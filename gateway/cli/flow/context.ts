/** What the commands of OneFlow see of the process they run in: that of the admin commands, and a person to ask. */

import { type OneContext, processOneContext } from "../one/context.ts";
import { processPerson } from "./process-person.ts";

/** Somebody who sits at the terminal. */
export interface Person {
  /** The line that is typed, unseen where it is a secret. @throws GatehouseError `bad_request` when nothing comes. */
  ask(question: string, options?: { readonly secret?: boolean }): Promise<string>;
  /** Opens a draft in an editor. */
  edit(draft: string): Promise<EditedDraft>;
}

export interface EditedDraft {
  readonly text: string;
  /** Where it lies until it is discarded. */
  readonly file: string;
  discard(): void;
}

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
