/** A service that was made, as a zod schema: its template, and what OneFlow writes beside it. */

import { z } from "zod";
import { wholeNumber } from "./attributes.ts";
import { isObject } from "./json.ts";
import { MAX_CARDINALITY, MAX_VM_NUMBER } from "./limits.ts";
import { serviceTemplateSchema, vmRoleSchema, vrRoleSchema } from "./service-schema.ts";

const asText = z.preprocess((value) => (typeof value === "number" ? String(value) : value), z.string());

const vm = z.looseObject({
  ID: asText,
  UID: asText.default(""),
  GID: asText.default(""),
  UNAME: asText.default(""),
  GNAME: asText.default(""),
  NAME: asText.default(""),
});

/** A node's VM may not have been told yet; its id is known all the same. */
function withVm(node: unknown): unknown {
  if (!isObject(node)) return node;
  const info = isObject(node.vm_info) ? node.vm_info : {};
  const given = isObject(info.VM) ? info.VM : {};
  const id = given.ID ?? String(node.deploy_id);
  return { ...node, vm_info: { ...info, VM: { ...given, ID: id } } };
}

const node = z.preprocess(
  withVm,
  z.looseObject({ deploy_id: wholeNumber(0), vm_info: z.looseObject({ VM: vm }) }),
);

/** The original can be made to write a negative one (recorded: a forced scale); it means that there shall be no VM. */
const cardinality = z.preprocess(
  (value) => (Number(value) < 0 ? 0 : value),
  wholeNumber(0, MAX_CARDINALITY).default(0),
);

const running = {
  cardinality,
  state: wholeNumber(0).default(0),
  nodes: z.array(node).exactOptional(),
  last_vmname: wholeNumber(0, MAX_VM_NUMBER).exactOptional(),
};

const vrouterIp = z.looseObject({ NETWORK_ID: wholeNumber(), VROUTER_IP: z.string() });

const role = z.discriminatedUnion("type", [
  vmRoleSchema.extend(running),
  vrRoleSchema.extend({
    ...running,
    vrouter_id: wholeNumber(0).exactOptional(),
    vrouter_ips: z.array(vrouterIp).exactOptional(),
  }),
]);

const logEntry = z.looseObject({
  timestamp: wholeNumber(0).default(0),
  severity: z.enum(["I", "E"]).catch("I"),
  message: z.string().default(""),
});

export const serviceBodySchema = serviceTemplateSchema.extend({
  roles: z.array(role),
  state: wholeNumber(0),
  start_time: wholeNumber(0).default(0),
  log: z.array(logEntry).exactOptional(),
});
