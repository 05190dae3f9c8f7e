/** What only a house that runs can tell, through its admin socket. */

import { z } from "zod";
import { GatehouseError } from "../../shared/errors.ts";
import { enrolmentMade, type HostCommands, hostsStanding } from "../admin/host-messages.ts";
import { type TopSample, topSampleSchema } from "../admin/top-sample.ts";
import type { Config } from "../config.ts";
import { callAdmin } from "./admin-client.ts";
import { adminSocketPath } from "./admin-socket.ts";

export { type HostsStanding, MAX_CODE_LIFETIME_MS } from "../admin/host-messages.ts";
export type { TopSample } from "../admin/top-sample.ts";

export interface LiveHouse {
  /** Prometheus' text. */
  metrics(): Promise<string>;
  /** The same as JSON text. */
  metricsJson(): Promise<string>;
  top(): Promise<TopSample>;
  readonly hosts: HostCommands;
}

const forgotten = z.object({ forgotten: z.boolean() });

/** @throws GatehouseError `unavailable` when no house runs in this home. */
export async function liveHouse({ home }: Pick<Config, "home">): Promise<LiveHouse> {
  const call = await callAdmin(adminSocketPath(home));
  if (call === undefined) {
    throw new GatehouseError(
      "unavailable",
      `No house runs in ${home}; start one with gatehouse up, or name another with --home or GATEHOUSE_HOME.`,
    );
  }
  return {
    metrics: () => call("GET", "/metrics"),
    metricsJson: () => call("GET", "/metrics?format=json"),
    top: async () => topSampleSchema.parse(JSON.parse(await call("GET", "/top"))),
    hosts: {
      enrol: async (host, lifetimeMs) =>
        enrolmentMade.parse(
          JSON.parse(await call("POST", "/hosts/enroll", JSON.stringify({ host, lifetimeMs }))),
        ),
      list: async () => hostsStanding.parse(JSON.parse(await call("GET", "/hosts"))),
      forget: async (host) =>
        forgotten.parse(JSON.parse(await call("POST", "/hosts/forget", JSON.stringify({ host })))).forgotten,
    },
  };
}
