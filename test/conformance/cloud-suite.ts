/**
 * What every implementation of `Cloud` must do, as tests that use the interface alone. Pools may hold more than a test
 * made, and ids may begin anywhere; what a test relies on, it makes.
 */

import { describe, it } from "vitest";
import { documentTests } from "./cloud/documents.ts";
import { eventTests } from "./cloud/events.ts";
import { groupTests } from "./cloud/groups.ts";
import { hostTests } from "./cloud/hosts.ts";
import { interfaceTests } from "./cloud/interfaces.ts";
import { lockTests } from "./cloud/locks.ts";
import { loginTests } from "./cloud/logins.ts";
import { monitoringTests } from "./cloud/monitoring.ts";
import { networkTests } from "./cloud/networks.ts";
import { ownershipTests } from "./cloud/ownership.ts";
import { permissionTests } from "./cloud/permissions.ts";
import { rangeTests } from "./cloud/ranges.ts";
import { readingTests } from "./cloud/reading.ts";
import { routerTests } from "./cloud/routers.ts";
import { freshCloud, type MakeCloud } from "./cloud/setup.ts";
import { templateTests } from "./cloud/templates.ts";
import { userTests } from "./cloud/users.ts";
import { vmActionTests } from "./cloud/vm-actions.ts";
import { vmTests } from "./cloud/vms.ts";

export type { CloudUnderTest, MakeCloud } from "./cloud/setup.ts";

const PARTS = {
  users: userTests,
  "a login": loginTests,
  groups: groupTests,
  permissions: permissionTests,
  ownership: ownershipTests,
  locks: lockTests,
  reading: readingTests,
  hosts: hostTests,
  templates: templateTests,
  networks: networkTests,
  "ranges of networks": rangeTests,
  routers: routerTests,
  documents: documentTests,
  VMs: vmTests,
  "actions on VMs": vmActionTests,
  "interfaces of VMs": interfaceTests,
  monitoring: monitoringTests,
  events: eventTests,
} as const;

export type Part = keyof typeof PARTS;

/** Parts that a cloud has no way to do, each with the reason. */
export type Without = Partial<Readonly<Record<Part, string>>>;

/**
 * Declares the tests for one implementation, or those of some `parts` for a variant of one. `makeCloud` is called anew
 * for each test.
 */
export function cloudSuite(
  name: string,
  makeCloud: MakeCloud,
  without: Without = {},
  parts: readonly Part[] = Object.keys(PARTS).filter(isPart),
): void {
  describe(name, () => {
    for (const part of parts) {
      const reason = without[part];
      if (reason !== undefined) it.skip(`${part}: ${reason}`, () => {});
      else describe(part, () => PARTS[part](freshCloud(makeCloud)));
    }
  });
}

function isPart(name: string): name is Part {
  return Object.hasOwn(PARTS, name);
}
