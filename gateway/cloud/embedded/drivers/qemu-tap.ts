/** Tap interfaces of guests on bridges of this machine: the house makes them, for the one user who may open them. */

import { readdir, stat } from "node:fs/promises";
import type { Clock } from "../../../../shared/clock.ts";
import { errorText, GatehouseError } from "../../../../shared/errors.ts";
import { findTool, runTool } from "./tool.ts";

export interface Tap {
  readonly name: string;
  readonly bridge: string;
}

const TOOL_TIMEOUT_MS = 10_000;
const TUN = "/dev/net/tun";
const OTHERS_READ_AND_WRITE = 0o006;
/** An access list of the file shows as rights of its group. */
const LISTED_READ_AND_WRITE = 0o060;
/** IFNAMSIZ, the closing zero byte not among them. */
const INTERFACE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;

/** Makes it anew. @throws GatehouseError `unavailable` when the machine does not let it. */
export async function makeTap({ name, bridge }: Tap, uid: number | undefined, clock: Clock): Promise<void> {
  if (!INTERFACE_NAME.test(bridge) || !INTERFACE_NAME.test(name))
    throw new GatehouseError("bad_request", `"${bridge.slice(0, 32)}" cannot be the name of a bridge.`);
  if (uid !== undefined) await requireTun(uid, TUN);
  await removeTap(name, clock);
  const owner = String(uid ?? process.getuid?.() ?? 0);
  await ip(["tuntap", "add", "dev", name, "mode", "tap", "user", owner], clock);
  await ip(["link", "set", "dev", name, "master", bridge, "up"], clock);
}

/** QEMU opens it as the guest's user, and says no more than "could not open". @throws GatehouseError `unavailable`. */
export async function requireTun(uid: number, device: string): Promise<void> {
  const found = await stat(device).catch((error: unknown) => {
    throw new GatehouseError(
      "unavailable",
      `Guests cannot be on bridges, since ${device} is not there (modprobe tun): ${errorText(error)}`,
      { cause: error },
    );
  });
  const may = (rights: number): boolean => (found.mode & rights) === rights;
  if (may(OTHERS_READ_AND_WRITE) || may(LISTED_READ_AND_WRITE)) return;
  const mode = (found.mode & 0o777).toString(8).padStart(4, "0");
  throw new GatehouseError(
    "unavailable",
    `The guest's user ${uid} may not open ${device}, whose mode is ${mode}: make it 0666, as udev does, or let guests have cloud.qemu.network: restricted.`,
  );
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
