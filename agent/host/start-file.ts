/**
 * How a standing agent starts: with what enrolling gave it, and a file that may change where things are.
 *
 *     # /etc/gatehouse/agent.yaml
 *     state_dir: /var/lib/gatehouse-agent
 *     address: monitor.example.org     # another way to the daemon than the one that was enrolled over
 *     periods: { MONITOR_VM: 60 }
 *     settings: { datastoreLocation: /srv/datastores, probesDir: /etc/gatehouse/probes }
 */

import { readFileSync } from "node:fs";
import { z } from "zod";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import { readIdentity } from "./identity-file.ts";
import type { AgentSettings } from "./settings.ts";
import { periodsSchema, placesSchema, settingsOf, somePeriodsSchema } from "./start-line.ts";

export const DEFAULT_CONFIG_FILE = "/etc/gatehouse/agent.yaml";
export const DEFAULT_STATE_DIR = "/var/lib/gatehouse-agent";

const file = z.strictObject({
  state_dir: z.string().min(1).default(DEFAULT_STATE_DIR),
  address: z.string().min(1).optional(),
  port: z.int().min(1).max(65_535).optional(),
  hypervisor: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/)
    .optional(),
  /** In place of those that the daemon gave when it was enrolled. */
  periods: somePeriodsSchema.prefault({}),
  settings: placesSchema.prefault({}),
});

export type AgentFile = z.output<typeof file>;

/**
 * @param required whether a missing file is a fault; the default one may be missing.
 * @throws GatehouseError `bad_request` with file and path of what is wrong.
 */
export async function readAgentFile(path: string, required: boolean): Promise<AgentFile> {
  const text = readText(path, required);
  // Only a standing agent needs YAML, which takes some MB.
  const { parse } = await import("yaml");
  const parsed = file.safeParse(parseWith(parse, path, text) ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new GatehouseError(
    "bad_request",
    `${path}: ${issue?.path.join(".") || "the file"}: ${issue?.message ?? "is wrong"}.`,
  );
}

/** @throws GatehouseError `precondition_failed` before the agent was enrolled. */
export function standingSettings(agentFile: AgentFile, version: string): AgentSettings {
  const { state_dir: stateDir, address, port, hypervisor, periods, settings } = agentFile;
  const identity = readIdentity(stateDir);
  return settingsOf(
    {
      ...identity,
      address: address ?? identity.address,
      port: port ?? identity.port,
      hypervisor: hypervisor ?? identity.hypervisor,
      periods: periodsSchema.parse({ ...identity.periods, ...periods }),
      settings,
      stateDir,
    },
    version,
  );
}

function readText(path: string, required: boolean): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (isMissing && !required) return "";
    throw new GatehouseError("bad_request", `${path} cannot be read: ${errorText(error)}.`);
  }
}

function parseWith(parse: (text: string) => unknown, path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new GatehouseError("bad_request", `${path} is no YAML: ${errorText(error)}`);
  }
}
