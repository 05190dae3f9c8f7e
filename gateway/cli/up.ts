/** `gatehouse up`: starts the house, says where it is, and stays until it is told to stop. */

import { Command } from "commander";
import { withCommonOptions } from "./common-options.ts";
import type { CliContext } from "./context.ts";
import type { UpOptions } from "./run-house.ts";

const EXAMPLES = `
Examples:
  gatehouse up
  gatehouse up --demo                        with a service of two roles to look at
  gatehouse up --home /srv/gatehouse --config /etc/gatehouse.yaml
  gatehouse up --world world.json --dummy --dummy-boot-ms 100
  GATEHOUSE_ONEGATE_PORT=0 gatehouse up      any free port; run.json in the home tells which`;

export function upCommand(context: CliContext): Command {
  return withCommonOptions(new Command("up"))
    .description("start the house, and stay until SIGINT or SIGTERM")
    .option("--world <file>", "load this world first, into a home that is empty")
    .option("--dummy", "simulate every VM")
    .option("--qemu", "the first host runs virtual machines (cloud.driver qemu)")
    .option("--dummy-boot-ms <ms>", "how long a simulated VM takes to boot (0)")
    .option("--demo", "start a service whose guests report READY and push a metric")
    .addHelpText("after", EXAMPLES)
    .action(async (options: UpOptions) => {
      const { runHouse } = await import("./run-house.ts");
      await runHouse(context, options);
    });
}
