/**
 * What `npm start` shows a newcomer: a service of two tiers, whose guests really run, report READY and push metrics
 * every few seconds, with the `onegate` command that the house brings them. The workers start when the frontend is READY.
 */

import type { Clock } from "../../shared/clock.ts";
import { ROLE_STATE, roleStateName } from "../../shared/states/role.ts";
import { SERVICE_STATE, serviceStateName } from "../../shared/states/service.ts";
import { vmStateText } from "../../shared/states/vm.ts";
import { stringOf, type Template } from "../../shared/template/types.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import { DOCUMENT_TYPE, type Vm } from "../cloud/model.ts";
import type { CloudMonitoring } from "../cloud/monitoring.ts";
import { createServiceDirectory, type ServiceView } from "../oneflow/directory.ts";
import type { OneFlow } from "../oneflow/engine/oneflow.ts";
import { asJson, type ServiceTemplateBody } from "../oneflow/model.ts";
import type { DemoGuests } from "./demo-guests.ts";

const DEMO_NAME = "demo";

export interface DemoGuest {
  readonly id: number;
  readonly name: string;
  /** RUNNING, PENDING, ... */
  readonly state: string;
  readonly ready: boolean;
  /** What this machine's agent has measured of it; undefined: nothing yet. */
  readonly usage: string | undefined;
  /** Why it does not run, where the cloud knows. */
  readonly reason: string | undefined;
}

export interface Demo {
  readonly serviceId: number;
  /** RUNNING, DEPLOYING, ... */
  readonly state: string;
  readonly guests: readonly DemoGuest[];
  /** What its guests are, in the plural. */
  readonly kind: string;
}

export interface DemoParts {
  readonly guests: DemoGuests;
  readonly cloud: Cloud;
  readonly flow: OneFlow;
  readonly clock: Clock;
  /** Told a line whenever a role is another than before. */
  readonly tell: (line: string) => void;
}

/** Makes the demo unless an earlier start did, and waits until its service runs and its guests are READY, or until the time is up. */
export async function startDemo(parts: DemoParts): Promise<Demo> {
  const { cloud, flow } = parts;
  const services = (await cloud.documents.list(SYSTEM)).filter(({ type }) => type === DOCUMENT_TYPE.service);
  const known = services.find(({ name }) => name === DEMO_NAME);
  const { id } = known ?? (await flow.instantiate(SYSTEM, await makeTemplates(parts)));
  if (known !== undefined) await tryAgain(parts, id);
  await untilUp(parts, id);
  const { state, roles } = await createServiceDirectory(cloud).find(SYSTEM, id);
  const vmIds = roles.flatMap((role) => role.vmIds);
  const vms = await Promise.all(vmIds.map((vmId) => cloud.vms.get(SYSTEM, vmId)));
  const guests = vms.map((vm) => guestOf(vm, cloud.monitoring));
  return { serviceId: id, state: serviceStateName(state), guests, kind: kindOf(vms, parts.guests) };
}

/** What an earlier start made of it in this home, it stays. */
function kindOf(vms: readonly Vm[], { kind, driver }: DemoGuests): string {
  const other = vms.flatMap(({ history }) => history.at(-1)?.vmMad ?? []).find((name) => name !== driver);
  return other === undefined ? kind : `VMs of the driver "${other}", as an earlier start in this home chose,`;
}

/** What kept an earlier start from it may have been mended. */
async function tryAgain({ cloud, flow }: DemoParts, serviceId: number): Promise<void> {
  const { state } = await createServiceDirectory(cloud).find(SYSTEM, serviceId);
  if (FAILED_TO_START.includes(state)) await flow.command(SYSTEM, serviceId, { kind: "recover" });
}

/** The VM template and the service template, which are left for the newcomer to play with. */
async function makeTemplates({ cloud, guests }: DemoParts): Promise<ServiceTemplateBody> {
  const known = (await cloud.templates.list(SYSTEM)).find((template) => template.name === DEMO_NAME);
  const service = demoService(known?.id ?? (await makeTemplate(cloud, guests)), guests);
  const body = asJson(service);
  await cloud.documents.allocate(SYSTEM, { type: DOCUMENT_TYPE.serviceTemplate, name: DEMO_NAME, body });
  return service;
}

