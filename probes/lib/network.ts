/**
 * What has gone over the host's own network cards, from /proc/net/dev.
 *
 * Counted are interfaces with a device behind them (/sys/class/net/NAME/device). Left out are the loopback, and bridges,
 * bonds, VLANs, taps and tunnels: what they carry passes a card as well, or never leaves the host. Left out too is a
 * card that is the port of another card (a virtual function under Hyper-V's netvsc), which counts for both. Where no
 * interface has a device, as in a container, all but the loopback count.
 */

import { existsSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { needText } from "./read.ts";

export interface Traffic {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** @throws Error when /proc/net/dev cannot be read. */
export function readTraffic(procRoot: string, sysRoot: string): Traffic {
  const all = [...needText(`${procRoot}/net/dev`).matchAll(/^\s*([^\s:]+):\s*(\d.*)$/gm)]
    .map(([, name = "", counters = ""]) => ({ name, counters: counters.split(/\s+/).map(Number) }))
    .filter(({ name }) => name !== "lo");
  const cards = all.filter(({ name }) => isCard(name, sysRoot));
  const counted = (cards.length === 0 ? all : cards).map(({ counters }) => counters);
  return {
    receivedBytes: counted.reduce((total, counters) => total + (counters[0] ?? 0), 0),
    sentBytes: counted.reduce((total, counters) => total + (counters[8] ?? 0), 0),
  };
}

function isCard(name: string, sysRoot: string): boolean {
  const at = `${sysRoot}/class/net/${name}`;
  if (!existsSync(`${at}/device`)) return false;
  const master = masterOf(at);
  return master === undefined || !existsSync(`${sysRoot}/class/net/${master}/device`);
}

function masterOf(at: string): string | undefined {
  try {
    return basename(readlinkSync(`${at}/master`));
  } catch {
    return undefined;
  }
}
