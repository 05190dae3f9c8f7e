/** The kinds of objects that the core has: what their calls are named, and how their XML is read. */

import type { XmlNode } from "../../../shared/xml/tree.ts";
import { documentFromDocument } from "../document/document.ts";
import type { Unversioned } from "../document/fields.ts";
import { groupFromDocument } from "../document/group.ts";
import { hostFromDocument } from "../document/host.ts";
import { type NetworkContents, networkFromDocument } from "../document/network.ts";
import { networkTemplateFromDocument } from "../document/network-template.ts";
import { routerFromDocument } from "../document/router.ts";
import { templateFromDocument } from "../document/template.ts";
import { userFromDocument } from "../document/user.ts";
import { vmFromDocument } from "../document/vm.ts";
import { vmGroupFromDocument } from "../document/vm-group.ts";
import type {
  Base,
  Document,
  Group,
  Host,
  Network,
  NetworkTemplate,
  Router,
  User,
  Vm,
  VmGroup,
  VmTemplate,
} from "../model.ts";

/** An object as its XML tells it. */
export interface Told<T extends Base> {
  readonly object: Unversioned<T>;
  /** What may change while the object does not: of a network, how many of its addresses are lent. */
  readonly beside?: string;
}

export interface Kind<T extends Base> {
  /** As in `one.vm.info`. */
  readonly object: string;
  /** The call that lists them. */
  readonly poolCall: string;
  /** One that lists the same, and tells less of each; `poolCall` where there is none. */
  readonly pageCall?: string;
  /** The element of one, in its own document and in a pool's. */
  readonly element: string;
  read(node: XmlNode): Told<T>;
}

export const VMS: Kind<Vm> = {
  ...kind("vm", "one.vmpool.infoextended", "VM", vmFromDocument),
  pageCall: "one.vmpool.info",
};
export const TEMPLATES: Kind<VmTemplate> = kind(
  "template",
  "one.templatepool.info",
  "VMTEMPLATE",
  templateFromDocument,
);
export const NETWORK_TEMPLATES: Kind<NetworkTemplate> = kind(
  "vntemplate",
  "one.vntemplatepool.info",
  "VNTEMPLATE",
  networkTemplateFromDocument,
);
export const ROUTERS: Kind<Router> = kind("vrouter", "one.vrouterpool.info", "VROUTER", routerFromDocument);
export const DOCUMENTS: Kind<Document> = kind(
  "document",
  "one.documentpool.info",
  "DOCUMENT",
  documentFromDocument,
);
export const VM_GROUPS: Kind<VmGroup> = kind(
  "vmgroup",
  "one.vmgrouppool.info",
  "VM_GROUP",
  vmGroupFromDocument,
);
/** Quotas stand elsewhere in a pool than in an object's own document, and nothing here asks for them. */
export const USERS: Kind<User> = kind("user", "one.userpool.info", "USER", (value) =>
  without(userFromDocument(value)),
);
export const GROUPS: Kind<Group> = kind("group", "one.grouppool.info", "GROUP", (value) =>
  without(groupFromDocument(value)),
);
/** Readings are asked for apart; they would make another host of it every time. */
export const HOSTS: Kind<Host> = kind("host", "one.hostpool.info", "HOST", (value) => {
  const { extra: { MONITORING: _, ...kept } = {}, ...host } = hostFromDocument(value);
  return Object.keys(kept).length === 0 ? host : { ...host, extra: kept };
});

export const NETWORKS: Kind<Network> = {
  object: "vn",
  poolCall: "one.vnpool.info",
  element: "VNET",
  read: (node) => ({ object: networkContents(node).network, beside: usedLeases(node) }),
};

/** With leases, where the node is that of one.vn.info. */
export function networkContents(node: XmlNode): NetworkContents {
  return networkFromDocument({ VNET: node });
}

function kind<T extends Base>(
  object: string,
  poolCall: string,
  element: string,
  read: (value: unknown) => Unversioned<T>,
): Kind<T> {
  return { object, poolCall, element, read: (node) => ({ object: read({ [element]: node }) }) };
}

function without<T extends { readonly extra?: unknown }>({ extra: _, ...object }: T): Omit<T, "extra"> {
  return object;
}

function usedLeases(node: XmlNode): string {
  const isElement = typeof node === "object" && !Array.isArray(node);
  return isElement && "USED_LEASES" in node ? String(node.USED_LEASES) : "";
}
