/** one.host.* and one.hostpool.*: hosts. */

import { z } from "zod";
import { SYSTEM } from "../cloud/actor.ts";
import { hostIdOf } from "../cloud/document/vm.ts";
import type { Host, Vm } from "../cloud/model.ts";
import { isAdmin } from "../cloud/permissions.ts";
import { CORE_CODE, CoreRefusal } from "./codes.ts";
import { documentXml, poolXml } from "./document-xml.ts";
import { type Call, flag, integer, type Methods, method, text } from "./method.ts";
import { hostData, hostDocument } from "./monitoring.ts";
import { newestFirst } from "./pool-query.ts";
import { updateArguments } from "./template-argument.ts";

/** The numbers of one.host.status. */
const STATUS = ["enabled", "disabled", "offline"] as const;

export const hostMethods: Methods = {
  "one.host.info": method(z.tuple([integer, flag.default(false)]), async (call, [id]) => {
    const host = await call.cloud.hosts.get(call.actor, id);
    return documentXml(hostDocument(call, host, (await vmsByHost(call)).get(id) ?? []));
  }),

  // The cluster is always the default one.
  "one.host.allocate": method(
    z.tuple([text, text, text, integer.default(-1)]),
    async ({ cloud, actor }, [name, imMad, vmMad]) => cloud.hosts.allocate(actor, { name, imMad, vmMad }),
  ),

  "one.host.update": method(
    z.tuple([integer, text, integer.default(0)]),
    async (call, [id, source, type]) => {
      const { template, mode } = updateArguments(source, type);
      await call.cloud.hosts.update(call.actor, id, template, mode);
      return id;
    },
  ),

  "one.host.rename": method(z.tuple([integer, text]), async ({ cloud, actor }, [id, name]) => {
    await cloud.hosts.rename(actor, id, name);
    return id;
  }),

  "one.host.status": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, number]) => {
    const status = STATUS[number];
    if (status === undefined)
      throw new CoreRefusal(CORE_CODE.XML_RPC_API, `Wrong status code: ${number}; 0 to 2 are known.`);
    await cloud.hosts.setState(actor, id, status);
    return id;
  }),

  /** The form of releases before 5.0. */
  "one.host.enable": method(z.tuple([integer, flag]), async ({ cloud, actor }, [id, enabled]) => {
    await cloud.hosts.setState(actor, id, enabled ? "enabled" : "disabled");
    return id;
  }),

  "one.host.delete": method(z.tuple([integer]), async ({ cloud, actor }, [id]) => {
    await cloud.hosts.delete(actor, id);
    return id;
  }),

  "one.host.monitoring": method(z.tuple([integer, integer.default(-1)]), async (call, [id, n]) =>
    hostData(call, [await call.cloud.hosts.get(call.actor, id)], n),
  ),

  "one.hostpool.info": method(z.tuple([]), async (call) => {
    const vms = await vmsByHost(call);
    const hosts = newestFirst(await visibleHosts(call));
    const printed = hosts.map((host) => documentXml(hostDocument(call, host, vms.get(host.id) ?? [])));
    return poolXml("HOST_POOL", printed);
  }),

  "one.hostpool.monitoring": method(z.tuple([integer.default(-1)]), async (call, [n]) =>
    hostData(call, await visibleHosts(call), n),
  ),
};

/** A pool holds what one may see, which for others than administrators is nothing. */
async function visibleHosts({ cloud, actor }: Call): Promise<readonly Host[]> {
  return isAdmin(actor) ? await cloud.hosts.list(actor) : [];
}

/** The VMs that hold capacity, by host: one look at all VMs, however many hosts. */
async function vmsByHost({ cloud }: Call): Promise<ReadonlyMap<number, readonly Vm[]>> {
  const found = new Map<number, Vm[]>();
  for (const vm of await cloud.vms.list(SYSTEM)) {
    const hostId = hostIdOf(vm);
    if (hostId === undefined) continue;
    const there = found.get(hostId);
    if (there === undefined) found.set(hostId, [vm]);
    else there.push(vm);
  }
  return found;
}
