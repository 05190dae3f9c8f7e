/**
 * Who waits for whom: parents must be roles of the service, and no role may wait for itself, however far around.
 * (The original takes such a template, and its service never gets past DEPLOYING.)
 */

import { GatehouseError } from "../../../shared/errors.ts";
import { nearest } from "../../../shared/nearest.ts";
import { MAX_PARENTS } from "./limits.ts";

interface RoleWithParents {
  readonly name: string;
  readonly parents?: readonly string[];
}

/** @throws GatehouseError `bad_request` with the place of the name at fault, and the whole way around a cycle. */
export function checkParents(roles: readonly RoleWithParents[]): void {
  const count = roles.reduce((sum, role) => sum + (role.parents?.length ?? 0), 0);
  if (count > MAX_PARENTS) {
    throw refusal(`The roles name ${count} parents; ${MAX_PARENTS} are allowed.`);
  }
  const names = roles.map((role) => role.name);
  for (const [index, role] of roles.entries()) checkNames(role, `roles[${index}].parents`, names);
  const cycle = findCycle(roles);
  if (cycle === undefined) return;
  const index = names.indexOf(cycle[0] ?? "");
  throw refusal(
    `roles[${index}].parents: roles cannot wait for one another in a cycle (${cycle.join(" -> ")}, each names the next as its parent).`,
  );
}

/** A role that joins others. Their parents were looked at before, and they cannot name it. */
export function checkNewParents(role: RoleWithParents, others: readonly string[]): void {
  checkNames(role, "parents", [...others, role.name]);
}

function checkNames({ name, parents = [] }: RoleWithParents, path: string, names: readonly string[]): void {
  const known = new Set(names);
  for (const [index, parent] of parents.entries()) {
    if (parent === name) throw refusal(`${path}[${index}]: role '${name}' cannot be its own parent.`);
    if (known.has(parent)) continue;
    const near = nearest(parent.slice(0, 128), names);
    const hint = near === undefined ? "" : `; did you mean '${near}'?`;
    throw refusal(
      `${path}[${index}]: role '${name}' names the parent '${parent.slice(0, 128)}', which is no role of the service${hint}`,
    );
  }
}

/** The names around the first cycle, its first name repeated at the end. Walks with a list of its own, so that long chains do no harm. */
function findCycle(roles: readonly RoleWithParents[]): readonly string[] | undefined {
  const parentsOf = new Map(roles.map(({ name, parents = [] }) => [name, parents]));
  const done = new Set<string>();
  for (const { name } of roles) {
    const path = [{ name, next: 0 }];
    const onPath = new Set(done.has(name) ? [] : [name]);
    while (onPath.size > 0) {
      const here = path.at(-1);
      if (here === undefined) break;
      const parent = parentsOf.get(here.name)?.[here.next];
      here.next += 1;
      if (parent === undefined) {
        done.add(here.name);
        onPath.delete(here.name);
        path.pop();
      } else if (onPath.has(parent)) {
        const names = path.map((step) => step.name);
        return [...names.slice(names.indexOf(parent)), parent];
      } else if (!done.has(parent)) {
        path.push({ name: parent, next: 0 });
        onPath.add(parent);
      }
    }
  }
  return undefined;
}

function refusal(sentence: string): GatehouseError {
  return new GatehouseError("bad_request", sentence);
}
