/** What a running house tells `gatehouse top`: sums since its start, so that whoever asks twice knows the rates between. */

import { z } from "zod";

const count = z.number().min(0);

export const topSampleSchema = z.object({
  /** `Clock.elapsed` of the house, in ms. */
  at: z.number(),
  routes: z.array(
    z.object({
      route: z.string(),
      method: z.string(),
      count,
      /** Answers with status 400 and above. */
      failed: count,
      sumSeconds: count,
      /** Durations by shared/duration-counts.ts. */
      buckets: z.array(count),
    }),
  ),
  /** The VMs that ask most just now, requests a second; not a sum. */
  vms: z.array(z.object({ vmId: z.int(), rate: count })),
  rateLimited: count,
  wrongTokens: count,
  /** Now. */
  waiters: z.number(),
  connections: z.array(z.object({ server: z.string(), count })),
  commits: count,
  flushes: count,
  /** Commits that are not durable yet, now. */
  commitsWaiting: z.number(),
  auditWritten: count,
  auditDropped: count,
  rssBytes: count,
  heapBytes: count,
});

export type TopSample = z.output<typeof topSampleSchema>;
