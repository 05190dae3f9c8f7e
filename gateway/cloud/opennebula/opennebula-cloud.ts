/** A real OpenNebula as a `Cloud`: its core over XML-RPC, asked for each actor as its own servers do. */

import type { Cloud } from "../cloud.ts";
import { Claim, type ClaimOptions } from "./claim.ts";
import { Core } from "./core.ts";
import { RemoteDocuments } from "./documents.ts";
import { Follower } from "./follower.ts";
import { RemoteGroups, RemoteVmGroups } from "./groups.ts";
import { Hints } from "./hooks/hints.ts";
import { HookSubscriber } from "./hooks/subscriber.ts";
import { RemoteHosts } from "./hosts.ts";
import { Listeners } from "./listeners.ts";
import { Makes } from "./makes.ts";
import { RemoteMonitoring } from "./monitoring.ts";
import { RemoteNetworks } from "./networks.ts";
import type { PoolTools } from "./pool.ts";
import { RemoteRouters } from "./routers.ts";
import { DEFAULT_TIMES, type OpenNebulaOptions, type OpenNebulaTimes } from "./settings.ts";
import { followedOf, openShelves, type Shelves } from "./shelves.ts";
import { RemoteNetworkTemplates, RemoteTemplates } from "./templates.ts";
import { OneByOne } from "./turns.ts";
import { RemoteUsers } from "./users.ts";
import { RemoteVms } from "./vms.ts";

export interface OpenNebulaCloud extends Cloud {
  /** What lets one house at a time do the services of this OpenNebula. */
  claim(options: Pick<ClaimOptions, "claimant" | "newBeat" | "onLost">): Claim;
  /** Ends what is under way with the core; calls after it fail. */
  close(): Promise<void>;
}

type Settings = OpenNebulaOptions & OpenNebulaTimes;

/**
 * The core need not be there yet: each call tells. @throws TypeError for an endpoint that is no URL.
 */
export async function openOpenNebulaCloud(options: OpenNebulaOptions): Promise<OpenNebulaCloud> {
  const settings: Settings = { ...DEFAULT_TIMES, ...options };
  const { clock, log, cacheMs, pollMs, monitoringMs, settleMs } = settings;
  const core = new Core(settings);
  const watches: Watch[] = [];
  const listeners = new Listeners(
    () => {
      for (const watch of watches) watch.start();
    },
    () => {
      for (const watch of watches) watch.stop();
    },
  );
  const { tell } = listeners;
  const shelves = openShelves({ core, clock, cacheMs, tell });
  const known = (id: number) => shelves.vms.sight.known(id);
  const monitoring = new RemoteMonitoring({ core, clock, log, monitoringMs, known, tell });
  const follower = new Follower({ followed: followedOf(shelves), clock, log, pollMs });
  watches.push(follower, monitoring, ...hooksOf(settings, shelves, follower));
  const makes = new Makes({ clock, log, settleMs });
  const tools: PoolTools = { core, makes, turns: new OneByOne(), ready: () => follower.ready() };
  return {
    ...poolsOf(tools, shelves, monitoring),
    monitoring,
    subscribe: (listener) => listeners.add(listener),
    claim: (claiming) => new Claim({ ...claiming, core, clock }),
    async close() {
      for (const watch of watches) watch.stop();
      core.close();
    },
  };
}

/** What works only while somebody listens. */
interface Watch {
  start(): void;
  stop(): void;
}

function hooksOf(settings: Settings, shelves: Shelves, follower: Follower): readonly Watch[] {
  const { hooks, clock, log } = settings;
  if (hooks === undefined) return [];
  const { vms, hosts, networks, documents, routers } = shelves;
  const hints = new Hints({ vm: vms, host: hosts, vn: networks, document: documents, vrouter: routers });
  return [
    new HookSubscriber({
      endpoint: hooks,
      clock,
      log,
      onHint: (hint) => void follower.ready().then(() => hints.take(hint)),
      // What happened before is found by a look at everything that begins now: one under way may be past it.
      onListening: () => void follower.ready().then(() => follower.soon()),
    }),
  ];
}

function poolsOf(tools: PoolTools, shelves: Shelves, monitoring: RemoteMonitoring) {
  const vms = new RemoteVms(tools, shelves.vms, "vm", monitoring.seen);
  const networks = new RemoteNetworks(tools, shelves.networks, "vn");
  return {
    vms,
    networks,
    templates: new RemoteTemplates(tools, shelves.templates, vms),
    networkTemplates: new RemoteNetworkTemplates(tools, shelves.networkTemplates, networks),
    routers: new RemoteRouters(tools, shelves.routers, vms),
    documents: new RemoteDocuments(tools, shelves.documents, "document"),
    hosts: new RemoteHosts(tools, shelves.hosts, "host"),
    users: new RemoteUsers(tools, shelves.users, "user"),
    groups: new RemoteGroups(tools, shelves.groups, "group"),
    vmGroups: new RemoteVmGroups(tools, shelves.vmGroups, "vmgroup"),
  };
}
