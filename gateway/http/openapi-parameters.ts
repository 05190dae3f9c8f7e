/** Parameters that both REST APIs take, as their OpenAPI documents say them. */

export const IF_NONE_MATCH = {
  name: "If-None-Match",
  in: "header",
  description: "304 when the answer still has one of these entity tags",
  schema: { type: "string" },
} as const;

export const WAIT = {
  name: "wait",
  in: "query",
  description: "Holds the answer for so many seconds, or until it changes",
  schema: { type: "integer", minimum: 1, maximum: 60 },
} as const;
