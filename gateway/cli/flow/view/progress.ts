/** A role as one line: its state, and a bar of the VMs that there are, of those that there should be. */

import { ROLE_STATE } from "../../../../shared/states/role.ts";
import { printableCell } from "../../one/format.ts";
import type { FlowRole } from "../document.ts";
import { paintState, roleState } from "./colours.ts";

const BAR_SIZE = 20;
const STATE_SIZE = 18;
const MAX_NAME_SIZE = 24;

/** `=` stands for VMs on their way, `#` for those of a role that is up. */
export function progressBar({ state, nodes, cardinality }: FlowRole): string {
  const share = cardinality === 0 ? 1 : Math.min(1, nodes.length / cardinality);
  const sign = state === ROLE_STATE.RUNNING ? "#" : "=";
  return `[${sign.repeat(Math.floor(share * BAR_SIZE)).padEnd(BAR_SIZE)}]`;
}

/** A line a role, names and states in columns. */
export function progressLines(roles: readonly FlowRole[], colours: boolean): readonly string[] {
  const longest = Math.max(0, ...roles.map(({ name }) => printableCell(name).length));
  const size = Math.min(longest, MAX_NAME_SIZE);
  return roles.map((role) => {
    const name = printableCell(role.name).slice(0, size).padEnd(size);
    const state = roleState(role.state).padEnd(STATE_SIZE);
    const shown = colours ? paintState(state) : state;
    return `${name}  ${shown} ${progressBar(role)} ${role.nodes.length}/${role.cardinality}`;
  });
}
