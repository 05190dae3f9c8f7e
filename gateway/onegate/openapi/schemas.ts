/** The documents of OneGate as zod schemas: what the OpenAPI document shows, and what its check holds answers against. */

import { z } from "zod";

/** An attribute of a template: leaves are strings, an empty one may be `{}`, what is repeated is a list. */
const vector = z.record(z.string(), z.union([z.string(), z.object({})]));
const attribute = z.union([z.string(), vector, z.array(z.union([z.string(), vector]))]);
const template = z.record(z.string(), attribute);
const digits = z.string().regex(/^-?[0-9]+$/);

const nic = z.strictObject({
  IP: z.string().optional(),
  IP6_LINK: z.string().optional(),
  IP6_SITE: z.string().optional(),
  IP6_GLOBAL: z.string().optional(),
  NETWORK: z.string().optional(),
  MAC: z.string().optional(),
  NAME: z.string().optional(),
  PARENT: z.string().optional(),
  EXTERNAL: z.string().optional(),
  EXTERNAL_IP: z.string().optional(),
});

const vm = z.strictObject({
  VM: z.strictObject({
    NAME: z.string(),
    ID: digits,
    STATE: digits,
    LCM_STATE: digits,
    USER_TEMPLATE: template,
    TEMPLATE: z.strictObject({ NIC: z.array(nic), NIC_ALIAS: z.array(nic) }),
  }),
});

const shortVm = z.strictObject({
  VM: z.strictObject({
    ID: digits,
    UID: digits,
    GID: digits,
    UNAME: z.string(),
    GNAME: z.string(),
    NAME: z.string(),
  }),
});

const wholeVm = z.looseObject({ VM: z.looseObject({ ID: digits, NAME: z.string() }) });

const service = z.strictObject({
  SERVICE: z.strictObject({
    name: z.string(),
    id: digits,
    state: z.int(),
    roles: z.array(
      z.strictObject({
        name: z.string(),
        cardinality: z.int(),
        state: z.int(),
        nodes: z.array(
          z.strictObject({
            deploy_id: z.int(),
            running: z.boolean().nullable(),
            vm_info: z.union([shortVm, wholeVm]).nullable(),
          }),
        ),
      }),
    ),
  }),
});

const router = z.strictObject({
  VROUTER: z.strictObject({
    NAME: z.string(),
    ID: digits,
    VMS: z.strictObject({ ID: z.array(z.int()) }),
    TEMPLATE: z.looseObject({ NIC: z.array(attribute) }),
  }),
});

const network = z.strictObject({
  VNET: z.strictObject({
    ID: digits,
    NAME: z.string(),
    USED_LEASES: digits,
    VROUTERS: z.strictObject({ ID: z.array(digits) }),
    PARENT_NETWORK_ID: z.union([digits, z.strictObject({})]),
    AR_POOL: z.strictObject({
      AR: z.array(
        z.looseObject({ AR_ID: digits, LEASES: z.strictObject({ LEASE: z.array(z.looseObject({})) }) }),
      ),
    }),
    TEMPLATE: template,
  }),
});

const action = z.strictObject({
  action: z.looseObject({
    perform: z.string().describe("the action's name, such as resume or terminate"),
    params: z.unknown().optional().describe("true for the hard form; an object for actions that take more"),
  }),
});

const scale = z.looseObject({ cardinality: z.union([z.int().min(0), z.string().regex(/^[0-9]{1,9}$/)]) });

const root = z.strictObject({ vm_info: z.string(), service_info: z.string() });

const tokenRequest = z.strictObject({
  lifetime_seconds: z.int().min(1).max(21_600).optional(),
  scope: z.string().max(1_024).optional().describe("scopes, separated by blanks, of those that the VM has"),
});

const sessionToken = z.strictObject({
  token: z.string(),
  token_type: z.literal("session"),
  expires_in: z.int().describe("seconds"),
  expires_at: z.string(),
  scope: z.string(),
});

const keySet = z.strictObject({
  keys: z.array(
    z.looseObject({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), kid: z.string(), x: z.string() }),
  ),
});

const failure = z.strictObject({ error: z.strictObject({ message: z.string() }) });

/** By their names in the document. */
export const SCHEMAS = {
  Root: root,
  Vm: vm,
  Service: service,
  VirtualRouter: router,
  VirtualNetwork: network,
  Action: action,
  Scale: scale,
  TokenRequest: tokenRequest,
  SessionToken: sessionToken,
  KeySet: keySet,
  Value: z.unknown(),
  Error: failure,
} as const satisfies Record<string, z.ZodType>;

export type SchemaName = keyof typeof SCHEMAS;
