/** What `onegate ... show` prints (spec onegate-cli.md 3), from OneGate's answers; pure. */

import { serviceStateName } from "../../shared/states/service.ts";
import { vmStateText } from "../../shared/states/vm.ts";
import { at, listAt, textAt } from "./answer.ts";

const HEADING_COLUMNS = 80;
const KEY_COLUMNS = 20;

const BOLD = "\x1b[1m";
const UNDERLINE = "\x1b[4m";
const RESET = "\x1b[0m";

/** How headings look: on a terminal bold, and underlined where they begin an object. */
export interface Style {
  readonly tty: boolean;
}

export type Printer = (answer: unknown, style: Style) => string;

/** The answer as JSON with two blanks of indentation. */
export const printJson: Printer = (answer) => `${JSON.stringify(answer, null, 2)}\n`;

/** `{"VM": …}`: NAME, STATE where it is told, and IP for each NIC that has one. */
export const printVm: Printer = (answer, style) => vmText(at(answer, "VM"), undefined, style);

export const printService: Printer = (answer, style) => {
  const service = at(answer, "SERVICE");
  const roles = listAt(service, "roles").map((role) => roleText(role, style));
  return [
    heading(`SERVICE ${textAt(service, "id") ?? ""}`, style),
    line("NAME", textAt(service, "name")),
    line("STATE", stateOf(textAt(service, "state"))),
    "\n",
    ...roles,
  ].join("");
};

export const printRouter: Printer = (answer, style) => {
  const router = at(answer, "VROUTER");
  const vms = listAt(router, "VMS", "ID").map((id) => textAt(id) ?? "");
  return [
    heading(`VROUTER ${textAt(router, "ID") ?? ""}`, style),
    line("NAME", textAt(router, "NAME")),
    line("VMS", vms.join(",")),
  ].join("");
};

export const printNetwork: Printer = (answer, style) =>
  heading("VNET", style) + line("ID", textAt(answer, "VNET", "ID"));

function roleText(role: unknown, style: Style): string {
  const nodes = listAt(role, "nodes").map((node) =>
    vmText(at(node, "vm_info", "VM"), textAt(node, "deploy_id"), style),
  );
  return `${heading(`ROLE ${textAt(role, "name") ?? ""}`, style, false)}${nodes.join("")}\n`;
}

/** A node that OneFlow has not loaded yet has no VM, only its id. */
function vmText(vm: unknown, idOtherwise: string | undefined, style: Style): string {
  const state = textAt(vm, "STATE");
  const addresses = listAt(vm, "TEMPLATE", "NIC").map((nic) => textAt(nic, "IP"));
  return [
    heading(`VM ${textAt(vm, "ID") ?? idOtherwise ?? ""}`, style),
    line("NAME", textAt(vm, "NAME")),
    state === undefined ? "" : line("STATE", vmStateText(Number(state), Number(textAt(vm, "LCM_STATE")))),
    ...addresses.filter(Boolean).map((address) => line("IP", address)),
  ].join("");
}

function stateOf(code: string | undefined): string | undefined {
  return code === undefined ? undefined : serviceStateName(Number(code));
}

function line(key: string, value: string | undefined): string {
  return value === undefined ? "" : `${key.padEnd(KEY_COLUMNS)}: ${value}\n`;
}

function heading(text: string, { tty }: Style, underlined = true): string {
  const padded = text.padEnd(HEADING_COLUMNS);
  if (!tty) return `${padded}\n`;
  return `${BOLD}${underlined ? UNDERLINE : ""}${padded}${RESET}\n`;
}
