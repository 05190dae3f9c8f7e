import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { lossy, serveHookedCore } from "../support/core-hooks.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import type { HookPublisher } from "../support/hook-publisher.ts";
import { type RemoteCloudOptions, remoteCloud, type ServedCore, serveCore } from "../support/opennebula.ts";
import { seededRandom } from "../support/random.ts";
import { type CloudUnderTest, cloudSuite, type Part, type Without } from "./cloud-suite.ts";

/** So far apart that nothing within a test is seen by looking again. */
const FAR_APART_MS = 3_600_000;
const SEED = 20_260_101;

interface Served {
  readonly core: ServedCore;
  readonly options?: RemoteCloudOptions;
  /** Where hooks are heard. */
  readonly hooks?: HookPublisher;
}

type Serve = (cloud: EmbeddedCloud) => Promise<Served>;

/** A cloud that knows its core, an embedded one, by XML-RPC over a socket, and by its hook manager where there is one. */
async function remote(serve: Serve): Promise<CloudUnderTest> {
  const { cloud: embedded, store } = await testCloud();
  const { core, options, hooks } = await serve(embedded);
  const cloud = await remoteCloud(core, options);
  if (hooks !== undefined) {
    // Whoever begins to listen has everything looked at, as a poll does: with this one, nobody else is the first.
    cloud.subscribe(() => undefined);
    await hooks.subscribed(1);
  }
  return {
    cloud,
    admin: SYSTEM,
    seesAllMoves: false,
    user: (name) => makeUser(cloud, SYSTEM, name),
    async close() {
      await cloud.close();
      await core.close();
      await embedded.close();
      await store.close();
    },
  };
}

const polled: Serve = async (cloud) => ({ core: await serveCore(cloud) });

/** What this cloud does itself it reads at once; the hooks tell of it a second time. */
const hooked: Serve = async (cloud) => {
  const core = await serveHookedCore(cloud);
  return { core, hooks: core.hooks, options: { hooks: core.hooks.endpoint, pollMs: FAR_APART_MS } };
};

/** What is lost is seen by looking. */
const halfHooked: Serve = async (cloud) => {
  const core = await serveHookedCore(cloud, { carry: lossy(seededRandom(SEED)) });
  return { core, hooks: core.hooks, options: { hooks: core.hooks.endpoint } };
};

const WITHOUT: Without = {
  monitoring: "OpenNebula's own daemon writes what is measured, past the core's XML-RPC",
};

/** What is told of as it changes. */
const FOLLOWED: readonly Part[] = [
  "hosts",
  "networks",
  "routers",
  "documents",
  "VMs",
  "actions on VMs",
  "events",
];

cloudSuite("an OpenNebula over XML-RPC", () => remote(polled), WITHOUT);
cloudSuite("an OpenNebula over XML-RPC that is not polled", () => remote(hooked), WITHOUT);
cloudSuite("an OpenNebula over XML-RPC and hooks that are lossy", () => remote(halfHooked), {}, FOLLOWED);
