/** What an operator may set about OneGate; checked once, when the configuration is read (spec onegate-api.md 1). */

import { z } from "zod";
import { isNetwork } from "./fairness/networks.ts";

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

/** Requests a second that a limit lets through for long, and how many may come at once before that counts. */
const rate = (perSecond: number, burst: number) =>
  z
    .strictObject({
      perSecond: z.number().positive().max(1_000_000).default(perSecond),
      burst: z.int().min(1).max(10_000_000).default(burst),
    })
    .prefault({});

/** How often, how much and how long; the defaults leave every known client alone (docs/onegate.md has them all). */
const limitsSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    /** All requests of one VM, and beside it those that write. */
    vm: rate(100, 1_000),
    vmWrite: rate(50, 500),
    /** All requests of one address that proved a VM, and beside it those that proved none. */
    address: rate(2_000, 10_000),
    stranger: rate(100, 1_000),
    /** Requests of one VM that wait for a change at a time. */
    waitersPerVm: z.int().min(1).max(100_000).default(1_000),
    /** What one VM's user template holds at most, and the length of one name and of one value in characters. */
    attributes: z.int().min(1).max(1_000_000).default(2_000),
    attributeNameLength: z.int().min(1).max(65_536).default(256),
    attributeLength: z.int().min(1).max(1_048_576).default(65_536),
  })
  .prefault({});

/** Connections at one time, in all and of one address; trusted proxies have no bound of their own. */
const connectionsSchema = z
  .strictObject({
    max: z.int().min(1).max(1_000_000).default(16_384),
    maxPerAddress: z.int().min(1).max(1_000_000).default(8_192),
  })
  .prefault({});

/** `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`. */
export const networkText = z
  .string()
  .max(64)
  .refine(isNetwork, "an IPv4 or IPv6 address or CIDR range, such as 10.0.0.0/8");

/** Session tokens and identity tokens (docs/onegate.md, "Tokens"). */
const sessionsSchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    defaultLifetimeS: z.int().min(1).max(21_600).default(3_600),
  })
  .prefault({});

const identitySchema = z
  .strictObject({
    enabled: z.boolean().default(true),
    /** `iss`; by default where OneGate is reached. */
    issuer: z.string().min(1).max(2_048).optional(),
    lifetimeS: z.int().min(10).max(3_600).default(300),
    /** A signing key signs for so long; its public part is shown from an hour before until its last token has ended. */
    rotationS: z
      .int()
      .min(3_600)
      .max(366 * 86_400)
      .default(30 * 86_400),
  })
  .prefault({});

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
  limits: limitsSchema,
  connections: connectionsSchema,
  sessions: sessionsSchema,
  identity: identitySchema,
  /** `hardened`: what takes a VM down is off unless its template grants it. */
  profile: z.enum(["open", "hardened"]).default("open"),
  /** Whether a token only counts when it comes from an address that its VM has leased. */
  bindAddresses: z.boolean().default(false),
  /** Addresses and CIDR ranges of proxies whose X-Forwarded-For is believed. */
  trustedProxies: z.array(networkText).default([]),
  /** Whether READY goes when its VM leaves RUNNING; the original keeps it. */
  clearReady: z.boolean().default(false),
});

export type OneGateSettings = z.output<typeof oneGateSettingsSchema>;

export type Permissions = OneGateSettings["permissions"];
