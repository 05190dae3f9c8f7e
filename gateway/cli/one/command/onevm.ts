/** `onevm`: virtual machines. */

import { GatehouseError } from "../../../../shared/errors.ts";
import { resolveId } from "../ids.ts";
import { readTemplate } from "../input.ts";
import { HOST } from "../kind.ts";
import { type TemplateOptions, templateOf, withTemplateOptions } from "../template-options.ts";
import {
  type CommonOptions,
  type Desk,
  eachOf,
  onEach,
  printId,
  severalCommand,
  subCommand,
  withClient,
} from "./desk.ts";
import { addOwnership, addRename, addUpdate } from "./manage.ts";
import { addMonitoring } from "./monitoring.ts";
import { countOf, numberedName } from "./multiple.ts";
import { addNics, addResize, addSnapshots } from "./onevm-parts.ts";
import { addScheduling, scheduleTemplate } from "./onevm-schedule.ts";
import { addList, addShow } from "./show.ts";

interface Action {
  readonly name: string;
  readonly summary: string;
  /** There is a form of it that does not ask the guest. */
  readonly hard?: boolean;
}

const ACTIONS: readonly Action[] = [
  { name: "hold", summary: "keep from being deployed" },
  { name: "release", summary: "let what is on hold be deployed" },
  { name: "stop", summary: "save, and give the host back" },
  { name: "suspend", summary: "save, and stay on the host" },
  { name: "resume", summary: "go on after stop, suspend, poweroff or undeploy" },
  { name: "poweroff", summary: "shut down, and stay on the host", hard: true },
  { name: "reboot", summary: "restart", hard: true },
  { name: "undeploy", summary: "shut down, and give the host back", hard: true },
  { name: "terminate", summary: "end for good", hard: true },
  { name: "resched", summary: "mark to be moved to another host" },
  { name: "unresched", summary: "take that mark away" },
];

const RECOVERIES = ["failure", "success", "retry", "delete", "recreate", "delete-db"] as const;

/** The system datastore is the core's choice. */
const ANY_DATASTORE = -1;

export function addVmCommands(desk: Desk): void {
  addList(desk);
  addShow(desk);
  addMonitoring(desk, ["CPU", "NETRX"]);
  addCreate(desk);
  for (const action of ACTIONS) addAction(desk, action);
  addDeploy(desk);
  addMigrate(desk);
  addRecover(desk);
  addNics(desk);
  addSnapshots(desk);
  addResize(desk);
  addScheduling(desk);
  addRename(desk);
  addOwnership(desk);
  addUpdate(desk);
}

interface CreateOptions extends CommonOptions, TemplateOptions {
  readonly hold?: boolean;
  readonly multiple?: string;
}

function addCreate(desk: Desk): void {
  const command = subCommand(
    desk,
    "create [file]",
    "make a VM of a template file, of options, or of standard input",
    ["create vm.txt", "create --name web --cpu 0.5 --memory 512M --nic private", "create --hold < vm.txt"],
  )
    .option("--name <name>", "name; %i in it is the number among several")
    .option("--hold", "make it on hold")
    .option("-m, --multiple <count>", "make several");
  withTemplateOptions(command).action(async (file: string | undefined, options: CreateOptions) => {
    const count = countOf(options.multiple);
    const { name, ...rest } = options;
    const own = templateOf(rest);
    const base = file !== undefined || (own === "" && name === undefined);
    const text = base ? await readTemplate(desk.context, file) : "";
    await withClient(desk, options, async (client) => {
      for (let at = 0; at < count; at += 1) {
        const named = name === undefined ? "" : templateOf({ name: numberedName(name, at) });
        const template = [text, named, own].filter(Boolean).join("\n");
        printId(desk, await client.call("one.vm.allocate", template, options.hold === true));
      }
    });
  });
}

interface ActionOptions extends CommonOptions {
  readonly hard?: boolean;
  readonly schedule?: string;
}

