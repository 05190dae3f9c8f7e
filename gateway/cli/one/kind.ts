/** The kinds of objects that have a command, and how a core calls them. */

import type { RpcValue } from "../../../shared/xmlrpc/encoding.ts";
import { groupView } from "./view/group.ts";
import { hostView } from "./view/host.ts";
import { templateView, vntemplateView } from "./view/template.ts";
import { userView } from "./view/user.ts";
import type { View } from "./view/view.ts";
import { vmView } from "./view/vm-page.ts";
import { vnetView } from "./view/vnet.ts";
import { vrouterView } from "./view/vrouter.ts";

export interface Kind {
  /** In OpenNebula's own messages: `VNET named web not found.` */
  readonly word: string;
  /** For help texts: `a virtual network`. */
  readonly noun: string;
  /** The methods' prefix: `one.vn`. */
  readonly prefix: string;
  readonly poolMethod: string;
  /** The pool call's arguments; a pool without owners has none to filter. */
  readonly poolArguments: (filter: number) => readonly RpcValue[];
  /** What `info` takes after the id. */
  readonly infoArguments: readonly RpcValue[];
  readonly view: View;
}

/** Filter, first and last id: -1, -1 is everything (spec core-xmlrpc.md 1). */
const owned = (filter: number): readonly RpcValue[] => [filter, -1, -1];
const ownerless = (): readonly RpcValue[] => [];

export const VM: Kind = {
  word: "VM",
  noun: "a virtual machine",
  prefix: "one.vm",
  poolMethod: "one.vmpool.info",
  // -1: any state but DONE; the last is a filter on attributes, and none here.
  poolArguments: (filter) => [...owned(filter), -1, ""],
  infoArguments: [false],
  view: vmView,
};

export const HOST: Kind = {
  word: "HOST",
  noun: "a host",
  prefix: "one.host",
  poolMethod: "one.hostpool.info",
  poolArguments: ownerless,
  infoArguments: [false],
  view: hostView,
};

export const TEMPLATE: Kind = {
  word: "VMTEMPLATE",
  noun: "a VM template",
  prefix: "one.template",
  poolMethod: "one.templatepool.info",
  poolArguments: owned,
  infoArguments: [false, false],
  view: templateView,
};

export const VNET: Kind = {
  word: "VNET",
  noun: "a virtual network",
  prefix: "one.vn",
  poolMethod: "one.vnpool.info",
  poolArguments: owned,
  infoArguments: [false],
  view: vnetView,
};

export const VNTEMPLATE: Kind = {
  word: "VNTEMPLATE",
  noun: "a network template",
  prefix: "one.vntemplate",
  poolMethod: "one.vntemplatepool.info",
  poolArguments: owned,
  infoArguments: [false],
  view: vntemplateView,
};

export const USER: Kind = {
  word: "USER",
  noun: "a user",
  prefix: "one.user",
  poolMethod: "one.userpool.info",
  poolArguments: ownerless,
  infoArguments: [false],
  view: userView,
};

export const GROUP: Kind = {
  word: "GROUP",
  noun: "a group",
  prefix: "one.group",
  poolMethod: "one.grouppool.info",
  poolArguments: ownerless,
  infoArguments: [false],
  view: groupView,
};

export const VROUTER: Kind = {
  word: "VROUTER",
  noun: "a virtual router",
  prefix: "one.vrouter",
  poolMethod: "one.vrouterpool.info",
  poolArguments: owned,
  infoArguments: [false],
  view: vrouterView,
};
