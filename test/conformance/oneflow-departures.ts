/** Where OneFlow answers otherwise than the recording, one by one; docs/compatibility.md names each of them. */

export interface FlowDeparture {
  /** Name of the exchange. */
  readonly exchange: string;
  readonly why: string;
  readonly status: number;
  /** The body; a function makes it of the recorded one; undefined: a test of its own looks at it, or nobody. */
  readonly body?: string | RegExp | ((recorded: string) => string);
}

/** A 5xx whose sentence stays to the letter, and the status it should have had. */
export const KEPT_SENTENCES: Readonly<Record<string, number>> = {
  "stpl-update-immutable": 400,
  "service-scale-while-deploying": 409,
  "scale-unknown-role": 404,
  "scale-over-max": 400,
  "scale-below-min": 400,
  "scale-negative": 400,
  "scale-same": 400,
  "scale-no-role": 404,
  "scale-while-scaling": 409,
  "scale-while-cooldown": 409,
  "service-action-recover-running": 409,
  "service-action-rename-none": 400,
  "service-action-chmod-none": 400,
  "service-action-chgrp-none": 400,
  "service-action-chown-none": 400,
  "service-action-release-running": 409,
  "service-action-unknown": 400,
  "service-action-sched-resched": 400,
  "role-action-unknown-role": 404,
  "role_action-add-dup": 409,
  "role_action-remove-unknown": 404,
  "role_action-unknown": 400,
  "service-update-immutable": 400,
  "service-update-cardinality": 400,
  "scale-failed-deploying": 409,
  "scale-hold": 409,
};

/** The auto-scaler looks at a service as soon as it runs, and when something is reported; the original every 90 s. */
export const LOOKED_AT_SOONER: readonly string[] = [
  "service-show-running",
  "service-list-oneadmin",
  "service-show-cooldown",
  "service-show-cooldown-down",
  "service-show-after-scale",
  "service-show-after-role-actions",
  "service-show-after-update",
  "service-show-after-chown-alice",
  "service-show-elastic-scaling",
  "service-show-elastic-after",
];

/** Over XML-RPC the core's own words stand before what the embedded cloud says of a network that there is not, as recorded. */
export const CORES_OWN_WORDS = /Error allocating a new virtual machine template\. (?=Error getting)/g;

const NO_ROUTE = "OneFlow has no such route; GET /openapi.json tells those it has.";
const NO_ACTION = 'The body must be {"action":{"perform":NAME,"params":{...}}}.';

/** So many entries of a service's log are one more or less than recorded. */
function withLog(change: (messages: readonly string[]) => readonly string[]): (recorded: string) => string {
  return (recorded) =>
    JSON.stringify(JSON.parse(recorded), (name, value) => {
      if (name !== "log" || !Array.isArray(value)) return value;
      const severities = new Map(value.map(({ message, severity }) => [message, severity]));
      return change(value.map(({ message }) => String(message))).map((message) => ({
        timestamp: 0,
        severity: severities.get(message) ?? (message.startsWith("New state") ? "I" : "E"),
        message,
      }));
    });
}

const DEPLOYING_SAID = withLog((messages) =>
  messages.flatMap((message) =>
    message.startsWith("Role r1 : Instantiate failed") ? ["New state: DEPLOYING", message] : [message],
  ),
);

const REASON_SAID = withLog((messages) =>
  messages.flatMap((message) =>
    message === "New state: FAILED_DEPLOYING"
      ? ["VM 11 of role master is BOOT_FAILURE: recover or delete the service.", message]
      : [message],
  ),
);

