/** OneGate's part of the configuration in OneGate's own terms. */

import { type OneGateSettings, oneGateSettingsSchema } from "../onegate/settings.ts";
import type { Config } from "./schema.ts";

export function oneGateSettings({ onegate }: Config): OneGateSettings {
  return oneGateSettingsSchema.parse({
    permissions: onegate.permissions,
    restrictedAttributes: onegate.restricted_attrs,
    restrictedActions: onegate.restricted_actions,
    vnetTemplateAttributes: onegate.vnet_template_attributes,
    sslServer: onegate.ssl_server,
    maxBodyBytes: onegate.max_body_bytes,
  });
}
