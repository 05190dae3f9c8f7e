/** `GET /limits`: the limits in force, for whoever writes a guest; names in it are kept, new ones may come. */

import { MAX_WAIT_S } from "../../http/wait-time.ts";
import { jsonText } from "../answer.ts";
import type { PublicHandler } from "../route.ts";
import type { OneGateSettings } from "../settings.ts";
import type { Rate } from "./buckets.ts";
import { CONNECTION_TIMES, PIPELINING } from "./connection-times.ts";
import { MAX_HELD_BYTES_PER_VM } from "./held-bytes.ts";
import { WRONG_TOKENS } from "./wrong-tokens.ts";

/** The settings do not change while the house runs, so the text is made once. */
export function showLimits(settings: OneGateSettings): PublicHandler {
  const answer = jsonText(JSON.stringify(limitsDocument(settings)));
  return () => answer;
}

/** Its names and numbers are those of the table in docs/onegate.md, "Limits". */
export function limitsDocument({ limits, maxBodyBytes, connections }: OneGateSettings): object {
  const { vm, vmWrite, address, stranger } = limits;
  const rates = { vm: rate(vm), vm_write: rate(vmWrite), address: rate(address), stranger: rate(stranger) };
  return {
    LIMITS: {
      enabled: limits.enabled,
      rates,
      wrong_tokens: {
        free: WRONG_TOKENS.free,
        forgotten_after_seconds: WRONG_TOKENS.forgottenAfterS,
        delay_step_ms: WRONG_TOKENS.stepMs,
        max_delay_ms: WRONG_TOKENS.maxDelayMs,
        delayed_at_once: WRONG_TOKENS.lateAtOnce,
      },
      wait: { max_seconds: MAX_WAIT_S, waiters_per_vm: limits.waitersPerVm },
      body: { max_bytes: maxBodyBytes, max_held_bytes_per_vm: MAX_HELD_BYTES_PER_VM },
      attributes: {
        max_count: limits.attributes,
        max_name_length: limits.attributeNameLength,
        max_value_length: limits.attributeLength,
      },
      connections: {
        max: connections.max,
        max_per_address: connections.maxPerAddress,
        head_seconds: CONNECTION_TIMES.headMs / 1_000,
        request_seconds: CONNECTION_TIMES.requestMs / 1_000,
        keep_alive_seconds: CONNECTION_TIMES.keepAliveMs / 1_000,
        idle_seconds: CONNECTION_TIMES.idleMs / 1_000,
        max_unanswered_requests: PIPELINING.maxUnanswered,
        refused_after_flood_seconds: PIPELINING.refusedMs / 1_000,
      },
    },
  };
}

function rate({ perSecond, burst }: Rate): object {
  return { per_second: perSecond, burst };
}