function demoService(templateId: number, { busyAbove, idleBelow }: DemoGuests): ServiceTemplateBody {
  const role = { type: "vm", template_id: templateId } as const;
  const change = { type: "CHANGE", period: 5 } as const;
  return {
    name: DEMO_NAME,
    description: "Two tiers: the workers start when the frontend is READY, and grow with their load.",
    deployment: "straight",
    ready_status_gate: true,
    roles: [
      { ...role, name: "frontend", cardinality: 1 },
      {
        ...role,
        name: "worker",
        cardinality: 2,
        parents: ["frontend"],
        min_vms: 2,
        max_vms: 5,
        cooldown: 10,
        elasticity_policies: [
          { ...change, adjust: 1, expression: `MONITORING.CPU > ${busyAbove}`, period_number: 2 },
          { ...change, adjust: -1, expression: `MONITORING.CPU < ${idleBelow}`, period_number: 3 },
        ],
      },
    ],
  };
}

async function makeTemplate(cloud: Cloud, { template }: DemoGuests): Promise<number> {
  const networks = await cloud.networks.list(SYSTEM);
  if (!networks.some((network) => network.name === DEMO_NAME))
    await cloud.networks.allocate(SYSTEM, DEMO_NETWORK);
  return await cloud.templates.allocate(SYSTEM, {
    ...template,
    NAME: DEMO_NAME,
    NIC: { NETWORK: DEMO_NAME },
  });
}

const DEMO_NETWORK: Template = {
  NAME: DEMO_NAME,
  VN_MAD: "dummy",
  BRIDGE: "demo0",
  NETWORK_ADDRESS: "10.99.0.0",
  NETWORK_MASK: "255.255.255.0",
  GATEWAY: "10.99.0.1",
  AR: { TYPE: "IP4", IP: "10.99.0.10", SIZE: "200" },
};

const STILL_STARTING: readonly number[] = [
  SERVICE_STATE.PENDING,
  SERVICE_STATE.DEPLOYING_NETS,
  SERVICE_STATE.DEPLOYING,
];

const FAILED_TO_START: readonly number[] = [
  SERVICE_STATE.FAILED_DEPLOYING_NETS,
  SERVICE_STATE.FAILED_DEPLOYING,
];

/** PENDING, or on its way into a hypervisor. */
const BOOTING =
  /^(PENDING|PROLOG|BOOT|BOOT_UNKNOWN|BOOT_POWEROFF|BOOT_SUSPENDED|BOOT_STOPPED|BOOT_UNDEPLOY)$/;

/** Guests that ended with the house boot again with it, under a service that is RUNNING all the time. */
function isComing(vm: Vm): boolean {
  return BOOTING.test(vmState(vm)) || (vmState(vm) === "RUNNING" && !isReady(vm));
}

async function untilUp({ cloud, clock, tell, guests }: DemoParts, serviceId: number): Promise<void> {
  const directory = createServiceDirectory(cloud);
  const told = new Map<string, number>();
  let vmIds: readonly number[] = [];
  const since = clock.elapsed();
  /** Whether there is nothing left to wait for. */
  const look = async (): Promise<boolean> => {
    const view = await directory.find(SYSTEM, serviceId);
    for (const line of newsOf(view, told)) tell(`${line} after ${Math.round(clock.elapsed() - since)} ms`);
    vmIds = view.roles.flatMap((role) => role.vmIds);
    if (STILL_STARTING.includes(view.state)) return false;
    const vms = await Promise.all(vmIds.map((vmId) => cloud.vms.get(SYSTEM, vmId)));
    return FAILED_TO_START.includes(view.state) || !vms.some(isComing);
  };
  await new Promise<void>((resolve, reject) => {
    const finish = () => {
      unsubscribe();
      cancel();
      resolve();
    };
    const lookAgain = () => void look().then((done) => done && finish(), reject);
    const cancel = clock.after(guests.startTimeoutMs, finish);
    const unsubscribe = cloud.subscribe((event) => {
      const isOfVm = event.kind === "vm_state" || event.kind === "vm_updated";
      if (isOfVm ? vmIds.includes(event.vm.id) : event.kind === "document_changed" && event.id === serviceId)
        lookAgain();
    });
    lookAgain();
  });
}

