/** What enrolling gave a standing agent: its key, the daemon's, and the host it speaks for. */

import { join } from "node:path";
import { z } from "zod";
import { GatehouseError } from "../../shared/errors.ts";
import { keepDurably, readKept } from "./kept-file.ts";
import { periodsSchema } from "./start-line.ts";

const identity = z.object({
  hostId: z.int().min(0),
  hostName: z.string(),
  hypervisor: z.string(),
  secretKey: z.string(),
  daemonKey: z.string(),
  address: z.string(),
  port: z.int().min(1).max(65_535),
  periods: periodsSchema,
});

export type AgentIdentity = z.infer<typeof identity>;

/** @throws GatehouseError `precondition_failed` before the agent was enrolled. */
export function readIdentity(stateDir: string): AgentIdentity {
  const path = identityPath(stateDir);
  const text = readKept(path);
  if (text === undefined)
    throw new GatehouseError(
      "precondition_failed",
      `${path} does not exist: enrol this host first with gatehouse-agent enroll.`,
    );
  const parsed = identity.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new GatehouseError(
    "bad_request",
    `${path} is damaged: enrol this host again with gatehouse-agent enroll.`,
  );
}

/** Readable for its owner alone. @throws Error when the disk refuses. */
export function writeIdentity(stateDir: string, value: AgentIdentity): void {
  keepDurably(identityPath(stateDir), `${JSON.stringify(value, undefined, 2)}\n`);
}

export function identityPath(stateDir: string): string {
  return join(stateDir, "identity.json");
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
