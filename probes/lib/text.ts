/** Template text as upstream's probes print it: `KEY=value` lines and one-line vectors. */

import { printValue } from "../../shared/template/print.ts";

/** What both readings of an unquoted value take as one word (shared/template/parse.ts). */
const PLAIN = /^[A-Za-z0-9_.:-]+$/;

/** `KEY=value`, quoted where it must be. */
export function line(key: string, value: string | number): string {
  const text = oneLine(value);
  return `${key}=${PLAIN.test(text) ? text : printValue(text)}\n`;
}

/** The lines of all keys that have a value, in order. */
export function lines(values: Readonly<Record<string, string | number | undefined>>): string {
  return given(values)
    .map(([key, value]) => line(key, value))
    .join("");
}

/** `KEY = [ A = "1", B = "2" ]`; what has no value is left out. */
export function vector(key: string, values: Readonly<Record<string, string | number | undefined>>): string {
  const entries = given(values).map(([name, value]) => `${name} = ${printValue(oneLine(value))}`);
  return `${key} = [ ${entries.join(", ")} ]\n`;
}

/** A VM's figures (spec monitoring.md 8); DEPLOY_ID is left out where the probe does not know it. */
export function vmFigures(id: number, deployId: string | undefined, figures: string): string {
  const monitor = Buffer.from(figures).toString("base64");
  return vector("VM", { ID: id, DEPLOY_ID: deployId, MONITOR: monitor });
}

/** What a host can say of a VM (spec monitoring.md 7). One that is gone is not listed at all. */
export type GuestState = "RUNNING" | "FAILURE" | "SUSPENDED" | "POWEROFF" | "UNKNOWN";

export function vmState(id: number, deployId: string, state: GuestState): string {
  return vector("VM", { ID: id, DEPLOY_ID: deployId, STATE: state });
}

function given(values: Readonly<Record<string, string | number | undefined>>): [string, string | number][] {
  return Object.entries(values).filter((entry): entry is [string, string | number] => entry[1] !== undefined);
}

/** Names come from hardware, files and guests: control characters would break lines, or terminals that show them. */
function oneLine(value: string | number): string {
  return String(value).replace(/\p{Cc}+/gu, " ");
}
