/** The two kinds of documents that OneFlow keeps, and how they are called. */

import type { FlowView } from "./view/columns.ts";
import { SERVICE_VIEW } from "./view/service-columns.ts";
import { TEMPLATE_VIEW } from "./view/template-columns.ts";

export interface FlowKind {
  /** In messages: `SERVICE named web not found.` */
  readonly word: string;
  /** For help texts: `a service`. */
  readonly noun: string;
  /** Of the API. */
  readonly path: string;
  /** TYPE of its documents. */
  readonly type: string;
  readonly view: FlowView;
}

export const SERVICE: FlowKind = {
  word: "SERVICE",
  noun: "a service",
  path: "/service",
  type: "100",
  view: SERVICE_VIEW,
};

export const SERVICE_TEMPLATE: FlowKind = {
  word: "SERVICE TEMPLATE",
  noun: "a service template",
  path: "/service_template",
  type: "101",
  view: TEMPLATE_VIEW,
};
