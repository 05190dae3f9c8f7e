/** The `oneflow:` section, whose defaults are OneFlow's own. */

import { z } from "zod";
import { isTimeZone, oneFlowSettingsSchema } from "../oneflow/settings.ts";
import { host, MEBIBYTE, on, port, text, whole } from "./fields.ts";

const DEFAULTS = oneFlowSettingsSchema.parse({});
const DAY_S = 86_400;
const YEAR_S = 366 * DAY_S;

const nameTemplate = (what: string, byDefault: string) =>
  z.string().min(1).max(128).default(byDefault).describe(`a text of up to 128 characters: ${what}`);

/** Names follow oneflow-server.conf's, with their unit. */
export const oneflowFields = z
  .strictObject({
    enabled: on("whether OneFlow listens and runs services"),
    host,
    port: port(2474),
    conf_file: text("the path of OpenNebula's oneflow-server.conf, read below this configuration").optional(),
    autoscaler_interval_s: whole(
      "seconds between two looks at policies of which nothing was heard",
      1,
      DAY_S,
      DEFAULTS.autoscalerIntervalS,
    ),
    default_cooldown_s: whole(
      "seconds that a role rests after scaling",
      0,
      YEAR_S,
      DEFAULTS.defaultCooldownS,
    ),
    shutdown_action: z
      .enum(["terminate", "terminate-hard"])
      .default(DEFAULTS.shutdownAction)
      .describe("terminate or terminate-hard: how VMs end where neither role nor service says"),
    action_number: whole("VMs at a time that an action on a role takes", 1, 1_000_000, DEFAULTS.actionNumber),
    action_period_s: whole("seconds between such groups", 0, YEAR_S, DEFAULTS.actionPeriodS),
    vm_name_template: nameTemplate("names of VMs", DEFAULTS.vmNameTemplate),
    vr_name_template: nameTemplate("names of virtual routers", DEFAULTS.vrNameTemplate),
    step_timeout_s: whole(
      "seconds that a role may take to come up, to grow or to end; 0: for ever",
      0,
      YEAR_S,
      DEFAULTS.stepTimeoutS,
    ),
    time_zone: z
      .string()
      .max(64)
      .refine(isTimeZone)
      .optional()
      .describe(
        "an IANA time zone such as Europe/Madrid, in which schedules are read; this machine's if missing",
      ),
    log_dir: text("a directory for a log of each service, by default oneflow in the home").optional(),
    max_body_bytes: whole("the largest request body", 1_024, 64 * MEBIBYTE, DEFAULTS.maxBodyBytes),
  })
  .prefault({});
