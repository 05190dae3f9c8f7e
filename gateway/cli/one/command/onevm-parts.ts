/** Parts of a VM that come and go: NICs, snapshots, capacity. */

import { GatehouseError } from "../../../../shared/errors.ts";
import { printTemplate } from "../../../../shared/template/print.ts";
import { resolveId } from "../ids.ts";
import { readTemplate } from "../input.ts";
import { nicOf, templateOf } from "../template-options.ts";
import { type CommonOptions, type Desk, onEach, severalCommand, subCommand, withClient } from "./desk.ts";

interface NicOptions extends CommonOptions {
  readonly network?: string;
  readonly ip?: string;
  readonly file?: string;
}

/** For VMs and virtual routers. */
export function addNics(desk: Desk): void {
  severalCommand(desk, "nic-attach <id>", "attach a NIC, of options, a file or standard input", [
    "nic-attach 5 --network private",
    "nic-attach 5 --network 0 --ip 10.0.0.9",
    "nic-attach 5 --file nic.txt",
  ])
    .option("-n, --network <network>", "network, by id or name")
    .option("-i, --ip <address>", "address in it")
    .option("-f, --file <file>", "template with a NIC")
    .action(async (text: string, options: NicOptions) => {
      const template = await nicTemplate(desk, options);
      await onEach(desk, text, options, "NIC attached", (client, id) =>
        client.call(`${desk.kind.prefix}.attachnic`, id, template),
      );
    });
  severalCommand(desk, "nic-detach <id> <nic>", "detach a NIC, by its id", ["nic-detach 5 1"]).action(
    async (text: string, nic: string, options: CommonOptions) => {
      const nicId = partId("NIC", nic);
      await onEach(desk, text, options, "NIC detached", (client, id) =>
        client.call(`${desk.kind.prefix}.detachnic`, id, nicId),
      );
    },
  );
}

async function nicTemplate(desk: Desk, { network, ip, file }: NicOptions): Promise<string> {
  if (network === undefined) {
    if (ip !== undefined) throw new GatehouseError("bad_request", "--ip is of use with --network only.");
    return await readTemplate(desk.context, file);
  }
  return printTemplate({ NIC: { ...nicOf(network), ...(ip === undefined ? {} : { IP: ip }) } });
}

export function addSnapshots(desk: Desk): void {
  severalCommand(desk, "snapshot-create <ids> [name]", "take a snapshot of a running VM", [
    "snapshot-create 5",
    "snapshot-create 5 before-upgrade",
  ]).action(async (ids: string, name: string | undefined, options: CommonOptions) => {
    await onEach(desk, ids, options, "snapshot taken", (client, id) =>
      client.call("one.vm.snapshotcreate", id, name ?? ""),
    );
  });
  for (const what of ["revert", "delete"] as const) {
    subCommand(
      desk,
      `snapshot-${what} <id> <snapshot>`,
      `${what} ${what === "revert" ? "to " : ""}a snapshot`,
      [`snapshot-${what} 5 0`],
    ).action(async (text: string, snapshot: string, options: CommonOptions) => {
      const snapshotId = partId("snapshot", snapshot);
      await withClient(desk, options, async (client) => {
        await client.call(`one.vm.snapshot${what}`, await resolveId(client, desk.kind, text), snapshotId);
      });
    });
  }
}

interface ResizeOptions extends CommonOptions {
  readonly cpu?: string;
  readonly vcpu?: string;
  readonly memory?: string;
  readonly enforce?: boolean;
}

export function addResize(desk: Desk): void {
  severalCommand(desk, "resize <ids>", "change CPUs and memory", ["resize 5 --cpu 1 --memory 2G"])
    .option("--cpu <cpus>", "CPUs, such as 0.5")
    .option("--vcpu <count>", "virtual CPUs")
    .option("--memory <amount>", "memory in MB, or with a unit: 512M, 2G")
    .option("-e, --enforce", "only where the host has room for it")
    .action(async (ids: string, options: ResizeOptions) => {
      const { cpu, vcpu, memory } = options;
      const template = templateOf({
        ...(cpu === undefined ? {} : { cpu }),
        ...(vcpu === undefined ? {} : { vcpu }),
        ...(memory === undefined ? {} : { memory }),
      });
      if (template === "") throw new GatehouseError("bad_request", "resize needs --cpu, --vcpu or --memory.");
      await onEach(desk, ids, options, "resized", (client, id) =>
        client.call("one.vm.resize", id, template, options.enforce === true),
      );
    });
}

/** @throws GatehouseError `bad_request` for what is no id. */
export function partId(what: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new GatehouseError("bad_request", `"${text}" is no ${what} id; it is a whole number such as 0.`);
}
