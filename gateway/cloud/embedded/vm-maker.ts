/** Makes a VM from its text: divides it, takes leases, completes NICs and CONTEXT, within one transaction. */

import { type Clock, epochSeconds } from "../../../shared/clock.ts";
import { stringOf, type Template } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor } from "../actor.ts";
import type { User, Vm, VmTemplate } from "../model.ts";
import { DEFAULT_MODE } from "../permissions.ts";
import { contextTemplate } from "./context/context-template.ts";
import type { Announce } from "./events.ts";
import { NETWORKS, USERS, VMS } from "./kinds.ts";
import { checkName } from "./names.ts";
import { completeNics } from "./nics.ts";
import { ownedBy } from "./pool.ts";
import { takeCharters } from "./schedule/schedule-book.ts";
import { divideTemplate } from "./vm-attributes.ts";
import { codesOf } from "./vm-machine.ts";

export interface MakeOptions {
  /** %i stands for the VM's id. */
  readonly name: string;
  readonly hold: boolean;
  /** The VM template it comes from, if any. */
  readonly source?: VmTemplate | undefined;
  readonly routerId?: number | undefined;
}

export class VmMaker {
  readonly #clock: Clock;
  readonly #announce: Announce;
  readonly #onegateEndpoint: () => string | undefined;

  /** The endpoint is asked for each time: with port 0 it is known only when OneGate listens. */
  constructor(clock: Clock, announce: Announce, onegateEndpoint: () => string | undefined) {
    this.#clock = clock;
    this.#announce = announce;
    this.#onegateEndpoint = onegateEndpoint;
  }

  /** @throws GatehouseError for bad names, charters, networks, addresses, or a token that nobody could check. */
  make(tx: Transaction, actor: Actor, text: Template, options: MakeOptions): Vm {
    const now = epochSeconds(this.#clock);
    const charters = takeCharters(tx, text, now);
    const divided = divideTemplate(charters.rest);
    const codes = codesOf(options.hold ? "HOLD" : "PENDING");
    const vm = tx.insert(VMS, (id) => {
      const name = checkName(options.name.replaceAll("%i", String(id)));
      return {
        id,
        ...ownedBy(tx, actor),
        name,
        mode: DEFAULT_MODE,
        ...codes,
        prevState: codes.state,
        prevLcmState: codes.lcmState,
        resched: false,
        stime: now,
        etime: 0,
        lastPoll: 0,
        deployId: "",
        template: this.#complete(tx, actor, id, name, divided, options),
        userTemplate: divided.userTemplate,
        monitoring: {},
        history: [],
        snapshots: [],
        ...(charters.actions.length > 0 && { scheduledActions: charters.actions }),
      };
    });
    this.#announce(tx, { kind: "vm_state", vm, previous: undefined });
    return vm;
  }

  #complete(
    tx: Transaction,
    actor: Actor,
    id: number,
    name: string,
    divided: { template: Template; userTemplate: Template },
    options: MakeOptions,
  ): Template {
    const { source, routerId } = options;
    const withNics: Template = {
      ...completeNics(tx, actor, id, divided.template),
      CREATED_BY: String(actor.uid),
      ...(source === undefined ? {} : { TEMPLATE_ID: String(source.id), TEMPLATE_UID: String(source.uid) }),
      ...(routerId === undefined ? {} : { VROUTER_ID: String(routerId) }),
      VMID: String(id),
    };
    const context = contextTemplate({
      vm: { id, ...ownedBy(tx, actor), name, template: withNics, userTemplate: divided.userTemplate },
      networks: (networkId) => tx.get(NETWORKS, networkId),
      user: tx.get(USERS, actor.uid) ?? { template: {} },
      onegateEndpoint: this.#onegateEndpoint(),
    });
    return context === undefined ? withNics : { ...withNics, CONTEXT: context };
  }
}

/** The password that signs a user's tokens; undefined when there is none. */
export function tokenPasswordOf(user: User | undefined): string | undefined {
  return user === undefined ? undefined : stringOf(user.template, "TOKEN_PASSWORD");
}
