/** A real OpenNebula as a `Cloud`: its core over XML-RPC, asked for each actor as its own servers do. */

import type { Clock } from "../../../shared/clock.ts";
import { VM_STATE } from "../../../shared/states/vm.ts";
import type { RpcValue } from "../../../shared/xmlrpc/encoding.ts";
import type { Cloud } from "../cloud.ts";
import type { Unversioned } from "../document/fields.ts";
import { type Base, DOCUMENT_TYPE, type Vm } from "../model.ts";
import { Core } from "./core.ts";
import { RemoteDocuments } from "./documents.ts";
import { type Followed, Follower } from "./follower.ts";
import { RemoteGroups, RemoteVmGroups } from "./groups.ts";
import { Hints } from "./hooks/hints.ts";
import { HookSubscriber } from "./hooks/subscriber.ts";
import { RemoteHosts } from "./hosts.ts";
import * as kinds from "./kinds.ts";
import {
  documentEvent,
  hostEvent,
  isVmNews,
  Listeners,
  networkEvent,
  routerEvent,
  vmEvent,
} from "./listeners.ts";
import { Makes } from "./makes.ts";
import { RemoteMonitoring } from "./monitoring.ts";
import { RemoteNetworks } from "./networks.ts";
import { Objects } from "./objects.ts";
import type { PoolTools } from "./pool.ts";
import { RemoteRouters } from "./routers.ts";
import { DEFAULT_TIMES, type OpenNebulaOptions } from "./settings.ts";
import { type Change, Order, Sight, type SightOptions } from "./sight.ts";
import { RemoteNetworkTemplates, RemoteTemplates } from "./templates.ts";
import { OneByOne } from "./turns.ts";
import { RemoteUsers } from "./users.ts";
import { RemoteVms } from "./vms.ts";

export interface OpenNebulaCloud extends Cloud {
  /** Ends what is under way with the core; calls after it fail. */
  close(): Promise<void>;
}

/** A host's document has 30 KB (recorded), and the readings in it are others every time. */
const HOSTS_REST_MS = 30_000;

/** A range from end to end, and VMs in any state but DONE. */
const RANGE = [-1, -1] as const;
const NOT_DONE = -1;

/**
 * The core need not be there yet: each call tells. @throws GatehouseError `bad_request` for an endpoint that is none.
 */
export async function openOpenNebulaCloud(options: OpenNebulaOptions): Promise<OpenNebulaCloud> {
  const settings = { ...DEFAULT_TIMES, ...options };
  const { clock, log, cacheMs } = settings;
  const core = new Core(settings);
  const listeners = new Listeners(
    () => {
      follower.start();
      monitoring.start();
      hooks?.start();
    },
    () => {
      follower.stop();
      monitoring.stop();
      hooks?.stop();
    },
  );
  const { tell } = listeners;
  const known = { order: new Order(clock), clock, cacheMs };
  const make = maker(core, known);

  const vms = make(kinds.VMS, [[...RANGE, NOT_DONE]], VM_SIGHT, (change) => {
    const event = vmEvent(change);
    if (event !== undefined) tell(event);
  });
  const hosts = make(kinds.HOSTS, [[]], { hasFilter: false }, (change) => {
    const event = hostEvent(change);
    if (event !== undefined) tell(event);
  });
  const types = Object.values(DOCUMENT_TYPE).map((type) => [...RANGE, type]);
  const isForeign = ({ type }: { type: number }) => !Object.values<number>(DOCUMENT_TYPE).includes(type);
  const documents = make(kinds.DOCUMENTS, types, { isOver: isForeign }, (change) =>
    tell(documentEvent(change)),
  );
  const networks = make(kinds.NETWORKS, [RANGE], {}, (change) => tell(networkEvent(change)));
  const routers = make(kinds.ROUTERS, [RANGE], {}, (change) => tell(routerEvent(change)));

  const monitoring = new RemoteMonitoring({
    core,
    clock,
    log,
    monitoringMs: settings.monitoringMs,
    known: (id) => vms.sight.known(id),
    tell,
  });
  const followed = [
    followedOf("VMs", vms),
    followedOf("documents", documents),
    { ...followedOf("hosts", hosts), restMs: HOSTS_REST_MS },
    followedOf("networks", networks),
    followedOf("routers", routers),
  ];
  const follower = new Follower({ followed, clock, log, pollMs: settings.pollMs });
  const hints = new Hints({ vm: vms, host: hosts, vn: networks, document: documents, vrouter: routers });
  const hooks =
    settings.hooks === undefined
      ? undefined
      : new HookSubscriber({
          endpoint: settings.hooks,
          clock,
          log,
          onHint: (hint) => void follower.ready().then(() => hints.take(hint)),
          // What happened before is found by a look at everything.
          onListening: () => follower.soon(),
        });
  const makes = new Makes({ clock, log, settleMs: settings.settleMs });
  const tools: PoolTools = { core, makes, turns: new OneByOne(), ready: () => follower.ready() };

  const vmPool = new RemoteVms(tools, vms, "vm", monitoring.seen);
  const networkPool = new RemoteNetworks(tools, networks, "vn");
  return {
    vms: vmPool,
    templates: new RemoteTemplates(tools, make(kinds.TEMPLATES, [RANGE]), vmPool),
    networks: networkPool,
    networkTemplates: new RemoteNetworkTemplates(tools, make(kinds.NETWORK_TEMPLATES, [RANGE]), networkPool),
    routers: new RemoteRouters(tools, routers, vmPool),
    documents: new RemoteDocuments(tools, documents, "document"),
    hosts: new RemoteHosts(tools, hosts, "host"),
    users: new RemoteUsers(tools, make(kinds.USERS, [[]], { hasFilter: false }), "user"),
    groups: new RemoteGroups(tools, make(kinds.GROUPS, [[]], { hasFilter: false }), "group"),
    vmGroups: new RemoteVmGroups(tools, make(kinds.VM_GROUPS, [RANGE]), "vmgroup"),
    monitoring,
    subscribe: (listener) => listeners.add(listener),
    async close() {
      follower.stop();
      monitoring.stop();
      hooks?.stop();
      core.close();
    },
  };
}

type KindOptions<T extends Base> = Pick<SightOptions<T>, "keep" | "isNews" | "isOver"> & {
  readonly hasFilter?: boolean;
};

function maker(core: Core, known: { order: Order; clock: Clock; cacheMs: number }) {
  return <T extends Base>(
    kind: kinds.Kind<T>,
    lists: readonly (readonly RpcValue[])[],
    { hasFilter = true, ...sight }: KindOptions<T> = {},
    tell?: (change: Change<T>) => void,
  ): Objects<T> =>
    new Objects({ core, kind, lists, hasFilter, sight: new Sight({ ...known, ...sight }, tell) });
}

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

function followedOf<T extends Base>(name: string, objects: Objects<T>): Followed {
  return {
    name,
    poll: () => objects.poll(),
    follow: (isFollowing) => objects.sight.follow(isFollowing),
  };
}
