/** What the commands about hosts say over the admin socket, and who does them. */

import { z } from "zod";

/** A code lives no longer. */
export const MAX_CODE_LIFETIME_MS = 86_400_000;

export const enrolRequest = z.strictObject({
  /** A name or an id. */
  host: z.string().min(1).max(256),
  lifetimeMs: z.int().min(1_000).max(MAX_CODE_LIFETIME_MS),
});

export const forgetRequest = z.strictObject({ host: z.string().min(1).max(256) });

export const enrolmentMade = z.object({
  id: z.int(),
  name: z.string(),
  /** For one agent, once. */
  code: z.string(),
  /** ms since the epoch. */
  until: z.number(),
  /** Where the agent is to reach the daemon: HOST:PORT. */
  daemon: z.string(),
  /** The daemon listens where only this machine reaches it. */
  loopbackOnly: z.boolean(),
});

export type EnrolmentMade = Readonly<z.output<typeof enrolmentMade>>;

/** How a host is monitored: by whom its agent is started, or what it speaks when nobody here does. */
export const MONITORED_BY = ["local", "ssh", "im_mad", "enrolled", "heard", "none"] as const;

const hostStanding = z.object({
  id: z.int(),
  name: z.string(),
  /** MONITORED, ERROR, ... */
  state: z.string(),
  imMad: z.string(),
  by: z.enum(MONITORED_BY),
  /** What is known of its agent: starting, heard, silent, failed; null: it is not watched. */
  agent: z.string().nullable(),
  /** Of the key that speaks for it; null: none does. */
  keyId: z.string().nullable(),
  /** Seconds; null: nothing since the house started. */
  heardAgoS: z.number().nullable(),
  /** Why it failed. */
  reason: z.string().nullable(),
});

export const hostsStanding = z.object({
  hosts: z.array(hostStanding).readonly(),
  /** What was not taken since the house started, by reason; only what happened. */
  refusals: z.array(z.object({ reason: z.string(), count: z.int() })).readonly(),
});

export type HostsStanding = Readonly<z.output<typeof hostsStanding>>;

/** What an administrator may ask about the agents of a house that runs. */
export interface HostCommands {
  /** @throws GatehouseError `not_found` */
  enrol(host: string, lifetimeMs: number): Promise<EnrolmentMade>;
  list(): Promise<HostsStanding>;
  /** False when it had no key and no code. @throws GatehouseError `not_found` */
  forget(host: string): Promise<boolean>;
}
