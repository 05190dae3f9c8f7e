/** The options by which every command finds its home and configuration. */

import type { Command } from "commander";
import { type LoadedConfig, loadConfig, type Setting } from "../config.ts";
import type { CliContext } from "./context.ts";

export interface CommonOptions {
  readonly home?: string;
  readonly config?: string;
  readonly onegateConf?: string;
}

export function withCommonOptions(command: Command): Command {
  return command
    .option("--home <directory>", "the home (GATEHOUSE_HOME; by default ./var)")
    .option("--config <file>", "the configuration (by default gatehouse.yaml in the home)")
    .option("--onegate-conf <file>", "OpenNebula's onegate-server.conf, to be read below the configuration");
}

/** @throws GatehouseError `bad_request` with everything that is wrong. */
export function loadFor(
  context: CliContext,
  options: CommonOptions,
  more: readonly Setting[] = [],
): LoadedConfig {
  const given: Setting[] = [...more];
  if (options.home !== undefined) given.push({ path: "home", value: options.home, origin: "--home" });
  if (options.onegateConf !== undefined) {
    given.push({ path: "onegate.conf_file", value: options.onegateConf, origin: "--onegate-conf" });
  }
  return loadConfig({
    env: context.env,
    cwd: context.cwd,
    configFile: options.config,
    commandLine: given,
  });
}
