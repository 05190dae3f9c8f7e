/** Tap interfaces of guests on bridges of this machine: the house makes them, for the one user who may open them. */

import { readdir } from "node:fs/promises";
import type { Clock } from "../../../../shared/clock.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import { findTool, runTool } from "./tool.ts";

export interface Tap {
  readonly name: string;
  readonly bridge: string;
}

const TOOL_TIMEOUT_MS = 10_000;
/** IFNAMSIZ, the closing zero byte not among them. */
const INTERFACE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;

/** Makes it anew. @throws GatehouseError `unavailable` when the machine does not let it. */
export async function makeTap({ name, bridge }: Tap, uid: number | undefined, clock: Clock): Promise<void> {
  if (!INTERFACE_NAME.test(bridge) || !INTERFACE_NAME.test(name))
    throw new GatehouseError("bad_request", `"${bridge.slice(0, 32)}" cannot be the name of a bridge.`);
  await removeTap(name, clock);
  const owner = String(uid ?? process.getuid?.() ?? 0);
  await ip(["tuntap", "add", "dev", name, "mode", "tap", "user", owner], clock);
  await ip(["link", "set", "dev", name, "master", bridge, "up"], clock);
}

/** One that is not there is no fault. */
async function removeTap(name: string, clock: Clock): Promise<void> {
  await ip(["link", "delete", "dev", name], clock).catch(() => {});
}

/** All of a VM's, whatever interfaces it had. */
export async function removeTaps(vmId: number, clock: Clock): Promise<void> {
  const names = await readdir("/sys/class/net").catch(() => []);
  for (const name of names) if (name.startsWith(tapName(vmId, ""))) await removeTap(name, clock);
}

/** As OpenNebula's drivers name them. */
export function tapName(vmId: number, nicId: number | ""): string {
  return `one-${vmId}-${nicId}`;
}

async function ip(given: readonly string[], clock: Clock): Promise<void> {
  const program = findTool(["ip"]);
  if (program === undefined)
    throw new GatehouseError(
      "unavailable",
      "ip is not installed, which makes tap interfaces (Debian: iproute2).",
    );
  await runTool({ program, arguments: given, clock, timeoutMs: TOOL_TIMEOUT_MS });
}
