/** Worlds of any size for benchmarks and fault tests: VMs like recorded ones, one service of two roles among them. */

import { readFileSync } from "node:fs";

type Json = { [name: string]: unknown };

interface RecordedWorld {
  readonly users: readonly { readonly USER: Json }[];
  readonly groups: readonly Json[];
  readonly hosts: readonly { readonly HOST: Json }[];
  readonly networks: readonly { readonly VNET: Json }[];
  readonly vms: readonly { readonly VM: RecordedVm }[];
  readonly services: readonly { readonly DOCUMENT: Json }[];
}

interface RecordedVm extends Json {
  readonly ID: string;
  readonly TEMPLATE: Json & { readonly CONTEXT: Json; readonly NIC: Json };
  readonly HISTORY_RECORDS: { readonly HISTORY: Json };
}

const fixture = new URL("../fixtures/onegate-world.json", import.meta.url);

/** Ids of VMs count from 0; the first `2 * perRole` are the nodes of service 900000, roles `front` and `back`. */
export function makeWorld(options: { vms: number; perRole?: number }): Json {
  const { vms, perRole = 10 } = options;
  const recorded: RecordedWorld = JSON.parse(readFileSync(fixture, "utf8"));
  const prototype = recorded.vms.find((vm) => vm.VM.ID === "249")?.VM;
  const network = recorded.networks.find(({ VNET }) => VNET.ID === "0")?.VNET;
  const host = recorded.hosts[0]?.HOST;
  const service = recorded.services[0]?.DOCUMENT;
  if (!prototype || !network || !host || !service)
    throw new Error("the recorded world has changed its shape");
  const ids = Array.from({ length: vms }, (_, id) => id);
  const inService = (id: number) => id < 2 * perRole;
  const roleOf = (id: number) => (id < perRole ? "front" : "back");
  return {
    users: recorded.users,
    groups: recorded.groups,
    hosts: [{ HOST: { ...host, VMS: { ID: ids.map(String) } } }],
    networks: [{ VNET: networkFor(network, ids) }],
    vms: ids.map((id) => ({ VM: vmFor(prototype, id, host, inService(id) ? roleOf(id) : undefined) })),
    services: [{ DOCUMENT: serviceFor(service, perRole) }],
  };
}

/** The id of the service in a made world. */
export const SERVICE_ID = 900_000;

function ipOf(id: number): string {
  const offset = id + 256;
  return `10.${offset >> 16}.${(offset >> 8) & 255}.${offset & 255}`;
}

function macOf(id: number): string {
  const bytes = [2, 0, ...ipOf(id).split(".").map(Number)];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function vmFor(prototype: RecordedVm, id: number, host: Json, role: string | undefined): Json {
  const { CONTEXT, NIC } = prototype.TEMPLATE;
  const address = { IP: ipOf(id), MAC: macOf(id) };
  return {
    ...prototype,
    ID: String(id),
    NAME: `vm-${id}`,
    STIME: String(1_795_170_000 + id),
    DEPLOY_ID: `${host.NAME}:vm-${id}:dummy`,
    TEMPLATE: {
      ...prototype.TEMPLATE,
      CONTEXT: { ...CONTEXT, ETH0_IP: address.IP, ETH0_MAC: address.MAC, VMID: String(id) },
      NIC: { ...NIC, ...address, TARGET: `one-${id}-0` },
      VMID: String(id),
    },
    USER_TEMPLATE:
      role === undefined ? { COLOUR: "blue" } : { ROLE_NAME: role, SERVICE_ID: String(SERVICE_ID) },
    HISTORY_RECORDS: {
      HISTORY: { ...prototype.HISTORY_RECORDS.HISTORY, OID: String(id), HOSTNAME: host.NAME, HID: host.ID },
    },
  };
}

function networkFor(network: Json, ids: readonly number[]): Json {
  const leases = ids.map((id) => ({ IP: ipOf(id), MAC: macOf(id), VM: String(id) }));
  const range = {
    AR_ID: "0",
    IP: ipOf(0),
    MAC: macOf(0),
    SIZE: String(ids.length + 1_000),
    TYPE: "IP4",
    NEXT_INDEX: String(ids.length),
    LEASES: { LEASE: leases },
  };
  return { ...network, USED_LEASES: String(ids.length), VROUTERS: {}, AR_POOL: { AR: range } };
}

function serviceFor(service: Json, perRole: number): Json {
  const role = (name: string, first: number) => ({
    name,
    cardinality: perRole,
    template_id: 0,
    state: 2,
    nodes: Array.from({ length: perRole }, (_, position) => ({ deploy_id: first + position })),
  });
  const roles = [role("front", 0), role("back", perRole)];
  const body = { name: "bench", deployment: "straight", roles, state: 2 };
  return { ...service, ID: String(SERVICE_ID), NAME: "bench", TEMPLATE: { BODY: body } };
}
