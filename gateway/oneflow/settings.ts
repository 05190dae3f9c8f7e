/** What an operator may set about OneFlow; checked once, when the configuration is read (spec oneflow-api.md 1). */

import { z } from "zod";

const DAY_S = 86_400;
const seconds = (least: number, most: number, byDefault: number) =>
  z.int().min(least).max(most).default(byDefault);

/** An IANA name that this machine's tables know. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

export const oneFlowSettingsSchema = z.strictObject({
  /** Between two looks at the policies of a role of which nothing was heard. */
  autoscalerIntervalS: seconds(1, DAY_S, 90),
  /** Of roles and policies that have none of their own. */
  defaultCooldownS: seconds(0, 366 * DAY_S, 300),
  /** Of services and roles that have none of their own. */
  shutdownAction: z.enum(["terminate", "terminate-hard"]).default("terminate"),
  /** Of actions on a role that name none: how many VMs at a time, and how far apart. */
  actionNumber: z.int().min(1).max(1_000_000).default(1),
  actionPeriodS: seconds(0, 366 * DAY_S, 60),
  vmNameTemplate: z.string().min(1).max(128).default("$ROLE_NAME_$VM_NUMBER_(service_$SERVICE_ID)"),
  vrNameTemplate: z.string().min(1).max(128).default("$ROLE_NAME(service_$SERVICE_ID)"),
  /** That a role may take to come up, to grow or to end, and a network to be there; 0: for ever. */
  stepTimeoutS: seconds(0, 366 * DAY_S, 3_600),
  /** In which cron policies and times without a zone are read; undefined: this machine's. */
  timeZone: z.string().refine(isTimeZone).optional(),
  maxBodyBytes: z
    .int()
    .min(1_024)
    .max(64 * 1_024 * 1_024)
    .default(1_024 * 1_024),
});

export type OneFlowSettings = z.infer<typeof oneFlowSettingsSchema>;
