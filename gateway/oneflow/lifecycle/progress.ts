/** What a service remembers over a restart beside its document's recorded form; empty while it rests. */

import { z } from "zod";

const vmIds = z.string().regex(/^[0-9]{1,15}$/);

const leavingSchema = z.object({
  /** shrink: the cardinality has gone down already · replace: another is made when it is gone · end: its role ends. */
  why: z.enum(["shrink", "replace", "end"]),
  /** What it is, or was, told; a refusal leads to the next of its kind (ending.ts). */
  act: z.enum(["terminate", "terminate-hard", "delete"]),
  /** due: to be told · told: the cloud took it · going: seen on its way out · stuck: nothing is left to try. */
  stage: z.enum(["due", "told", "going", "stuck"]),
});

const schema = z.object({
  /** VMs on their way out, by id. */
  leaving: z.record(vmIds, leavingSchema).optional(),
  /** VMs that are to be told something once, by id. */
  wake: z.record(vmIds, z.enum(["resume", "boot", "release"])).optional(),
  /** When a role's step must have ended: ms since the epoch. A list, since a role may be called `constructor`. */
  deadlines: z
    .array(z.object({ role: z.string(), at: z.number() }))
    .readonly()
    .optional(),
  /** The same of networks. */
  networksDeadline: z.number().optional(),
  /** Of the role that scales: seconds, and once it has its size the end in ms since the epoch. */
  cooldown: z.object({ seconds: z.number(), until: z.number().optional() }).optional(),
  /** While a role grows: its nodes with higher ids are those it waits for. */
  newerThan: z.number().optional(),
  /** Networks that were made for the service, and go with it. */
  ownNetworks: z.array(z.string()).readonly().optional(),
  /** Roles that are being mended while the service runs. */
  healing: z.array(z.string()).readonly().optional(),
  /** The one role that is taken out; undefined while everything ends. */
  removing: z.string().optional(),
  /** Every VM is deleted, none asked to shut down. */
  force: z.literal(true).optional(),
});

export type Progress = Readonly<z.infer<typeof schema>>;

/** How far a VM is on its way out. */
export type Leaving = z.infer<typeof leavingSchema>;

export type WakeAct = "resume" | "boot" | "release";

export const NO_PROGRESS: Progress = {};

/** What was written down; nothing, when it is missing or not ours: then the states of the document lead. */
export function readProgress(json: unknown): Progress {
  const read = schema.safeParse(json);
  return read.success ? read.data : NO_PROGRESS;
}

export function isEmptyProgress(progress: Progress): boolean {
  return Object.keys(progress).length === 0;
}
