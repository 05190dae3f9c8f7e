/** `gatehouse demo`: a house with a service to look at, of processes or of virtual machines. */

import { resolve } from "node:path";
import { Argument, Command } from "commander";
import { withCommonOptions } from "./common-options.ts";
import type { CliContext } from "./context.ts";
import type { UpOptions } from "./run-house.ts";

const EXAMPLES = `
Examples:
  gatehouse demo            guests are processes: the same as gatehouse up --demo
  gatehouse demo qemu       guests are virtual machines; needs QEMU, and on the first time Debian's apt`;

const KINDS = ["process", "qemu"] as const;
/** Of its own: a home's first host has one kind of VMs. */
const QEMU_HOME = "var/demo-qemu";

export function demoCommand(context: CliContext): Command {
  return withCommonOptions(new Command("demo"))
    .description("start a house with a service of two roles, whose guests report READY, and stay")
    .addArgument(
      new Argument("[kind]", "what its guests are; qemu has its home in ./var/demo-qemu unless told another")
        .choices(KINDS)
        .default("process"),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (kind: (typeof KINDS)[number], options: UpOptions) => {
      const { runHouse } = await import("./run-house.ts");
      if (kind === "process") return await runHouse(context, { ...options, demo: true });
      const home = options.home ?? context.env.GATEHOUSE_HOME ?? resolve(context.cwd, QEMU_HOME);
      return await runHouse(context, { ...options, home, demo: true, demoGuests: "qemu" });
    });
}
