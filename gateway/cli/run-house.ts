/** What `gatehouse up` does: in a file of its own, since it loads the whole house, which other commands need not wait for. */

import { resolve } from "node:path";
import { GatehouseError } from "../../shared/errors.ts";
import { createLogger, stderrSink } from "../../shared/log.ts";
import { endpointWarning, urlOf } from "../config/listening.ts";
import type { Config, Setting } from "../config.ts";
import { endOnCrash } from "../main/crash.ts";
import { type DemoPlace, describeDemo, startDemo } from "../main/demo.ts";
import { stopRequested } from "../main/stop-signals.ts";
import { type House, startHouse } from "../main.ts";
import { type CommonOptions, loadFor } from "./common-options.ts";
import type { CliContext } from "./context.ts";
import { packageVersion } from "./version.ts";
import { readWorldFile } from "./world-file.ts";

export interface UpOptions extends CommonOptions {
  readonly world?: string;
  readonly dummy?: boolean;
  readonly dummyBootMs?: string;
  readonly demo?: boolean;
}

/** Starts the house, and resolves when it has ended. @throws GatehouseError as startHouse, and for options that exclude each other. */
export async function runHouse(context: CliContext, options: UpOptions): Promise<void> {
  if (options.demo && options.dummy) {
    throw new GatehouseError(
      "bad_request",
      "--demo starts real processes and --dummy simulates every VM: choose one.",
    );
  }
  const { config, notes } = loadFor(context, options, settingsOf(options));
  const world = options.world === undefined ? undefined : readWorldFile(resolve(context.cwd, options.world));
  const { clock } = context;
  const pretty = process.stderr.isTTY === true;
  const log = createLogger({ level: config.log.level, clock, sink: stderrSink(), pretty });
  endOnCrash(process, log);
  const stop = stopRequested(process, clock, log);
  for (const note of notes) log.info({ note }, "From the configuration");
  const warning = endpointWarning(config);
  if (warning !== undefined) log.warn({ host: config.onegate.host }, warning);
  const house = await startHouse(config, { log, clock, world, version: packageVersion() });
  context.out(summary(config, house));
  const { onegate } = house.urls;
  if (options.demo && onegate !== undefined && house.flow !== undefined) {
    context.out("Starting the demo service ...\n");
    const parts = {
      cloud: house.cloud,
      flow: house.flow,
      clock,
      tell: (line: string) => context.out(`${line}\n`),
    };
    const demo = await Promise.race([startDemo(parts), stop]);
    if (typeof demo !== "string") context.out(describeDemo(demo, { onegate, ...homeWords(context, config) }));
  } else context.out(HINTS);
  await stop;
  context.out("Stopping: ending the guests that live with the house ...\n");
  await house.close();
}

function settingsOf(options: UpOptions): readonly Setting[] {
  const settings: Setting[] = [];
  if (options.dummy) settings.push({ path: "cloud.driver", value: "dummy", origin: "--dummy" });
  if (options.dummyBootMs !== undefined) {
    const text = options.dummyBootMs;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : text;
    settings.push({ path: "cloud.dummy_boot_ms", value, origin: "--dummy-boot-ms" });
  }
  return settings;
}

const HINTS = `Try next, from another terminal:
  gatehouse check       every setting, and where it comes from
  gatehouse token 0     the token of VM 0, to ask OneGate with
  gatehouse export      everything the house holds, as JSON
`;

/** What other commands need to find this home; nothing where they would find it anyway. */
function homeWords(context: CliContext, { home }: Config): Pick<DemoPlace, "homeOption" | "homeVariable"> {
  if (home === resolve(context.cwd, "var")) return { homeOption: "", homeVariable: "" };
  return { homeOption: ` --home ${home}`, homeVariable: `GATEHOUSE_HOME=${home} ` };
}

function summary(config: Config, { urls, monitor, authFile }: House): string {
  const lines = ["Gatehouse is up."];
  if (urls.onegate !== undefined) lines.push(`  OneGate  ${urls.onegate}`);
  if (urls.oneflow !== undefined) lines.push(`  OneFlow  ${urls.oneflow}`);
  if (urls.rpc !== undefined) lines.push(`  XML-RPC  ${urls.rpc}/RPC2`);
  if (monitor !== undefined)
    lines.push(`  Monitor  ${urlOf(monitor.host, monitor.port).slice("http://".length)}, UDP and TCP`);
  lines.push(`  Admin    ${urls.admin}/readyz`);
  lines.push(`  Home     ${config.home}`);
  if (authFile !== undefined) lines.push(`  oneadmin's password is in ${authFile}`);
  return `${lines.join("\n")}\n`;
}
