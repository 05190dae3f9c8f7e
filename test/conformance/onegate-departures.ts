/** Where OneGate answers otherwise than the recording, one by one; docs/compatibility.md names each of them. */

import type { Template } from "../../shared/template/types.ts";

export interface Departure {
  /** Name of the exchange. */
  readonly exchange: string;
  readonly why: string;
  readonly status: number;
  /** The body; undefined: a test of its own looks at it. */
  readonly body?: string | RegExp;
  /** What the guest's USER_TEMPLATE holds from then on, where the recording holds something else, or nothing. */
  readonly stores?: Template;
}

export const DEPARTURES: readonly Departure[] = [
  {
    exchange: "vmid-leading-zero",
    why: "an id is written exactly: 0249 is not 249",
    status: 401,
    body: "Not authorized",
  },
  {
    exchange: "vmid-suffix",
    why: "an id is written exactly: 249x is not 249",
    status: 401,
    body: "Not authorized",
  },
  {
    exchange: "token-extra-field",
    why: "a token is exactly id and birth, nothing after",
    status: 401,
    body: "Not authorized",
  },
  {
    exchange: "token-in-params",
    why: "who asks is the VM that the token proves, not VM 0; so this is 249 asking for itself",
    status: 200,
  },
  {
    exchange: "link-method",
    why: "an unknown verb like any other, without the page of a web framework",
    status: 400,
    body: "OneGate server doesn't support this feature",
  },
  {
    exchange: "vms-nonnum",
    why: "abc is not VM 0; the status is kept",
    status: 400,
    body: "Invalid id format (ID: abc). ID must be an integer.",
  },
  {
    exchange: "put-inner-quote-noquotes",
    why: "the original's own quoting made a syntax error of it; the value is clear",
    status: 200,
    body: "",
    stores: { Q2: 'say "hi"' },
  },
  {
    exchange: "put-equals-quoted",
    why: "the original's own quoting made a syntax error of it; the value is clear",
    status: 200,
    body: "",
    stores: { E2: "a=b" },
  },
  {
    exchange: "put-comma",
    why: "the original's own quoting made a syntax error of it; the value is clear",
    status: 200,
    body: "",
    stores: { C1: "a,b" },
  },
  {
    exchange: "put-comma-quoted",
    why: "the original's own quoting made a syntax error of it; the value is clear",
    status: 200,
    body: "",
    stores: { C2: "a,b" },
  },
  {
    exchange: "put-brackets-noquotes",
    why: "the original's own quoting made a syntax error of it; the value is clear",
    status: 200,
    body: "",
    stores: { BR2: "x[1]y" },
  },
  {
    exchange: "put-backslash-then-get",
    why: "the original stored garbage: its quoting's own quotes",
    status: 200,
    stores: { BS: "a\\\\b" },
  },
  {
    exchange: "put-backslash-noquotes-then-get",
    why: "the original stored garbage: its quoting's own quotes",
    status: 200,
    stores: { BS2: "a\\b" },
  },
  {
    exchange: "put-escaped-n",
    why: "the original's own quoting made a syntax error of it; the value is clear",
    status: 200,
    body: "",
    stores: { NL1: "line1\\nline2" },
  },
  {
    exchange: "put-real-newline-in-quotes",
    why: "the original's own quoting made a syntax error of it; the value is clear",
    status: 200,
    body: "",
    stores: { NL3: "line1\nline2" },
  },
  {
    exchange: "put-cdata",
    why: "]]> is text like any other",
    status: 200,
    body: "",
    stores: { X2: "]]>" },
  },
  {
    exchange: "put-empty-noquotes-then-get",
    why: "the original stored one double quote for an empty value",
    status: 200,
    stores: { EV2: "" },
  },
  {
    exchange: "put-novalue",
    why: "bad syntax is the guest's fault, and the answer says where it is",
    status: 400,
    body: /^Line 1, column \d+: found /,
  },
  {
    exchange: "put-spaces-around",
    why: "blanks around the equals sign are documented (seed 003)",
    status: 200,
    body: "",
    stores: { SP1: "x" },
  },
  {
    exchange: "put-bad-syntax",
    why: "bad syntax is the guest's fault, and the answer says where it is",
    status: 400,
    body: /^Line 1, column \d+: found /,
  },
  {
    exchange: "put-bad-syntax2",
    why: "bad syntax is the guest's fault, and the answer says where it is",
    status: 400,
    body: /^Line 1, column \d+: found /,
  },
  {
    exchange: "put-bad-name",
    why: "bad syntax is the guest's fault, and the answer says where it is",
    status: 400,
    body: /^Line 1, column \d+: found /,
  },
  {
    exchange: "put-dash-name",
    why: "bad syntax is the guest's fault, and the answer says where it is",
    status: 400,
    body: /^Line 1, column \d+: found /,
  },
  {
    exchange: "put-dot-name",
    why: "bad syntax is the guest's fault, and the answer says where it is",
    status: 400,
    body: /^Line 1, column \d+: found /,
  },
  {
    exchange: "put-body-json",
    why: "bad syntax is the guest's fault, and the answer says where it is",
    status: 400,
    body: /^Line 1, column \d+: found /,
  },
  {
    exchange: "put-restricted-leading-space",
    why: "a blank before the name made the original overlook it",
    status: 403,
    body: "Attribute (SERVICE_ID) cannot be modified",
    stores: { SERVICE_ID: "292" },
  },
  {
    exchange: "service-after-restricted-space",
    why: "SERVICE_ID was not changed, so the service is still the guest's own",
    status: 200,
  },
  {
    exchange: "put-type0",
    why: "there are two types; the original did half of an erase",
    status: 400,
    body: "Invalid type 0: it must be 1 (update) or 2 (erase).",
  },
  {
    exchange: "put-type3",
    why: "there are two types; the original did half of an erase",
    status: 400,
    body: "Invalid type 3: it must be 1 (update) or 2 (erase).",
  },
  {
    exchange: "put-delete-missing",
    why: "what is not there cannot be erased",
    status: 404,
    body: "Attribute (NOTHERE) not found in the user template of VM 249.",
  },
  {
    exchange: "put-delete-empty",
    why: "a name is needed",
    status: 400,
    body: /^The attribute to delete must be given as NAME or NAME\/INNER/,
  },
  {
    exchange: "put-delete-with-value",
    why: "a name alone is needed",
    status: 400,
    body: /^The attribute to delete must be given as NAME or NAME\/INNER/,
  },
  {
    exchange: "put-delete-xpath",
    why: "a name is no XPath: `*` erased everything",
    status: 400,
    body: /^The attribute to delete must be given as NAME or NAME\/INNER/,
  },
  {
    exchange: "put-delete-trailing-nl",
    why: "a line break after the name is no part of it (the write of FOO3 was kept back, so here it is missing)",
    status: 404,
    body: "Attribute (FOO3) not found in the user template of VM 249.",
  },
  {
    exchange: "put-vms-nonnum",
    why: "abc is not VM 0; the status is kept",
    status: 400,
    body: "Invalid id format (ID: abc). ID must be an integer.",
  },
  {
    exchange: "action-resched",
    why: "the owner has no ADMIN right, which (un)resched and deploy need",
    status: 403,
    body: "User [2] : Not authorized to perform ADMIN VM [250].",
  },
  {
    exchange: "action-unresched",
    why: "the owner has no ADMIN right, which (un)resched and deploy need",
    status: 403,
    body: "User [2] : Not authorized to perform ADMIN VM [250].",
  },
  {
    exchange: "action-self",
    why: "the owner has no ADMIN right, which (un)resched and deploy need",
    status: 403,
    body: "User [2] : Not authorized to perform ADMIN VM [249].",
  },
  {
    exchange: "action-self-un",
    why: "the owner has no ADMIN right, which (un)resched and deploy need",
    status: 403,
    body: "User [2] : Not authorized to perform ADMIN VM [249].",
  },
  {
    exchange: "action-standalone-self",
    why: "the owner has no ADMIN right, which (un)resched and deploy need",
    status: 403,
    body: "User [2] : Not authorized to perform ADMIN VM [0].",
  },
  {
    exchange: "action-standalone-self-un",
    why: "the owner has no ADMIN right, which (un)resched and deploy need",
    status: 403,
    body: "User [2] : Not authorized to perform ADMIN VM [0].",
  },
  {
    exchange: "action-hold-running",
    why: "a wrong state, which the original masked as 500",
    status: 409,
    body: /^Error performing action "hold": This action is not available for state RUNNING/,
  },
  {
    exchange: "action-resume-running",
    why: "a wrong state, which the original masked as 500",
    status: 409,
    body: /^Error performing action "resume": This action is not available for state RUNNING/,
  },
  {
    exchange: "action-unknown",
    why: "an unknown action is the guest's fault",
    status: 400,
    body: "explode action not available for this resource",
  },
  {
    exchange: "action-json-array",
    why: "JSON of another shape gets the sentence recorded for it, not a Ruby exception",
    status: 400,
    body: "Error parsing JSON: Wrong resource type",
  },
  {
    exchange: "action-json-null",
    why: "JSON of another shape gets the sentence recorded for it, not a Ruby exception",
    status: 400,
    body: "Error parsing JSON: Wrong resource type",
  },
  {
    exchange: "action-json-string",
    why: "JSON of another shape gets the sentence recorded for it, not a Ruby exception",
    status: 400,
    body: "Error parsing JSON: Wrong resource type",
  },
  {
    exchange: "action-action-string",
    why: "JSON of another shape gets the sentence recorded for it, not a Ruby exception",
    status: 400,
    body: "Error parsing JSON: Wrong resource type",
  },
  {
    exchange: "action-action-null",
    why: "JSON of another shape gets the sentence recorded for it, not a Ruby exception",
    status: 400,
    body: "Error parsing JSON: Wrong resource type",
  },
  {
    exchange: "action-action-array",
    why: "JSON of another shape gets the sentence recorded for it, not a Ruby exception",
    status: 400,
    body: "Error parsing JSON: Wrong resource type",
  },
  {
    exchange: "action-rename",
    why: "the form of the older releases, `{name}`, is taken too",
    status: 204,
    body: "",
  },
  {
    exchange: "action-upper",
    why: "names of actions are lower-case, as in the original",
    status: 400,
    body: "RESCHED action not available for this resource",
  },
  {
    exchange: "action-resize",
    why: "no guest could do it in the original either, and no cloud here offers it",
    status: 400,
    body: "resize action not available for this resource",
  },
  {
    exchange: "action-recover",
    why: "no guest could do it in the original either, and no cloud here offers it",
    status: 400,
    body: "recover action not available for this resource",
  },
  {
    exchange: "action-migrate",
    why: "no guest could do it in the original either, and no cloud here offers it",
    status: 400,
    body: "migrate action not available for this resource",
  },
  {
    exchange: "action-deploy",
    why: "the owner has no ADMIN right, which (un)resched and deploy need",
    status: 403,
    body: "User [2] : Not authorized to perform ADMIN VM [250].",
  },
  {
    exchange: "service-after-suspend",
    why: "the plain form shows present names, as the extended one does: VM 250 was renamed",
    status: 200,
  },
];
