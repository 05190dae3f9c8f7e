/** `onehost`: the machines that run VMs. */

import { epochSeconds } from "../../../../shared/clock.ts";
import { textAt, textsAt } from "../../../../shared/xml/node.ts";
import { xmlToTree } from "../../../../shared/xml/parse.ts";
import type { XmlNode } from "../../../../shared/xml/tree.ts";
import { VM } from "../kind.ts";
import { Page } from "../page.ts";
import { selectColumns } from "../table.ts";
import type { XmlRpcClient } from "../xmlrpc-client.ts";
import {
  type CommonOptions,
  type Desk,
  onEach,
  printId,
  severalCommand,
  subCommand,
  withClient,
} from "./desk.ts";
import { addDelete, addRename, addUpdate } from "./manage.ts";
import { addMonitoring } from "./monitoring.ts";
import { partId } from "./onevm-parts.ts";
import { addList, addShow } from "./show.ts";

/** What one.host.status takes (spec core-xmlrpc.md 2). */
const STATUSES = [
  { name: "enable", code: 0, summary: "let it take VMs" },
  { name: "disable", code: 1, summary: "monitor it, but give it no new VMs" },
  { name: "offline", code: 2, summary: "neither monitor nor use it" },
] as const;

const ALL = -2;
/** The default cluster. */
const NO_CLUSTER = -1;

export function addHostCommands(desk: Desk): void {
  addList(desk);
  addShow(desk, (client, host) => virtualMachines(desk, client, host));
  addMonitoring(desk, ["USED_CPU", "USED_MEMORY"]);
  addCreate(desk);
  for (const { name, code, summary } of STATUSES) {
    severalCommand(desk, `${name} <ids>`, summary, [`${name} 0`, `${name} host01,host02`]).action(
      async (ids: string, options: CommonOptions) => {
        await onEach(desk, ids, options, `${name}d`, (client, id) =>
          client.call("one.host.status", id, code),
        );
      },
    );
  }
  addDelete(desk);
  addRename(desk);
  addUpdate(desk);
}

interface CreateOptions extends CommonOptions {
  readonly im: string;
  readonly vm: string;
  readonly cluster?: string;
}

function addCreate(desk: Desk): void {
  subCommand(desk, "create <name>", "register a host", [
    "create host01 --im kvm --vm kvm",
    "create test01 -i dummy -v dummy",
  ])
    .requiredOption("-i, --im <driver>", "how it is monitored")
    .requiredOption("-v, --vm <driver>", "what runs its VMs")
    .option("-c, --cluster <id>", "id of its cluster")
    .action(async (name: string, options: CreateOptions) => {
      const cluster = options.cluster === undefined ? NO_CLUSTER : partId("cluster", options.cluster);
      await withClient(desk, options, async (client) => {
        printId(desk, await client.call("one.host.allocate", name, options.im, options.vm, cluster));
      });
    });
}

/** The block of the host's VMs at the end of its page; nothing when it has none. */
async function virtualMachines(desk: Desk, client: XmlRpcClient, host: XmlNode): Promise<string> {
  const ids = new Set(textsAt(host, "VMS/ID"));
  if (ids.size === 0) return "";
  const pool = xmlToTree(await client.text(VM.poolMethod, ...VM.poolArguments(ALL))).node;
  const rows = VM.view.rows(pool).filter((vm) => ids.has(textAt(vm, "ID")));
  const page = new Page(0);
  const columns = selectColumns(VM.view.columns, VM.view.defaults);
  page.table("\nVIRTUAL MACHINES", columns, rows, epochSeconds(desk.context.clock));
  return page.toString();
}
