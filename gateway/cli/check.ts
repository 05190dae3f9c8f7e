/** `gatehouse check`: validates the configuration, shows what holds and where it comes from, and exits. */

import { Command } from "commander";
import { type Logger, silentLogger } from "../../shared/log.ts";
import { LEAVES } from "../config/leaves.ts";
import { endpointWarning, processDriverUse, tlsFilesOf } from "../config/listening.ts";
import type { LoadedConfig } from "../config.ts";
import { qemuUse } from "../main/qemu-driver.ts";
import { scalerFor } from "../main/serve-oneflow.ts";
import { serverIdentityOf } from "../main/server-proof.ts";
import { type CommonOptions, loadFor, withCommonOptions } from "./common-options.ts";
import type { CliContext } from "./context.ts";

interface ShownSetting {
  readonly path: string;
  readonly value: unknown;
  readonly origin: string;
}

export function checkCommand(context: CliContext): Command {
  return withCommonOptions(new Command("check"))
    .description("validate the configuration, show every setting and where it comes from, and exit")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  gatehouse check\n  gatehouse check --onegate-conf /etc/one/onegate-server.conf --json",
    )
    .action((options: CommonOptions & { json?: boolean }) => {
      const loaded = loadFor(context, options);
      tlsFilesOf(loaded.config);
      const warnings = secretsWarnings(loaded, context);
      const settings = settingsOf(loaded);
      const warning = endpointWarning(loaded.config);
      const notes = [
        ...loaded.notes,
        ...warnings,
        ...(warning === undefined ? [] : [warning]),
        driverNote(loaded),
      ];
      context.out(
        options.json ? `${JSON.stringify({ valid: true, settings, notes })}\n` : text(settings, notes),
      );
    });
}

function settingsOf({ config, origins }: LoadedConfig): readonly ShownSetting[] {
  return LEAVES.map(({ path }) => ({
    path,
    value: valueAt(config, path) ?? null,
    origin: origins.get(path) ?? "default",
  }));
}

function valueAt(config: object, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, name) =>
        typeof value === "object" && value !== null
          ? Object.getOwnPropertyDescriptor(value, name)?.value
          : undefined,
      config,
    );
}

/** Reads what a house before an OpenNebula reads at its start. @throws GatehouseError as the start of that house. */
function secretsWarnings({ config }: LoadedConfig, { clock }: CliContext): readonly string[] {
  const warnings: string[] = [];
  const log: Logger = {
    ...silentLogger,
    warn: ({ setting, file }, message) => void warnings.push(`${setting ?? ""} ${file}: ${message}.`.trim()),
  };
  const server = serverIdentityOf(config, { clock, log })?.server;
  if (config.cloud.kind === "opennebula") scalerFor(config, () => undefined, { clock, server });
  return warnings;
}

function driverNote({ config }: LoadedConfig): string {
  if (config.cloud.kind === "opennebula")
    return "VMs are those of the OpenNebula (cloud.kind is opennebula).";
  if (config.cloud.driver === "dummy") return "Every VM is simulated (cloud.driver is dummy).";
  if (config.cloud.driver === "qemu") {
    const qemu = qemuUse(config);
    return `VMs ${qemu.allowed ? "run" : "do not run"} under QEMU: ${qemu.reason}.`;
  }
  const { allowed, reason } = processDriverUse(config);
  return `VMs ${allowed ? "run" : "do not run"} as processes of this machine: ${reason}.`;
}

function text(settings: readonly ShownSetting[], notes: readonly string[]): string {
  const lines = settings.map(({ path, value, origin }) => {
    const where = origin === "default" ? "" : `   # ${origin}`;
    return `${path}: ${value === null ? "" : JSON.stringify(value)}${where}`;
  });
  return `${[...lines, "", ...notes, "The configuration is valid."].join("\n")}\n`;
}
