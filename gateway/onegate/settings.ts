/** What an operator may set about OneGate; checked once, when the configuration is read (spec onegate-api.md 1). */

import { z } from "zod";

const MEBIBYTE = 1024 * 1024;

const permitted = z.boolean().default(true);

const permissionsSchema = z
  .strictObject({
    vm: z
      .strictObject({
        show: permitted,
        show_by_id: permitted,
        update: permitted,
        update_by_id: permitted,
        action_by_id: permitted,
      })
      .prefault({}),
    service: z.strictObject({ show: permitted, change_cardinality: permitted }).prefault({}),
    vrouter: z.strictObject({ show: permitted }).prefault({}),
    vnet: z.strictObject({ show_by_id: permitted }).prefault({}),
  })
  .prefault({});

const DEFAULT_RESTRICTED_ATTRIBUTES = ["SCHED_REQUIREMENTS", "SERVICE_ID", "ROLE_NAME"];

/** As OneGate does when the list is missing or empty in YAML (null); an empty array forbids nothing. */
const DEFAULT_RESTRICTED_ACTIONS = ["reboot"];

const DEFAULT_VNET_TEMPLATE_ATTRIBUTES = [
  "NETWORK_ADDRESS",
  "NETWORK_MASK",
  "GATEWAY",
  "GATEWAY6",
  "DNS",
  "GUEST_MTU",
  "SEARCH_DOMAIN",
  "METRIC",
  "IP6_METRIC",
];

const attributeNames = z.array(
  z.string().regex(/^[A-Za-z0-9_]+$/, "an attribute name is letters, digits and _"),
);

export const oneGateSettingsSchema = z.strictObject({
  /** Which routes are open; by default every one. */
  permissions: permissionsSchema,
  /** Attributes a guest may neither write nor erase, in any case. */
  restrictedAttributes: attributeNames.nullish().transform((names) => names ?? DEFAULT_RESTRICTED_ATTRIBUTES),
  /** Actions a guest may not ask for, in any case; `reboot` also forbids `reboot-hard`. */
  restrictedActions: z
    .array(z.string().min(1))
    .nullish()
    .transform((names) => names ?? DEFAULT_RESTRICTED_ACTIONS),
  /** Which attributes of a network's TEMPLATE the guests of its routers see. */
  vnetTemplateAttributes: attributeNames
    .nullish()
    .transform((names) => names ?? DEFAULT_VNET_TEMPLATE_ATTRIBUTES),
  /** The public base URL behind a TLS proxy, used to the letter in `GET /`. */
  sslServer: z.url({ protocol: /^https?$/ }).optional(),
  /** The largest request body that is taken. */
  maxBodyBytes: z
    .int()
    .min(1024)
    .max(64 * MEBIBYTE)
    .default(MEBIBYTE),
});

export type OneGateSettings = z.output<typeof oneGateSettingsSchema>;

export type Permissions = OneGateSettings["permissions"];
