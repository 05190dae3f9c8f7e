/** What a VM's template says of its token: what it may do, and whether it only counts from the VM's own addresses. */

import { BlockList, isIP } from "node:net";
import type { Logger } from "../../../shared/log.ts";
import { isYes, type Template, vectorOf, vectorsOf } from "../../../shared/template/types.ts";
import type { Vm } from "../../cloud/model.ts";
import { wireAddressOf } from "../../cloud/wire-address.ts";
import { LEASED_ADDRESSES, UNLEASED_ADDRESSES } from "./addresses.ts";
import { DEFAULT_GRANTS, type Grants, type Profile, parseScopes } from "./scopes.ts";

export interface StandingRules {
  readonly profile: Profile;
  /** Binds every VM, whatever its template says. */
  readonly bindAddresses: boolean;
}

export interface Standing {
  readonly grants: Grants;
  /** True when the VM's token counts from this address; undefined: from any. */
  readonly takesFrom: ((address: string) => boolean) | undefined;
}

const ADDRESS_ATTRIBUTES = [...LEASED_ADDRESSES, ...UNLEASED_ADDRESSES];

/** Standings are worked out once per template: snapshots of a VM share it, since reports change the user template. */
export class Standings {
  readonly #rules: StandingRules;
  readonly #log: Logger;
  readonly #usual: Standing;
  readonly #known = new WeakMap<Template, Standing>();

  constructor(rules: StandingRules, log: Logger) {
    this.#rules = rules;
    this.#log = log;
    this.#usual = { grants: DEFAULT_GRANTS[rules.profile], takesFrom: undefined };
  }

  of(vm: Vm): Standing {
    const known = this.#known.get(vm.template);
    if (known !== undefined) return known;
    const standing = this.#read(vm);
    this.#known.set(vm.template, standing);
    return standing;
  }

  #read({ id, template }: Vm): Standing {
    const { ONEGATE_SCOPE: scope, ONEGATE_BIND: bind } = vectorOf(template, "CONTEXT") ?? {};
    const bound = this.#rules.bindAddresses || isYes(bind);
    if (scope === undefined && !bound) return this.#usual;
    return {
      grants: scope === undefined ? this.#usual.grants : this.#grants(id, scope),
      takesFrom: bound ? addressCheck(id, template) : this.#usual.takesFrom,
    };
  }

  #grants(vmId: number, text: string): Grants {
    const { grants, unknown } = parseScopes(text, this.#rules.profile);
    if (unknown.length > 0) {
      this.#log.warn({ vmId, unknown: unknown.slice(0, 10) }, "ONEGATE_SCOPE names scopes that do not exist");
    }
    return grants;
  }
}

/** A VM without addresses is heard from nowhere. A NIC of no network has no lease: whoever attached it chose its address. */
function addressCheck(vmId: number, template: Template): (address: string) => boolean {
  const own = new BlockList();
  for (const nic of [...vectorsOf(template, "NIC"), ...vectorsOf(template, "NIC_ALIAS")]) {
    if (nic.NETWORK_ID === undefined) continue;
    own.addAddress(wireAddressOf(vmId), "ipv4");
    for (const name of ADDRESS_ATTRIBUTES) {
      const address = nic[name] ?? "";
      const family = familyOf(address);
      if (family !== undefined) own.addAddress(address, family);
    }
  }
  return (address) => {
    // A link-local peer carries its interface: fe80::1%eth0.
    const [plain = ""] = address.split("%", 1);
    const family = familyOf(plain);
    return family !== undefined && own.check(plain, family);
  };
}

function familyOf(address: string): "ipv4" | "ipv6" | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 4 ? "ipv4" : "ipv6";
}
