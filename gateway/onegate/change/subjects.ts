/** What an answer is made of, as keys that a change in the cloud names at once: however many wait, none is searched for. */

import { stringOf, type Template, vectorsOf } from "../../../shared/template/types.ts";
import type { CloudEvent } from "../../cloud/event.ts";
import type { Router, Vm } from "../../cloud/model.ts";
import { exactId } from "../../http/ids.ts";

/**
 * `vm`, `router` and `network` are one object each; `document` is a service's own, and `service` that and all the VMs
 * that bear its SERVICE_ID.
 */
export type Subject = `${"vm" | "document" | "service" | "router" | "network"}:${number}`;

/** What an event concerns, as it was before and as it is now. */
export function subjectsOf(event: CloudEvent): readonly Subject[] {
  switch (event.kind) {
    case "vm_state":
    case "vm_updated":
      return ofVm(event.vm, event.previous);
    case "document_changed":
      return [`document:${event.id}`, `service:${event.id}`];
    case "router_changed":
      return [`router:${event.id}`, ...networksAround(event.router), ...networksAround(event.previous)];
    case "network_changed":
      return [`network:${event.id}`];
    case "host_state":
    case "vms_monitored":
      return [];
  }
}

/** What decides whom a VM may address: the document of its service, or its router. */
export function groupsOf(vm: Vm): readonly Subject[] {
  return [
    ...keyed("document", stringOf(vm.userTemplate, "SERVICE_ID")),
    ...keyed("router", stringOf(vm.template, "VROUTER_ID")),
  ];
}

export function serviceOf(vm: Vm): readonly Subject[] {
  return keyed("service", stringOf(vm.userTemplate, "SERVICE_ID"));
}

export function routerOf(vm: Vm): readonly Subject[] {
  return keyed("router", stringOf(vm.template, "VROUTER_ID"));
}

/** The network of that id, as written in a path; what is no id is for its handler to refuse. */
export function networkOf(id: string | undefined): readonly Subject[] {
  return keyed("network", id);
}

/** A VM's template is kept from one snapshot to the next unless it changes. */
function ofVm(vm: Vm, previous: Vm | undefined): readonly Subject[] {
  const subjects: Subject[] = [`vm:${vm.id}`, ...serviceOf(vm), ...routerOf(vm), ...networksOf(vm.template)];
  if (previous === undefined) return subjects;
  if (previous.userTemplate !== vm.userTemplate) subjects.push(...serviceOf(previous));
  if (previous.template !== vm.template)
    subjects.push(...routerOf(previous), ...networksOf(previous.template));
  return subjects;
}

function networksAround(router: Router | undefined): readonly Subject[] {
  return router === undefined ? [] : networksOf(router.template);
}

function networksOf(template: Template): readonly Subject[] {
  const interfaces = [...vectorsOf(template, "NIC"), ...vectorsOf(template, "NIC_ALIAS")];
  return interfaces.flatMap((nic) => keyed("network", nic.NETWORK_ID));
}

function keyed(
  kind: "document" | "service" | "router" | "network",
  id: string | undefined,
): readonly Subject[] {
  const number = exactId(id?.trim() ?? "");
  return number === undefined ? [] : [`${kind}:${number}`];
}
