/** What `gatehouse up` does: in a file of its own, since it loads the whole house, which other commands need not wait for. */

import { resolve } from "node:path";
import { GatehouseError } from "../../shared/errors.ts";
import { createLogger, stderrSink } from "../../shared/log.ts";
import { endpointWarning, urlOf } from "../config/listening.ts";
import type { Config, Setting } from "../config.ts";
import { endOnCrash, endOnLoss } from "../main/crash.ts";
import { type DemoPlace, describeDemo, startDemo } from "../main/demo.ts";
import { PROCESS_GUESTS, qemuGuests } from "../main/demo-guests.ts";
import { stopRequested } from "../main/stop-signals.ts";
import { ensureTestGuest, requireQemu, type TestGuest } from "../main/test-guest.ts";
import { type House, startHouse } from "../main.ts";
import { type CommonOptions, loadFor } from "./common-options.ts";
import type { CliContext } from "./context.ts";
import { packageVersion } from "./version.ts";
import { readWorldFile } from "./world-file.ts";

export interface UpOptions extends CommonOptions {
  readonly world?: string;
  readonly dummy?: boolean;
  readonly qemu?: boolean;
  readonly dummyBootMs?: string;
  readonly demo?: boolean;
}

/** Other than processes. */
export interface RunOptions extends UpOptions {
  readonly demoGuests?: "qemu";
}

/** Starts the house, and resolves when it has ended. @throws GatehouseError as startHouse, and for options that exclude each other. */
export async function runHouse(context: CliContext, options: RunOptions): Promise<void> {
  if (options.demo && options.dummy) {
    throw new GatehouseError(
      "bad_request",
      "--demo starts real processes and --dummy simulates every VM: choose one.",
    );
  }
  if (options.qemu && options.dummy) {
    throw new GatehouseError(
      "bad_request",
      "--qemu runs virtual machines and --dummy simulates every VM: choose one.",
    );
  }
  const tell = (line: string) => context.out(`${line}\n`);
  const image = options.demoGuests === "qemu" ? await qemuImage(tell) : undefined;
  const { config, notes } = loadFor(context, options, [...settingsOf(options), ...qemuSettings(image)]);
  const world = options.world === undefined ? undefined : readWorldFile(resolve(context.cwd, options.world));
  const { clock } = context;
  const pretty = process.stderr.isTTY === true;
  const log = createLogger({ level: config.log.level, clock, sink: stderrSink(), pretty });
  endOnCrash(process, log);
  const stop = stopRequested(process, clock, log);
  for (const note of notes) log.info({ note }, "From the configuration");
  const warning = endpointWarning(config);
  if (warning !== undefined) log.warn({ host: config.onegate.host }, warning);
  const onLost = (reason: string) => endOnLoss(process, log, reason);
  const house = await startHouse(config, { log, clock, world, version: packageVersion(), onLost });
  context.out(summary(config, house));
  const { onegate } = house.urls;
  if (options.demo && onegate !== undefined && house.flow !== undefined) {
    context.out("Starting the demo service ...\n");
    const parts = {
      cloud: house.cloud,
      flow: house.flow,
      clock,
      tell,
      guests: image === undefined ? PROCESS_GUESTS : qemuGuests(image),
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
  // So that its policies, which go by the CPU of its guests, have something to go by before anybody is tired of waiting.
  if (options.demo) settings.push({ path: "monitor.periods.monitor_vm_s", value: 5, origin: "--demo" });
  // What it says of its guests is of those that run now, not of those that an earlier start had.
  if (options.demo) settings.push({ path: "onegate.clear_ready", value: true, origin: "--demo" });
  if (options.dummy) settings.push({ path: "cloud.driver", value: "dummy", origin: "--dummy" });
  if (options.qemu) settings.push({ path: "cloud.driver", value: "qemu", origin: "--qemu" });
  if (options.dummyBootMs !== undefined) {
    const text = options.dummyBootMs;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : text;
    settings.push({ path: "cloud.dummy_boot_ms", value, origin: "--dummy-boot-ms" });
  }
  return settings;
}

async function qemuImage(tell: (line: string) => void): Promise<TestGuest> {
  requireQemu();
  return await ensureTestGuest(tell);
}

function qemuSettings(image: TestGuest | undefined): readonly Setting[] {
  if (image === undefined) return [];
  return [
    { path: "cloud.driver", value: "qemu", origin: "demo qemu" },
    { path: "cloud.qemu.image_dirs", value: [image.directory], origin: "demo qemu" },
  ];
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
