/**
 * What `npm start` shows a newcomer: a network, a template, and two guests that really run, report READY and push
 * metrics every few seconds, with the `onegate` command that the house brings them.
 */

import type { Clock } from "../../shared/clock.ts";
import { vmStateText } from "../../shared/states/vm.ts";
import { stringOf, type Template } from "../../shared/template/types.ts";
import { type Cloud, SYSTEM } from "../cloud/cloud.ts";
import type { Vm } from "../cloud/model.ts";
import type { CloudMonitoring } from "../cloud/monitoring.ts";

const DEMO_NAME = "demo";
const DEMO_VMS = 2;
/** A guest that has not reported by then is shown as it is. */
const READY_TIMEOUT_MS = 20_000;

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

/** Makes the demo unless an earlier start did, and waits until its guests report READY, or until the time is up. */
export async function startDemo(cloud: Cloud, clock: Clock): Promise<readonly DemoGuest[]> {
  const known = (await cloud.templates.list(SYSTEM)).find((template) => template.name === DEMO_NAME);
  const templateId = known?.id ?? (await makeTemplate(cloud));
  const isDemo = (vm: Vm) => stringOf(vm.template, "TEMPLATE_ID") === String(templateId);
  const alive = (await cloud.vms.list(SYSTEM)).filter((vm) => isDemo(vm) && vmState(vm) !== "DONE");
  const ids = alive.map((vm) => vm.id);
  for (let count = ids.length; count < DEMO_VMS; count += 1) {
    ids.push(await cloud.templates.instantiate(SYSTEM, templateId, { name: `${DEMO_NAME}-%i` }));
  }
  await allReady(cloud, clock, ids);
  return await Promise.all(ids.map(async (id) => guestOf(await cloud.vms.get(SYSTEM, id), cloud.monitoring)));
}

async function makeTemplate(cloud: Cloud): Promise<number> {
  const networks = await cloud.networks.list(SYSTEM);
  if (!networks.some((network) => network.name === DEMO_NAME))
    await cloud.networks.allocate(SYSTEM, DEMO_NETWORK);
  return await cloud.templates.allocate(SYSTEM, DEMO_TEMPLATE);
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

/** The command comes with the house (guest-tools.ts); its shell twin has no agent, so a loop stands in for it. */
const DEMO_SCRIPT = `#!/bin/sh
# A guest of the demo: everything it needs is in its environment, as in an OpenNebula VM.
onegate ready || exit 1
onegate agent --interval 5 && exit 0
while sleep 5; do
  onegate vm update --data "LOAD_1=$(cut -d ' ' -f 1 /proc/loadavg)"
done
`.replaceAll("$", "\\$");

const DEMO_TEMPLATE: Template = {
  NAME: DEMO_NAME,
  CPU: "0.1",
  MEMORY: "64",
  NIC: { NETWORK: DEMO_NAME },
  CONTEXT: { TOKEN: "YES", NETWORK: "YES", REPORT_READY: "YES", START_SCRIPT: DEMO_SCRIPT },
};

async function allReady(cloud: Cloud, clock: Clock, ids: readonly number[]): Promise<void> {
  const waiting = new Set(ids);
  for (const id of ids) if (isReady(await cloud.vms.get(SYSTEM, id))) waiting.delete(id);
  if (waiting.size === 0) return;
  await new Promise<void>((resolve) => {
    const finish = () => {
      unsubscribe();
      cancel();
      resolve();
    };
    const cancel = clock.after(READY_TIMEOUT_MS, finish);
    const unsubscribe = cloud.subscribe((event) => {
      if (event.kind === "vm_updated" && isReady(event.vm)) waiting.delete(event.vm.id);
      if (waiting.size === 0) finish();
    });
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
  return { id: vm.id, name: vm.name, state: vmState(vm), ready: isReady(vm), usage, reason };
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

/** The demo as `up` prints it: its guests, and four commands to try. */
export function describeDemo(
  guests: readonly DemoGuest[],
  { onegate, homeOption, homeVariable }: DemoPlace,
): string {
  const lines = guests.map(({ id, name, state, ready, usage, reason }) => {
    const why = ready || reason === undefined ? "" : `  (${reason})`;
    const used = usage === undefined ? "" : `  ${usage}`;
    return `  VM ${id}  ${name}  ${state}  READY=${ready ? "YES" : "not yet"}${used}${why}`;
  });
  const first = guests[0]?.id ?? 0;
  const token = `$(npx gatehouse token ${first}${homeOption})`;
  const headers = `-H "X-ONEGATE-VMID: ${first}" -H "X-ONEGATE-TOKEN: ${token}"`;
  return `${[
    "Demo guests, real processes on this machine:",
    ...lines,
    "Try, in another terminal, from this folder:",
    `  curl ${headers} ${onegate}/vm`,
    `  curl -X PUT -d "COLOUR = blue" ${headers} ${onegate}/vm`,
    `  ${homeVariable}npx onevm monitoring ${first}`,
    `  npx gatehouse export${homeOption}`,
    "Ctrl-C ends it all.",
  ].join("\n")}\n`;
}
