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
    limits: {
      enabled: onegate.limits.enabled,
      vm: rateOf(onegate.limits.vm),
      vmWrite: rateOf(onegate.limits.vm_write),
      address: rateOf(onegate.limits.address),
      stranger: rateOf(onegate.limits.stranger),
      waitersPerVm: onegate.limits.waiters_per_vm,
      attributes: onegate.limits.attributes,
      attributeNameLength: onegate.limits.attribute_name_length,
      attributeLength: onegate.limits.attribute_length,
    },
    connections: { max: onegate.max_connections, maxPerAddress: onegate.max_connections_per_address },
    sessions: {
      enabled: onegate.sessions.enabled,
      defaultLifetimeS: onegate.sessions.default_lifetime_s,
    },
    identity: {
      enabled: onegate.identity.enabled,
      issuer: onegate.identity.issuer,
      lifetimeS: onegate.identity.lifetime_s,
      rotationS: onegate.identity.rotation_s,
    },
    profile: onegate.profile,
    bindAddresses: onegate.bind_addresses,
    trustedProxies: onegate.trusted_proxies,
    clearReady: onegate.clear_ready,
  });
}

function rateOf({ per_second: perSecond, burst }: { per_second: number; burst: number }): object {
  return { perSecond, burst };
}
