/** What the commands about tokens say over the admin socket; times in ms since the epoch. */

import { z } from "zod";

/** No grace is longer: a year. */
export const MAX_GRACE_MS = 366 * 86_400_000;

export const revokeRequest = z.strictObject({
  /** The classic token is refused, too. */
  classic: z.boolean(),
});

export const rotateRequest = z.strictObject({
  /** A name or an id. */
  user: z.string().min(1).max(1_024),
  graceMs: z.int().min(0).max(MAX_GRACE_MS),
});

export const rotated = z.object({
  user: z.string(),
  /** Until when the old password counts. */
  until: z.number(),
});

export type Rotated = Readonly<z.output<typeof rotated>>;

export const tokenStanding = z.object({
  /** `classic`: the classic token is refused, too. */
  revoked: z.array(z.object({ vm: z.int(), classic: z.boolean(), at: z.number() })).readonly(),
  /** Users whose old password still counts. */
  grace: z.array(z.object({ uid: z.int(), user: z.string(), until: z.number() })).readonly(),
  sessionKeys: z.array(z.object({ kid: z.string(), madeAt: z.number() })).readonly(),
  identityKeys: z.array(z.object({ kid: z.string(), signsFrom: z.number(), signs: z.boolean() })).readonly(),
});

export type TokenStanding = Readonly<z.output<typeof tokenStanding>>;
