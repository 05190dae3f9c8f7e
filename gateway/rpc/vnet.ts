/** one.vn.* and one.vnpool.*: virtual networks. */

import { z } from "zod";
import { stringOf, type Template, vectorsOf } from "../../shared/template/types.ts";
import { networkToDocument } from "../cloud/document/network.ts";
import type { LeaseAddress, Reservation } from "../cloud/pools/network-pools.ts";
import { CORE_CODE, CoreRefusal } from "./codes.ts";
import { documentXml, poolXml } from "./document-xml.ts";
import { flag, integer, type Methods, method, text, unsupported } from "./method.ts";
import { ownedMethods } from "./owned.ts";
import { inRange, ownerFilter } from "./pool-query.ts";
import { templateArgument, updateArguments } from "./template-argument.ts";
import { networkToPoolDocument } from "./vnet-pool.ts";

const POOL = [integer, integer.default(-1), integer.default(-1)] as const;

export const vnetMethods: Methods = {
  ...ownedMethods("vn", (cloud) => cloud.networks),

  "one.vn.info": method(z.tuple([integer, flag.default(false)]), async ({ cloud, actor }, [id]) =>
    documentXml(networkToDocument(await cloud.networks.detail(actor, id))),
  ),

  "one.vn.allocate": method(z.tuple([text, integer.default(-1)]), async ({ cloud, actor }, [source]) =>
    cloud.networks.allocate(actor, templateArgument(source)),
  ),

  "one.vn.update": method(z.tuple([integer, text, integer.default(0)]), async (call, [id, source, type]) => {
    const { template, mode } = updateArguments(source, type);
    await call.cloud.networks.update(call.actor, id, template, mode);
    return id;
  }),

  "one.vn.delete": method(z.tuple([integer]), async ({ cloud, actor }, [id]) => {
    await cloud.networks.delete(actor, id);
    return id;
  }),

  "one.vn.reserve": method(z.tuple([integer, text]), async ({ cloud, actor }, [id, source]) =>
    cloud.networks.reserve(actor, id, reservation(templateArgument(source))),
  ),

  "one.vn.hold": method(z.tuple([integer, text]), async ({ cloud, actor }, [id, source]) => {
    for (const address of leaseAddresses(source)) await cloud.networks.hold(actor, id, address);
    return id;
  }),

  "one.vn.release": method(z.tuple([integer, text]), async ({ cloud, actor }, [id, source]) => {
    for (const address of leaseAddresses(source)) await cloud.networks.release(actor, id, address);
    return id;
  }),

  "one.vn.add_ar": method(z.tuple([integer, text]), async ({ cloud, actor }, [id, source]) => {
    const ranges = vectorsOf(templateArgument(source), "AR");
    if (ranges.length === 0) throw badArgument("The template must hold AR = [ ... ].");
    for (const range of ranges) await cloud.networks.addRange(actor, id, range);
    return id;
  }),

  "one.vn.rm_ar": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, rangeId]) => {
    await cloud.networks.removeRange(actor, id, rangeId);
    return id;
  }),

  "one.vn.update_ar": unsupported("Address ranges cannot be changed in this cloud, only added and removed."),
  "one.vn.free_ar": unsupported("A reservation is given back as a whole here: delete it."),
  "one.vn.recover": unsupported("There is nothing to recover: networks are made at once in this cloud."),

  "one.vnpool.info": method(z.tuple(POOL), async ({ cloud, actor }, [whose, start, end]) => {
    const networks = inRange(await cloud.networks.list(actor, ownerFilter(whose)), start, end);
    const details = await Promise.all(networks.map(({ id }) => cloud.networks.detail(actor, id)));
    const printed = details.map((detail) => documentXml(networkToPoolDocument(detail)));
    return poolXml("VNET_POOL", printed);
  }),
};

function badArgument(message: string): CoreRefusal {
  return new CoreRefusal(CORE_CODE.XML_RPC_API, message);
}

/** `NAME="..." SIZE=5 [AR_ID=0] [IP=... or MAC=...] [NETWORK_ID=3]`: into network 3, which needs no NAME. */
function reservation(template: Template): Reservation {
  const number = (name: string) => {
    const given = stringOf(template, name);
    return given === undefined ? undefined : wholeNumber(name, given);
  };
  if (template.IP6 !== undefined)
    throw badArgument("The first address of a reservation is given by IP or MAC in this cloud, not by IP6.");
  const [name, networkId, rangeId] = [stringOf(template, "NAME"), number("NETWORK_ID"), number("AR_ID")];
  if (!name && networkId === undefined) throw badArgument("NAME for reservation has to be set");
  const [ip, mac] = [stringOf(template, "IP"), stringOf(template, "MAC")];
  return {
    size: number("SIZE") ?? wholeNumber("SIZE", ""),
    ...(name && { name }),
    ...(networkId !== undefined && { networkId }),
    ...(rangeId !== undefined && { rangeId }),
    ...(ip ? { first: { ip } } : mac ? { first: { mac } } : {}),
  };
}

function wholeNumber(name: string, given: string): number {
  if (/^\s*\d{1,9}\s*$/.test(given)) return Number(given);
  throw badArgument(`${name} must be a whole number, not "${given.slice(0, 40)}".`);
}

/** `LEASES = [ IP = "10.0.0.9" ]`, or MAC. */
function leaseAddresses(source: string): readonly LeaseAddress[] {
  const addresses = vectorsOf(templateArgument(source), "LEASES").flatMap(({ IP, MAC }): LeaseAddress[] => {
    if (IP !== undefined) return [{ ip: IP }];
    return MAC === undefined ? [] : [{ mac: MAC }];
  });
  if (addresses.length === 0)
    throw badArgument("The template must hold LEASES = [ IP = ... ] or [ MAC = ... ].");
  return addresses;
}
