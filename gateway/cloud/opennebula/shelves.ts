/** What is known of all kinds of objects, side by side, and which changes of them are events. */

import type { Clock } from "../../../shared/clock.ts";
import { VM_STATE } from "../../../shared/states/vm.ts";
import type { Unversioned } from "../document/fields.ts";
import { type Base, DOCUMENT_TYPE, type Document, type Vm } from "../model.ts";
import type { Core } from "./core.ts";
import type { Followed } from "./follower.ts";
import * as kinds from "./kinds.ts";
import {
  documentEvent,
  hostEvent,
  isVmNews,
  type Listener,
  networkEvent,
  routerEvent,
  vmEvent,
} from "./listeners.ts";
import { Objects } from "./objects.ts";
import type { PoolCall } from "./pool-look.ts";
import { type Change, Order, Sight, type SightOptions } from "./sight.ts";

/** A host's document has 30 KB (recorded), and the readings in it are others every time. */
const HOSTS_REST_MS = 30_000;

/** VMs in any state but DONE. */
const NOT_DONE = -1;

const RANGED = { isRanged: true, rest: [] } as const;
const WHOLE = { isRanged: false, rest: [] } as const;

/** A pool tells nothing of what is measured (recorded); what is known of that stays. */
const VM_SIGHT: KindOptions<Vm> = {
  keep: (next: Unversioned<Vm>, last: Vm) => ({
    ...next,
    lastPoll: last.lastPoll,
    monitoring: last.monitoring,
  }),
  isNews: isVmNews,
  isOver: ({ state }) => state === VM_STATE.DONE,
};

export interface ShelvesOptions {
  readonly core: Core;
  readonly clock: Clock;
  readonly cacheMs: number;
  readonly tell: Listener;
}

export type Shelves = ReturnType<typeof openShelves>;

export function openShelves({ core, clock, cacheMs, tell }: ShelvesOptions) {
  const make = maker(core, { order: new Order(clock), clock, cacheMs });
  return {
    vms: make(kinds.VMS, [{ isRanged: true, rest: [NOT_DONE] }], VM_SIGHT, (change) => {
      const event = vmEvent(change);
      if (event !== undefined) tell(event);
    }),
    hosts: make(kinds.HOSTS, [WHOLE], {}, (change) => {
      const event = hostEvent(change);
      if (event !== undefined) tell(event);
    }),
    documents: make(kinds.DOCUMENTS, documentCalls(), { isOver: isForeign }, (change) =>
      tell(documentEvent(change)),
    ),
    networks: make(kinds.NETWORKS, [RANGED], {}, (change) => tell(networkEvent(change))),
    routers: make(kinds.ROUTERS, [RANGED], {}, (change) => tell(routerEvent(change))),
    templates: make(kinds.TEMPLATES, [RANGED]),
    networkTemplates: make(kinds.NETWORK_TEMPLATES, [RANGED]),
    users: make(kinds.USERS, [WHOLE]),
    groups: make(kinds.GROUPS, [WHOLE]),
    vmGroups: make(kinds.VM_GROUPS, [RANGED]),
  };
}

/** What is looked at while somebody listens. */
export function followedOf({ vms, documents, hosts, networks, routers }: Shelves): readonly Followed[] {
  return [
    followed("VMs", vms),
    followed("documents", documents),
    { ...followed("hosts", hosts), restMs: HOSTS_REST_MS },
    followed("networks", networks),
    followed("routers", routers),
  ];
}

function followed<T extends Base>(name: string, objects: Objects<T>): Followed {
  return {
    name,
    poll: () => objects.poll(),
    listen: (isListening) => objects.sight.listen(isListening),
    follow: () => objects.sight.follow(),
  };
}

/** The call that lists documents lists one type of them. */
function documentCalls(): readonly PoolCall<Document>[] {
  return Object.values(DOCUMENT_TYPE).map((type) => ({
    isRanged: true,
    rest: [type],
    lists: (document) => document.type === type,
  }));
}

/** A document of a type that is not OneFlow's, which no list brings. */
function isForeign({ type }: { readonly type: number }): boolean {
  return !Object.values<number>(DOCUMENT_TYPE).includes(type);
}

type KindOptions<T extends Base> = Pick<SightOptions<T>, "keep" | "isNews" | "isOver">;

function maker(core: Core, known: { order: Order; clock: Clock; cacheMs: number }) {
  return <T extends Base>(
    kind: kinds.Kind<T>,
    calls: readonly PoolCall<T>[],
    sight: KindOptions<T> = {},
    tell?: (change: Change<T>) => void,
  ): Objects<T> => new Objects({ core, kind, calls, sight: new Sight({ ...known, ...sight }, tell) });
}