function newsOf({ roles }: ServiceView, told: Map<string, number>): readonly string[] {
  return roles.flatMap(({ name, state, vmIds }) => {
    if (told.get(name) === state || (!told.has(name) && state === ROLE_STATE.PENDING)) return [];
    told.set(name, state);
    const vms = vmIds.length === 0 ? "" : ` with VM ${vmIds.join(", ")}`;
    return [`  ${name} ${roleStateName(state)}${vms}`];
  });
}

function isReady(vm: Vm): boolean {
  return stringOf(vm.userTemplate, "READY") === "YES";
}

function vmState(vm: Vm): string {
  return vmStateText(vm.state, vm.lcmState);
}

function guestOf(vm: Vm, monitoring: Pick<CloudMonitoring, "latestVm">): DemoGuest {
  const reason = stringOf(vm.userTemplate, "ERROR") ?? stringOf(vm.userTemplate, "SCHED_MESSAGE");
  const usage = usageOf(monitoring.latestVm(vm.id)?.attributes);
  const state = vmState(vm);
  return { id: vm.id, name: vm.name, state, ready: state === "RUNNING" && isReady(vm), usage, reason };
}

/** CPU is in percent of one processor, MEMORY in KiB (spec monitoring.md 8). */
function usageOf(reading: Template | undefined): string | undefined {
  if (reading === undefined) return undefined;
  const cpu = Number(stringOf(reading, "CPU"));
  const memoryMiB = Math.round(Number(stringOf(reading, "MEMORY")) / 1024);
  return Number.isFinite(cpu) && Number.isFinite(memoryMiB) ? `CPU=${cpu}%  MEMORY=${memoryMiB}M` : undefined;
}

export interface DemoPlace {
  readonly onegate: string;
  /** Empty, or ` --home DIR`. */
  readonly homeOption: string;
  /** Empty, or `GATEHOUSE_HOME=DIR `. */
  readonly homeVariable: string;
}

/** The demo as `up` prints it: its guests, and commands to try. */
export function describeDemo(
  { serviceId, state, guests, kind }: Demo,
  { onegate, homeOption, homeVariable }: DemoPlace,
): string {
  const lines = guests.map(({ id, name, state, ready, usage, reason }) => {
    const why = ready || reason === undefined ? "" : `  (${reason})`;
    const used = usage === undefined ? "" : `  ${usage}`;
    return `  VM ${id}  ${name}  ${state}  READY=${ready ? "YES" : "not yet"}${used}${why}`;
  });
  const headline = `Service ${serviceId}, ${DEMO_NAME}, is ${state}. Its guests are ${kind} on this machine:`;
  if (state.startsWith("FAILED_"))
    return `${[
      headline,
      ...lines,
      "When that is mended, start the demo once more; or now, in another terminal, from this folder:",
      `  ${homeVariable}npx oneflow recover ${serviceId}`,
      "Ctrl-C ends it all.",
    ].join("\n")}\n`;
  const first = guests[0]?.id ?? 0;
  const worker = guests.find(({ name }) => name.startsWith("worker"))?.id ?? first;
  const headersOf = (vmId: number): string =>
    `-H "X-ONEGATE-VMID: ${vmId}" -H "X-ONEGATE-TOKEN: $(npx gatehouse token ${vmId}${homeOption})"`;
  const headers = headersOf(first);
  return `${[
    headline,
    ...lines,
    "Try, in another terminal, from this folder:",
    `  ${homeVariable}npx oneflow show ${serviceId}`,
    `  ${homeVariable}npx oneflow scale ${serviceId} worker 4 && ${homeVariable}npx oneflow show ${serviceId} --watch`,
    `  curl ${headers} ${onegate}/service`,
    `  curl -X PUT -d "COLOUR = blue" ${headers} ${onegate}/vm`,
    `  ${homeVariable}npx onevm monitoring ${first}`,
    `  npx gatehouse export${homeOption}`,
    "A minute of load in one worker, until the role grows; it shrinks when the load is over:",
    `  curl -X PUT -d "LOAD = on" ${headersOf(worker)} ${onegate}/vm`,
    `  ${homeVariable}npx oneflow explain ${serviceId} worker`,
    `  ${homeVariable}npx oneflow show ${serviceId} --follow`,
    "Ctrl-C ends it all.",
  ].join("\n")}\n`;
}
