/** Colours of states (ECMA-48): green runs, yellow wants a look, red has failed, cyan is on its way, grey is over. */

import { ROLE_STATE, roleStateName } from "../../../../shared/states/role.ts";
import { SERVICE_STATE, serviceStateName } from "../../../../shared/states/service.ts";

const COLOURS: Readonly<Record<string, number>> = {
  RUNNING: 32,
  WARNING: 33,
  HOLD: 33,
  DONE: 90,
};
const FAILED = 31;
const ON_ITS_WAY = 36;
const KNOWN = new Set([...Object.keys(SERVICE_STATE), ...Object.keys(ROLE_STATE)]);

/** A text in the colour of a state; without colour for a name that is none. */
export function paintState(state: string, text: string = state): string {
  const name = state.trim();
  if (!KNOWN.has(name)) return text;
  const colour = name.startsWith("FAILED") ? FAILED : (COLOURS[name] ?? ON_ITS_WAY);
  return `\u001b[${colour}m${text}\u001b[0m`;
}

/** `-` for a document that tells no state. */
export function serviceState(code: number | undefined): string {
  return code === undefined ? "-" : serviceStateName(code);
}

export function roleState(code: number | undefined): string {
  return code === undefined ? "-" : roleStateName(code);
}
