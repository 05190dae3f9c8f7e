/** A cloud of nothing but hosts, as the watcher sees one: a test adds and changes them, and what failed is noted. */

import type { CloudEvent } from "../../gateway/cloud/event.ts";
import type { Host } from "../../gateway/cloud/model.ts";
import { HOST_STATE } from "../../shared/states/host.ts";

export function scriptedHosts() {
  const hosts = new Map<number, Host>();
  const listeners = new Set<(event: CloudEvent) => void>();
  const failed: { readonly hostId: number; readonly reason: string }[] = [];
  const put = (host: Host): void => {
    hosts.set(host.id, host);
    for (const listener of listeners) listener({ kind: "host_state", host });
  };
  const change = (id: number, what: Partial<Host>): void => {
    const host = hosts.get(id);
    if (host !== undefined) put({ ...host, ...what });
  };
  return {
    hosts: { list: async () => [...hosts.values()], peek: (_actor: unknown, id: number) => hosts.get(id) },
    subscribe(listener: (event: CloudEvent) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    monitoring: {
      async hostFailed(hostId: number, reason: string) {
        failed.push({ hostId, reason });
        change(hostId, { state: HOST_STATE.ERROR });
      },
    },
    failed,
    change,
    remove: (id: number) => hosts.delete(id),
    add: (host: Pick<Host, "id" | "imMad">) => put({ ...blankHost, name: `host-${host.id}`, ...host }),
  };
}

export const blankHost: Host = {
  id: 0,
  version: 1,
  name: "host",
  state: HOST_STATE.MONITORED,
  prevState: HOST_STATE.INIT,
  imMad: "",
  vmMad: "",
  clusterId: 0,
  cluster: "default",
  template: {},
};
