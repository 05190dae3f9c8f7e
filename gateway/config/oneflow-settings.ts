/** OneFlow's part of the configuration in OneFlow's own terms. */

import { type OneFlowSettings, oneFlowSettingsSchema } from "../oneflow/settings.ts";
import type { Config } from "./schema.ts";

export function oneFlowSettings({ oneflow }: Config): OneFlowSettings {
  return oneFlowSettingsSchema.parse({
    autoscalerIntervalS: oneflow.autoscaler_interval_s,
    defaultCooldownS: oneflow.default_cooldown_s,
    shutdownAction: oneflow.shutdown_action,
    actionNumber: oneflow.action_number,
    actionPeriodS: oneflow.action_period_s,
    vmNameTemplate: oneflow.vm_name_template,
    vrNameTemplate: oneflow.vr_name_template,
    stepTimeoutS: oneflow.step_timeout_s,
    timeZone: oneflow.time_zone,
    maxBodyBytes: oneflow.max_body_bytes,
  });
}