function addAction(desk: Desk, { name, summary, hard }: Action): void {
  const examples = [`${name} 5`, `${name} 5..8`, ...(hard ? [`${name} web --hard`] : [])];
  const command = severalCommand(desk, `${name} <ids>`, summary, examples);
  if (hard) command.option("--hard", "do not ask the guest");
  command.option("--schedule <time>", "at this time: 2026-09-20, '2026-09-20 14:15' or +3600");
  command.action(async (ids: string, options: ActionOptions) => {
    const action = options.hard ? `${name}-hard` : name;
    if (options.schedule !== undefined) {
      const template = scheduleTemplate(action, options.schedule);
      await onEach(desk, ids, options, `${action} scheduled`, (client, id) =>
        client.call("one.vm.schedadd", id, template),
      );
      return;
    }
    await onEach(desk, ids, options, action, (client, id) => client.call("one.vm.action", action, id));
  });
}

interface PlaceOptions extends CommonOptions {
  readonly enforce?: boolean;
  readonly live?: boolean;
  readonly poweroff?: boolean;
  readonly poweroffHard?: boolean;
}

function addDeploy(desk: Desk): void {
  severalCommand(desk, "deploy <ids> <host>", "start on this host", [
    "deploy 5 host01",
    "deploy 5..8 0 --enforce",
  ])
    .option("-e, --enforce", "only where the host has room for it")
    .action(async (ids: string, host: string, options: PlaceOptions) => {
      await withClient(desk, options, async (client) => {
        const hostId = await resolveId(client, HOST, host);
        await eachOf(desk, client, ids, options, "deployed", (each, id) =>
          each.call("one.vm.deploy", id, hostId, options.enforce === true, ANY_DATASTORE, ""),
        );
      });
    });
}

function addMigrate(desk: Desk): void {
  severalCommand(desk, "migrate <ids> <host>", "move to another host", [
    "migrate 5 host02",
    "migrate 5 1 --live",
  ])
    .option("-e, --enforce", "only where the host has room for it")
    .option("--live", "keep it running")
    .option("--poweroff", "shut it down for the move")
    .option("--poweroff-hard", "cut its power for the move")
    .action(async (ids: string, host: string, options: PlaceOptions) => {
      const type = options.poweroffHard ? 2 : Number(options.poweroff === true);
      await withClient(desk, options, async (client) => {
        const hostId = await resolveId(client, HOST, host);
        const rest = [options.live === true, options.enforce === true, ANY_DATASTORE, type] as const;
        await eachOf(desk, client, ids, options, "migrated", (each, id) =>
          each.call("one.vm.migrate", id, hostId, ...rest),
        );
      });
    });
}

function addRecover(desk: Desk): void {
  const command = severalCommand(desk, "recover <ids>", "end a state that a VM is stuck in", [
    "recover 5 --retry",
    "recover 5..8 --delete",
  ]);
  for (const way of RECOVERIES) command.option(`--${way}`, recoverySummary(way));
  command.action(async (ids: string, options: CommonOptions & Readonly<Record<string, unknown>>) => {
    const chosen = RECOVERIES.filter((way) => options[way.replace("-db", "Db")] === true);
    const [way, second] = chosen;
    if (way === undefined || second !== undefined)
      throw new GatehouseError(
        "bad_request",
        `recover needs one of ${RECOVERIES.map((each) => `--${each}`).join(", ")}.`,
      );
    const code = RECOVERIES.indexOf(way);
    await onEach(desk, ids, options, way, (client, id) => client.call("one.vm.recover", id, code));
  });
}

function recoverySummary(way: (typeof RECOVERIES)[number]): string {
  const summaries = {
    failure: "what it waits for has failed",
    success: "what it waits for has succeeded",
    retry: "do it again",
    delete: "delete the VM",
    recreate: "delete it, and make it anew",
    "delete-db": "delete it from the database alone",
  } as const;
  return summaries[way];
}
