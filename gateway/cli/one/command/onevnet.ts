/** `onevnet`: virtual networks. */

import { isIPv4 } from "node:net";
import { GatehouseError } from "../../../../shared/errors.ts";
import { printTemplate } from "../../../../shared/template/print.ts";
import type { Vector } from "../../../../shared/template/types.ts";
import { resolveId } from "../ids.ts";
import { readTemplate } from "../input.ts";
import { type CommonOptions, type Desk, printId, subCommand, withClient } from "./desk.ts";
import { addDelete, addOwnership, addRename, addUpdate } from "./manage.ts";
import { partId } from "./onevm-parts.ts";
import { addList, addShow } from "./show.ts";

/** The default cluster. */
const NO_CLUSTER = -1;

export function addVnetCommands(desk: Desk): void {
  addList(desk);
  addShow(desk);
  addCreate(desk);
  addDelete(desk);
  addRename(desk);
  addOwnership(desk);
  addUpdate(desk);
  addReserve(desk);
  addHolding(desk);
  addRanges(desk);
}

function addCreate(desk: Desk): void {
  subCommand(desk, "create [file]", "make a network of a file or standard input", [
    "create private.txt",
    "create < private.txt",
  ])
    .option("-c, --cluster <id>", "id of its cluster")
    .action(async (file: string | undefined, options: CommonOptions & { cluster?: string }) => {
      const cluster = options.cluster === undefined ? NO_CLUSTER : partId("cluster", options.cluster);
      const template = await readTemplate(desk.context, file);
      await withClient(desk, options, async (client) => {
        printId(desk, await client.call("one.vn.allocate", template, cluster));
      });
    });
}

interface AddressOptions extends CommonOptions {
  readonly name?: string;
  readonly size?: string;
  /** OpenNebula spells this one with an underscore. */
  readonly address_range?: string;
  readonly ip?: string;
  readonly mac?: string;
}

/** The attributes that the options name; a number is checked here, an address by the core. */
function addressVector(options: AddressOptions): Vector {
  const { name, size, address_range: range, ip, mac } = options;
  return {
    ...(name === undefined ? {} : { NAME: name }),
    ...(size === undefined ? {} : { SIZE: String(partId("size", size)) }),
    ...(range === undefined ? {} : { AR_ID: String(partId("address range", range)) }),
    ...(ip === undefined ? {} : { IP: ip }),
    ...(mac === undefined ? {} : { MAC: mac }),
  };
}

function addReserve(desk: Desk): void {
  subCommand(desk, "reserve <id> [network]", "make a network of some of its addresses, or add them to one", [
    "reserve 0 --name lab --size 10",
    "reserve private lab --size 5 --address_range 0",
    "reserve 0 --name lab --size 10 --ip 10.0.0.20",
  ])
    .option("-n, --name <name>", "name of the new network")
    .option("-s, --size <count>", "how many addresses")
    .option("-a, --address_range <id>", "address range to take them from")
    .option("-i, --ip <address>", "first address")
    .option("-m, --mac <address>", "first hardware address")
    .action(async (text: string, into: string | undefined, options: AddressOptions) => {
      if (options.size === undefined)
        throw new GatehouseError("bad_request", "reserve needs --size, the number of addresses.");
      await withClient(desk, options, async (client) => {
        const id = await resolveId(client, desk.kind, text);
        const target =
          into === undefined ? {} : { NETWORK_ID: String(await resolveId(client, desk.kind, into)) };
        const template = printTemplate({ ...addressVector(options), ...target });
        const made = await client.call("one.vn.reserve", id, template);
        desk.context.out(`Reservation VNET ID: ${String(made)}\n`);
      });
    });
}

function addHolding(desk: Desk): void {
  const summaries = { hold: "keep an address from being given", release: "let an address be given again" };
  for (const [name, summary] of Object.entries(summaries)) {
    subCommand(desk, `${name} <id> <address>`, `${summary}: an IP, or a hardware address`, [
      `${name} private 10.0.0.20`,
      `${name} 0 02:00:0a:00:00:14 --address_range 0`,
    ])
      .option("-a, --address_range <id>", "address range it is of")
      .action(async (text: string, address: string, options: AddressOptions) => {
        const kind = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(address) ? "MAC" : "IP";
        const lease = { [isIPv4(address) ? "IP" : kind]: address, ...addressVector(options) };
        await withClient(desk, options, async (client) => {
          const id = await resolveId(client, desk.kind, text);
          await client.call(`one.vn.${name}`, id, printTemplate({ LEASES: lease }));
        });
      });
  }
}

function addRanges(desk: Desk): void {
  subCommand(desk, "addar <id> [file]", "add an address range, of options, a file or standard input", [
    "addar private --ip 10.0.1.1 --size 100",
    "addar private range.txt",
  ])
    .option("-s, --size <count>", "how many addresses")
    .option("-i, --ip <address>", "first address")
    .option("-m, --mac <address>", "first hardware address")
    .action(async (text: string, file: string | undefined, options: AddressOptions) => {
      const range = addressVector(options);
      const own = Object.keys(range).length > 0;
      const type = range.IP === undefined ? "ETHER" : "IP4";
      const template = own
        ? printTemplate({ AR: { TYPE: type, ...range } })
        : await readTemplate(desk.context, file);
      await withClient(desk, options, async (client) => {
        await client.call("one.vn.add_ar", await resolveId(client, desk.kind, text), template);
      });
    });
  subCommand(desk, "rmar <id> <range>", "remove an address range, by its id", ["rmar private 1"]).action(
    async (text: string, range: string, options: CommonOptions) => {
      const rangeId = partId("address range", range);
      await withClient(desk, options, async (client) => {
        await client.call("one.vn.rm_ar", await resolveId(client, desk.kind, text), rangeId);
      });
    },
  );
}
