/** A whole house within this process, with simulated VMs, real sockets and a home on disk: for benchmarks and soaks that look inside. */

import { mkdirSync } from "node:fs";
import { loadConfig } from "../../gateway/config.ts";
import { type House, startHouse } from "../../gateway/main.ts";
import type { Clock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { FREE_PORTS, RAISED_LIMITS } from "./house.ts";

export interface OwnHouse extends Omit<House, "urls"> {
  readonly urls: { readonly onegate: string; readonly oneflow: string };
}

/** On free ports; VMs boot in no time. */
export async function startOwnHouse(home: string, clock: Clock): Promise<OwnHouse> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const { config } = loadConfig({
    env: { ...FREE_PORTS, ...RAISED_LIMITS, GATEHOUSE_CLOUD_DRIVER: "dummy" },
    cwd: home,
    commandLine: [{ path: "home", value: home, origin: "this program" }],
  });
  const house = await startHouse(config, { log: silentLogger, clock, version: "0.0.0" });
  const { onegate, oneflow } = house.urls;
  if (onegate === undefined || oneflow === undefined) throw new Error("OneGate or OneFlow does not listen");
  return { ...house, urls: { onegate, oneflow } };
}
