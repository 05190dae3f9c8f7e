/** How the house starts an agent: all it must know as one JSON line on standard input, so no key is seen by others. */

import { z } from "zod";
import { GatehouseError } from "../../shared/errors.ts";
import { keyPairOf, parseKey } from "../../shared/monitor/keys.ts";
import { printConfiguration } from "./configuration-xml.ts";
import {
  type AgentSettings,
  DEFAULT_PERIODS,
  DEFAULT_PORT,
  DEFAULT_PROBE_SETTINGS,
  type Periods,
} from "./settings.ts";

export const MAX_LINE_BYTES = 64 * 1024;

const MAX_PERIOD_S = 7 * 24 * 3600;

const seconds = z.number().min(0.1).max(MAX_PERIOD_S);
const period = (name: keyof Periods) => seconds.default(DEFAULT_PERIODS[name]);

/** PROBES_PERIOD in seconds; what is missing is as monitord.conf is shipped. */
export const periodsSchema = z.object({
  BEACON_HOST: period("BEACON_HOST"),
  SYSTEM_HOST: period("SYSTEM_HOST"),
  MONITOR_HOST: period("MONITOR_HOST"),
  STATE_VM: period("STATE_VM"),
  MONITOR_VM: period("MONITOR_VM"),
  SYNC_STATE_VM: period("SYNC_STATE_VM"),
});

/** Some of them; unlike a partial periodsSchema it fills in nothing. */
export const somePeriodsSchema = z.strictObject({
  BEACON_HOST: seconds.optional(),
  SYSTEM_HOST: seconds.optional(),
  MONITOR_HOST: seconds.optional(),
  STATE_VM: seconds.optional(),
  MONITOR_VM: seconds.optional(),
  SYNC_STATE_VM: seconds.optional(),
});

/** Where things are on the host. */
export const placesSchema = z.strictObject({
  datastoreLocation: z.string().optional(),
  processRunDir: z.string().optional(),
  qemuRunDir: z.string().optional(),
  dummyList: z.string().optional(),
  pciFilter: z.string().optional(),
  pciIds: z.string().optional(),
  /** Holds `<hypervisor>-probes.d/...` with programs of people's own. */
  probesDir: z.string().optional(),
});

const line = z.object({
  hostId: z.int().min(0),
  hostName: z.string().min(1),
  hypervisor: z.string().regex(/^[a-z0-9_-]{1,32}$/),
  secretKey: z.string(),
  daemonKey: z.string(),
  address: z.string().min(1),
  port: z.int().min(1).max(65_535).default(DEFAULT_PORT),
  periods: periodsSchema.prefault({}),
  settings: placesSchema.prefault({}),
  stateDir: z.string().min(1),
});

/** What the line says; periods and settings may be left out, in part or whole. */
export type StartLine = z.input<typeof line>;

/** @throws GatehouseError `bad_request` with the path of what is wrong, never with its value. */
export function parseStartLine(text: string, version: string): AgentSettings {
  const parsed = line.safeParse(parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new GatehouseError(
      "bad_request",
      `The line on standard input is no agent's configuration: ${issue?.path.join(".") || "it"}: ${issue?.message ?? "is wrong"}.`,
    );
  }
  return settingsOf(parsed.data, version);
}

/** The line that parseStartLine reads. */
export function printStartLine(start: StartLine): string {
  return `${JSON.stringify(start)}\n`;
}

export function settingsOf(data: z.output<typeof line>, version: string): AgentSettings {
  const { hostId, hostName, hypervisor, address, port, periods, stateDir } = data;
  const { probesDir, ...places } = data.settings;
  return {
    hostId,
    hostName,
    hypervisor,
    address,
    port,
    link: { kind: "sealed", agent: keyPairOf(parseKey(data.secretKey)), daemonKey: parseKey(data.daemonKey) },
    periods,
    probes: {
      ...places,
      datastoreLocation: places.datastoreLocation ?? DEFAULT_PROBE_SETTINGS.datastoreLocation,
      processRunDir: places.processRunDir,
      qemuRunDir: places.qemuRunDir,
      version,
    },
    probesDir,
    stateDir,
    configurationXml: printConfiguration({ address, port, periods, hostId }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
