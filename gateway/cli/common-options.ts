/** The options by which every command finds its home and configuration. */

import type { Command } from "commander";
import { type LoadedConfig, loadConfig, type Setting } from "../config.ts";
import type { CliContext } from "./context.ts";

export interface CommonOptions {
  readonly home?: string;
  readonly config?: string;
  readonly onegateConf?: string;
  readonly oneflowConf?: string;
  readonly monitordConf?: string;
}

export function withCommonOptions(command: Command): Command {
  return command
    .option("--home <directory>", "the home (GATEHOUSE_HOME; by default ./var)")
    .option("--config <file>", "the configuration (by default gatehouse.yaml in the home)")
    .option("--onegate-conf <file>", "OpenNebula's onegate-server.conf, to be read below the configuration")
    .option("--oneflow-conf <file>", "the same for its oneflow-server.conf")
    .option("--monitord-conf <file>", "the same for its monitord.conf");
}

/** @throws GatehouseError `bad_request` with everything that is wrong. */
export function loadFor(
  context: CliContext,
  options: CommonOptions,
  more: readonly Setting[] = [],
): LoadedConfig {
  const given: Setting[] = [...more];
  if (options.home !== undefined) given.push({ path: "home", value: options.home, origin: "--home" });
  for (const [path, value, origin] of [
    ["onegate.conf_file", options.onegateConf, "--onegate-conf"],
    ["oneflow.conf_file", options.oneflowConf, "--oneflow-conf"],
    ["monitor.conf_file", options.monitordConf, "--monitord-conf"],
  ] as const) {
    if (value !== undefined) given.push({ path, value, origin });
  }
  return loadConfig({
    env: context.env,
    cwd: context.cwd,
    configFile: options.config,
    commandLine: given,
  });
}
