/** Beyond the original: why roles scale or do not, and what was measured of their VMs (docs/elasticity.md). */

import { GatehouseError } from "../../../shared/errors.ts";
import type { JsonValue } from "../../cloud/model.ts";
import { shown } from "../../http/ids.ts";
import { singleParameter } from "../../http/parameters.ts";
import { historyCsv } from "../autoscaler/history-csv.ts";
import type { ScalingSight } from "../autoscaler/sight.ts";
import type { Answer } from "./answer.ts";
import { prettyJson } from "./pretty-json.ts";
import type { FlowRequest } from "./request.ts";
import type { FlowApi, UserHandler } from "./route.ts";

const DAY_S = 86_400;
const MAX_LAST_S = 7 * DAY_S;
const UNIT_S: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3_600, d: DAY_S };

export function explanationHandlers(api: FlowApi): {
  readonly explain: UserHandler;
  readonly metrics: UserHandler;
} {
  const { cloud, documents, now } = api;
  return {
    async explain(request, actor) {
      const document = await documents.get(actor, request.pathParameter("id"), "service");
      const role = request.pathParameter("role");
      const explanation = await sightOf(api).explain(document, role === "" ? undefined : role);
      return { status: 200, body: prettyJson(snakeCased(explanation)) };
    },
    async metrics(request, actor): Promise<Answer> {
      const to = now();
      const from = to - lastSeconds(request);
      const document = await documents.get(actor, request.pathParameter("id"), "service");
      const body = await historyCsv(cloud, document, { from, to });
      return { status: 200, body, headers: { "Content-Type": "text/csv;charset=utf-8" } };
    },
  };
}

function sightOf({ scaling }: FlowApi): ScalingSight {
  if (scaling !== undefined) return scaling;
  throw new GatehouseError(
    "unavailable",
    "Nothing scales services by itself here, so there is nothing to explain.",
  );
}

/** `last=24h`: seconds, or with s, m, h or d; a day when it is not given. */
function lastSeconds(request: FlowRequest): number {
  const text = singleParameter(request.query(), "last") ?? "1d";
  const [, count, unit = ""] = /^([0-9]{1,7})([smhd]?)$/.exec(text) ?? [];
  const seconds = Number(count) * (UNIT_S[unit] ?? Number.NaN);
  if (seconds >= 1 && seconds <= MAX_LAST_S) return seconds;
  throw new GatehouseError(
    "bad_request",
    `Invalid last ${shown(text)}: it must be a time such as 90m, 24h or 7d, at most 7d.`,
  );
}

/** With the names that the wire has everywhere; policies are as their service has them. */
function snakeCased(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(snakeCased);
  if (typeof value === "string" || typeof value === "boolean" || typeof value === "number") return value;
  if (typeof value !== "object" || value === null) return null;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(
    entries.map(([name, inner]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snakeCased(inner),
    ]),
  );
}
