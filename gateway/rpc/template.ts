/** one.template.* and one.templatepool.*: VM templates. */

import { z } from "zod";
import { GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import { type Template, type Value, type Vector, valuesOf } from "../../shared/template/types.ts";
import { SYSTEM } from "../cloud/actor.ts";
import { templateToDocument } from "../cloud/document/template.ts";
import type { Network } from "../cloud/model.ts";
import { authorize } from "../cloud/permissions.ts";
import { restrictedChange } from "../cloud/restricted.ts";
import { CORE_CODE, CoreRefusal } from "./codes.ts";
import { documentXml, poolXml } from "./document-xml.ts";
import { type Call, flag, integer, type Methods, method, text } from "./method.ts";
import { ownedMethods } from "./owned.ts";
import { inRange, ownerFilter } from "./pool-query.ts";
import { updateArguments } from "./template-argument.ts";
import { vmTemplate } from "./vm.ts";

const INSTANTIATE = [
  integer,
  text.default(""),
  flag.default(false),
  text.default(""),
  flag.default(false),
] as const;

export const templateMethods: Methods = {
  ...ownedMethods("template", (cloud) => cloud.templates),

  "one.template.info": method(
    z.tuple([integer, flag.default(false), flag.default(false)]),
    async (call, [id, extended]) => {
      const template = await call.cloud.templates.get(call.actor, id);
      const shown = extended
        ? { ...template, template: await withNetworks(call, template.template) }
        : template;
      return documentXml(templateToDocument(shown));
    },
  ),

  "one.template.allocate": method(z.tuple([text]), async (call, [source]) =>
    call.cloud.templates.allocate(call.actor, vmTemplate(call, source)),
  ),

  "one.template.update": method(
    z.tuple([integer, text, integer.default(0)]),
    async (call, [id, source, type]) => {
      const current = await call.cloud.templates.get(SYSTEM, id);
      authorize(call.actor, current, "MANAGE", "TEMPLATE");
      const { template, mode } = updateArguments(source, type);
      const restricted = restrictedChange(call.actor, template, current.template);
      if (restricted !== undefined) {
        const includes = `VM Template includes a restricted attribute ${restricted}.`;
        throw new CoreRefusal(CORE_CODE.AUTHORIZATION, includes);
      }
      await call.cloud.templates.update(call.actor, id, template, mode);
      return id;
    },
  ),

  // Images are not copied or deleted along: there are none.
  "one.template.clone": method(z.tuple([integer, text]), async ({ cloud, actor }, [id, name]) =>
    cloud.templates.clone(actor, id, name),
  ),

  "one.template.delete": method(z.tuple([integer]), async ({ cloud, actor }, [id]) => {
    await cloud.templates.delete(actor, id);
    return id;
  }),

  "one.template.instantiate": method(
    z.tuple(INSTANTIATE),
    async (call, [id, name, hold, source, persistent]) => {
      if (persistent)
        throw new CoreRefusal(
          CORE_CODE.ACTION,
          "Persistent VMs need images, which this cloud does not have.",
        );
      const { template } = await call.cloud.templates.get(call.actor, id);
      const extra = vmTemplate(call, source, template);
      try {
        return await call.cloud.templates.instantiate(call.actor, id, { name, hold, extra });
      } catch (error) {
        throw allocationError(error);
      }
    },
  ),

  "one.templatepool.info": method(
    z.tuple([integer, integer.default(-1), integer.default(-1)]),
    async ({ cloud, actor }, [whose, start, end]) => {
      const templates = await cloud.templates.list(actor, ownerFilter(whose));
      const printed = inRange(templates, start, end).map((one) => documentXml(templateToDocument(one)));
      return poolXml("VMTEMPLATE_POOL", printed);
    },
  ),
};

/** What keeps a VM from being made, as OpenNebula says it (recorded, in the log of a service). */
function allocationError(error: unknown): unknown {
  if (!isGatehouseError(error) || error.code === "forbidden" || error.code === "locked") return error;
  if (error.code === "internal" || error.code === "unavailable") return error;
  const message = `Error allocating a new virtual machine template. ${error.message}`;
  return new CoreRefusal(CORE_CODE.ALLOCATE, message);
}

/** `extended` completes NICs that name their network with its id, where the actor may use it. */
async function withNetworks(call: Call, template: Template): Promise<Template> {
  const nics = valuesOf(template, "NIC");
  if (nics.length === 0) return template;
  const networks = await call.cloud.networks.list(call.actor);
  const completed = nics.map((nic) => (typeof nic === "string" ? nic : withNetworkId(nic, networks, call)));
  return { ...template, NIC: severalOrOne(completed) };
}

function withNetworkId(nic: Vector, networks: readonly Network[], { actor }: Call): Vector {
  if (nic.NETWORK === undefined || nic.NETWORK_ID !== undefined) return nic;
  const named = networks.filter((network) => network.name === nic.NETWORK);
  const owner = nic.NETWORK_UNAME ?? actor.name;
  const network = named.find(({ uname }) => uname === owner) ?? named[0];
  return network === undefined ? nic : { ...nic, NETWORK_ID: String(network.id) };
}

function severalOrOne(values: readonly Value[]): Value | readonly Value[] {
  const [only] = values;
  if (only === undefined) throw new GatehouseError("internal", "A template's NICs were lost.");
  return values.length === 1 ? only : values;
}
