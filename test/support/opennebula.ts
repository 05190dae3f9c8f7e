/** A cloud over XML-RPC: an embedded one behind a real socket, in the place of an OpenNebula's core, for tests. */

import type { X509Certificate } from "node:crypto";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import {
  type OpenNebulaCloud,
  openOpenNebulaCloud,
} from "../../gateway/cloud/opennebula/opennebula-cloud.ts";
import type { OpenNebulaTimes } from "../../gateway/cloud/opennebula/settings.ts";
import { type Fetching, type Listening, listen } from "../../gateway/main/listen.ts";
import { createRpc } from "../../gateway/rpc/app.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { type Logger, silentLogger } from "../../shared/log.ts";

export const SERVER = { name: "serveradmin", password: "server-secret" };

export interface ServedCore {
  readonly endpoint: string;
  /** Methods that were called, in order. */
  readonly calls: readonly string[];
  /** Calls that are worked on now. */
  underWay(): number;
  close(): Promise<void>;
}

export interface ServeOptions {
  /** Of servers of driver server_x509. */
  readonly certificate?: X509Certificate;
  /** Told of each call, when it is done and before it is answered. */
  readonly onCall?: (call: string, answer: string) => void;
}

/** Serves a cloud's XML-RPC, with a serveradmin who may speak for every user. */
export async function serveCore(
  cloud: EmbeddedCloud,
  clock: Clock = systemClock,
  { certificate, onCall }: ServeOptions = {},
): Promise<ServedCore> {
  const server = await cloud.users.named(SERVER.name);
  if (server === undefined) await cloud.users.allocate(SYSTEM, { ...SERVER, driver: "server_cipher" });
  else await cloud.users.setDriver(SYSTEM, server.id, "server_cipher", SERVER.password);
  const calls: string[] = [];
  let underWay = 0;
  let listening: Listening | undefined;
  const endpoint = () => `http://127.0.0.1:${listening?.port}/RPC2`;
  const app = createRpc({ cloud, clock: impatient(clock), log: silentLogger, endpoint, certificate });
  const fetch: Fetching["fetch"] = async (request, bindings) => {
    const body = await request.clone().text();
    calls.push(/<methodName>([^<]*)/.exec(body)?.[1] ?? "");
    underWay += 1;
    try {
      const answer = await app.fetch(request, bindings);
      onCall?.(body, await answer.clone().text());
      return answer;
    } finally {
      underWay -= 1;
    }
  };
  listening = await listen({
    name: "core",
    app: { fetch },
    endpoint: { host: "127.0.0.1", port: 0 },
    clock: systemClock,
    log: silentLogger,
  });
  const { close } = listening;
  return { endpoint: endpoint(), calls, underWay: () => underWay, close };
}

/** Wrong passwords are answered late, and tests need not wait for it. */
export function impatient(clock: Clock): Clock {
  return {
    ...clock,
    after(_, work) {
      const timer = setImmediate(work);
      return () => clearImmediate(timer);
    },
  };
}

/** The embedded cloud as it is reached over XML-RPC; nothing is kept, so that each answer is of the moment. */
export async function overXmlRpc(
  embedded: EmbeddedCloud,
  clock: Clock,
): Promise<{ cloud: OpenNebulaCloud; close(): Promise<void> }> {
  const core = await serveCore(embedded, clock);
  const cloud = await remoteCloud(core, { cacheMs: 0, clock: { ...systemClock, now: clock.now } });
  return {
    cloud,
    async close() {
      await cloud.close();
      await core.close();
    },
  };
}

export interface RemoteCloudOptions extends Partial<OpenNebulaTimes> {
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly hooks?: string;
  readonly maxCalls?: number;
}

/** The cloud over a core, looking at it as often as tests like. */
export async function remoteCloud(
  { endpoint }: Pick<ServedCore, "endpoint">,
  options: RemoteCloudOptions = {},
): Promise<OpenNebulaCloud> {
  return await openOpenNebulaCloud({
    endpoint,
    server: SERVER,
    clock: systemClock,
    log: silentLogger,
    cacheMs: 60_000,
    pollMs: 10,
    monitoringMs: 0,
    ...options,
  });
}