const ALLOCATION_REFUSED = /(\[one\.template\.instantiate\]) Error allocating [^"]*ID: 999 does not exist/;

const RUNNING_BETWEEN = withLog((messages) =>
  messages.filter((message, at) => {
    const between = messages[at - 1] === "New state: SCALING" && messages[at + 1] === "New state: COOLDOWN";
    return !(message === "New state: RUNNING" && between);
  }),
);

const LOST = "the original lost the refusal";
const INTERNAL = "the original failed on its own account";
const NOT_WIPED = "a permission that is no octal number was refused, so the template is as it was";
const NOT_BELOW = "a cardinality that is no number, or below zero, was refused before";

export const FLOW_DEPARTURES: readonly FlowDeparture[] = [
  ...["root", "unknown-route-post", "options-service", "x-service-post"].map((exchange) => ({
    exchange,
    why: "the page of a web framework",
    status: 404,
    body: NO_ROUTE,
  })),
  {
    exchange: "stpl-create-json-array",
    why: INTERNAL,
    status: 400,
    body: "The service template must be a JSON object, not an array.",
  },
  {
    exchange: "stpl-create-json-string",
    why: INTERNAL,
    status: 400,
    body: "The service template must be a JSON object, not text.",
  },
  {
    exchange: "stpl-create-json-null",
    why: INTERNAL,
    status: 400,
    body: "The service template must be a JSON object, not null.",
  },
  {
    exchange: "stpl-create-desc-with-specials",
    why: "a line break in a name is what is wrong with it",
    status: 400,
    body: "Invalid NAME, it must not hold control characters.",
  },
  {
    exchange: "stpl-create-role-unknown-parent",
    why: "a parent that there is not",
    status: 400,
    body: /^roles\[0\]\.parents\[0\]: /,
  },
  {
    exchange: "stpl-create-role-self-parent",
    why: "a role that waits for itself",
    status: 400,
    body: /^roles\[0\]\.parents\[0\]: /,
  },
  {
    exchange: "stpl-create-role-cyclic-parents",
    why: "roles that wait for one another",
    status: 400,
    body: /^roles\[0\]\.parents: /,
  },
  {
    exchange: "stpl-create-role-bad-expression",
    why: "another parser's words; the status and what stands before them are kept",
    status: 400,
    body: /^Role 'r1', elasticity policy #0 'expression' parse error: Column 6: /,
  },
  {
    exchange: "stpl-create-role-lower-case-expression",
    why: "another parser's words; the status and what stands before them are kept",
    status: 400,
    body: /^Role 'r1', elasticity policy #0 'expression' parse error: Column 9: /,
  },
  {
    exchange: "stpl-show-nonnum",
    why: "abc is not document 0; the status is kept",
    status: 404,
    body: "[one.document.info] Error getting document [abc].",
  },
  ...["stpl-action-rename-noparams", "x-stpl-action-rename-null", "x-stpl-action-rename-noparams"].map(
    (exchange) => ({
      exchange,
      why: LOST,
      status: 400,
      body: "Action rename: You have to specify a name",
    }),
  ),
  ...["stpl-action-chmod-bad", "x-stpl-action-chmod-wipes"].map((exchange) => ({
    exchange,
    why: "what is no octal number took every permission away",
    status: 400,
    body: "Invalid OCTET zzz: it must be three digits from 0 to 7.",
  })),
  {
    exchange: "stpl-action-chmod-noparams",
    why: LOST,
    status: 400,
    body: "Action chmod: You have to specify an OCTET",
  },
  {
    exchange: "stpl-action-chgrp-none",
    why: LOST,
    status: 400,
    body: "Action chgrp: You have to specify a GID",
  },
  {
    exchange: "stpl-action-chown-none",
    why: LOST,
    status: 400,
    body: "Action chown: You have to specify a UID",
  },
  {
    exchange: "stpl-action-update-bad",
    why: LOST,
    status: 400,
    body: /^Mandatory document key 'name \(string\)' is missing from /,
  },
  ...["stpl-action-update-none", "x-stpl-action-update-none"].map((exchange) => ({
    exchange,
    why: LOST,
    status: 400,
    body: "Action update: You have to specify template_json or template_raw",
  })),
  ...["stpl-action-clone", "stpl-action-clone-dup", "stpl-action-clone-recursive"].map((exchange) => ({
    exchange,
    why: NOT_WIPED,
    status: 201,
  })),
  {
    exchange: "stpl-action-clone-missing",
    why: "it is the template that is missing, not document 0",
    status: 404,
    body: "[one.document.info] Error getting document [99999].",
  },
  ...["stpl-action-unknown", "x-stpl-action-unknown"].map((exchange) => ({
    exchange,
    why: LOST,
    status: 400,
    body: "Action explode not supported",
  })),
  ...["stpl-action-notjson", "scale-notjson", "service-action-notjson"].map((exchange) => ({
    exchange,
    why: INTERNAL,
    status: 400,
    body: "unexpected token at 'zz'",
  })),
  ...["stpl-action-noaction", "stpl-action-action-null", "service-action-noaction"].map((exchange) => ({
    exchange,
    why: INTERNAL,
    status: 400,
    body: NO_ACTION,
  })),
  { exchange: "stpl-show-after-actions", why: NOT_WIPED, status: 200 },
  {
    exchange: "service-show-bad-template",
    why: "the attempt to make the VM is a deployment, and so its log says",
    status: 200,
    body: DEPLOYING_SAID,
  },
  {
    exchange: "service-list-oneadmin",
    why: "as service-show-bad-template; the network that there is not is told in other words",
    status: 200,
    body: (recorded) =>
      DEPLOYING_SAID(recorded.replace(ALLOCATION_REFUSED, "$1 Error getting virtual network [999].")),
  },
  {
    exchange: "stpl-action-chown-to-bob",
    why: LOST,
    status: 401,
    body: "[one.document.chown] User [2] : Not authorized to perform MANAGE USER [3].",
  },
  {
    exchange: "x-stpl-action-chown-denied",
    why: LOST,
    status: 401,
    body: "[one.document.chown] User [2] : Not authorized to perform MANAGE USER [3].",
  },
  {
    exchange: "service-show-template-id",
    why: `${NOT_WIPED}; it is no service`,
    status: 404,
    body: /^\[one\.document\.info\] Error getting document \[\d+\]\.$/,
  },
  { exchange: "scale-no-cardinality", why: INTERNAL, status: 400, body: "The cardinality is missing." },
  ...["service-show-cooldown-down", "service-show-after-scale", "service-show-after-role-actions"].map(
    (exchange) => ({
      exchange,
      why: "a service that shrank cools down; it does not run for an instant before",
      status: 200,
      body: RUNNING_BETWEEN,
    }),
  ),
  {
    exchange: "service-action-sched-noparams",
    why: INTERNAL,
    status: 400,
    body: "Action resume: params are missing; {} takes the defaults.",
  },
  {
    exchange: "role-action-noparams",
    why: INTERNAL,
    status: 400,
    body: "Action resched: params are missing; {} takes the defaults.",
  },
  {
    exchange: "role-action-resched",
    why: `${LOST}: rescheduling is for administrators`,
    status: 401,
    body: /^\[one\.vm\.schedadd\] User \[2\] : Not authorized to perform ADMIN VM \[\d+\]\.$/,
  },
  { exchange: "role-action-unknown-action", why: LOST, status: 400, body: "Action explode not supported" },
  {
    exchange: "service-show-after-update",
    why: "as service-show-cooldown-down",
    status: 200,
    body: RUNNING_BETWEEN,
  },
  {
    exchange: "service-delete-bob",
    why: "he may not, and nothing was begun",
    status: 401,
    body: /^\[one\.document\.update\] User \[3\] : Not authorized to perform MANAGE DOCUMENT \[\d+\]\.$/,
  },
  {
    exchange: "service-show-failed-deploying",
    why: "the log also says why",
    status: 200,
    body: REASON_SAID,
  },
  { exchange: "service-show-recovered", why: "the failed VM was replaced, so the service runs", status: 200 },
  {
    exchange: "scale-string-card",
    why: "abc is not 0",
    status: 400,
    body: "cardinality must be a whole number.",
  },
  { exchange: "service-show-scaled-to-zero", why: NOT_BELOW, status: 200 },
  {
    exchange: "scale-negative-force",
    why: "no role has fewer VMs than none",
    status: 400,
    body: /^Can't scale service \d+: Minimum cardinality is 0$/,
  },
  { exchange: "service-show-negative-force", why: NOT_BELOW, status: 200 },
  {
    exchange: "service-action-recover-failed-scaling",
    why: NOT_BELOW,
    status: 409,
    body: "Service cannot be recovered in state: RUNNING",
  },
  { exchange: "service-show-recovered-scaling", why: NOT_BELOW, status: 200 },
  { exchange: "service-delete-odd", why: NOT_BELOW, status: 204, body: "" },
  {
    exchange: "service-show-odd-end",
    why: NOT_BELOW,
    status: 404,
    body: /^\[one\.document\.info\] Error getting document /,
  },
  { exchange: "service-list-after-purge", why: `${NOT_BELOW}, so that service has ended`, status: 200 },
  {
    exchange: "stpl-delete-bob",
    why: `${NOT_WIPED}; he may see it, and not delete it`,
    status: 401,
    body: /^\[one\.document\.delete\] User \[3\] : Not authorized to perform MANAGE DOCUMENT \[\d+\]\.$/,
  },
  {
    exchange: "x-stpl-action-clone-norecursive-key",
    why: "a VM template that two roles share is copied once",
    status: 201,
  },
  {
    exchange: "x-stpl-action-clone-recursive",
    why: "a VM template that two roles share is copied once",
    status: 201,
  },
  {
    exchange: "x-stpl-action-clone-noname",
    why: INTERNAL,
    status: 400,
    body: "Action clone: You have to specify a name",
  },
  {
    exchange: "x-stpl-action-bob-rename",
    why: LOST,
    status: 401,
    body: /^\[one\.document\.rename\] User \[3\] : Not authorized to perform MANAGE DOCUMENT \[\d+\]\.$/,
  },
  {
    exchange: "x-stpl-list-many",
    why: "it has the copies that the original refused to make, and none it left half made",
    status: 200,
  },
  { exchange: "x-stpl-show-after-chmod-zzz", why: NOT_WIPED, status: 200 },
  { exchange: "x-stpl-show-after-chmod-zzz-oneadmin", why: NOT_WIPED, status: 200 },
];
