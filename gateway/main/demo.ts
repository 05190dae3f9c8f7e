/**
 * What `npm start` shows a newcomer: a network, a template, and two guests that really run, report READY and push a
 * metric every few seconds, with whatever plain HTTP client the machine has.
 */

import type { Clock } from "../../shared/clock.ts";
import { vmStateText } from "../../shared/states/vm.ts";
import { stringOf, type Template } from "../../shared/template/types.ts";
import { type Cloud, SYSTEM } from "../cloud/cloud.ts";
import type { Vm } from "../cloud/model.ts";

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
  /** Why it does not run, where the cloud knows. */
  readonly reason: string | undefined;
}

/**
 * Makes the demo unless an earlier start did, and waits until its guests report READY, or until the time is up.
 * `nodePath` is the HTTP client of last resort.
 */
export async function startDemo(cloud: Cloud, clock: Clock, nodePath: string): Promise<readonly DemoGuest[]> {
  const known = (await cloud.templates.list(SYSTEM)).find((template) => template.name === DEMO_NAME);
  const templateId = known?.id ?? (await makeTemplate(cloud, nodePath));
  const isDemo = (vm: Vm) => stringOf(vm.template, "TEMPLATE_ID") === String(templateId);
  const alive = (await cloud.vms.list(SYSTEM)).filter((vm) => isDemo(vm) && vmState(vm) !== "DONE");
  const ids = alive.map((vm) => vm.id);
  for (let count = ids.length; count < DEMO_VMS; count += 1) {
    ids.push(await cloud.templates.instantiate(SYSTEM, templateId, { name: `${DEMO_NAME}-%i` }));
  }
  await allReady(cloud, clock, ids);
  return await Promise.all(ids.map(async (id) => guestOf(await cloud.vms.get(SYSTEM, id))));
}

async function makeTemplate(cloud: Cloud, nodePath: string): Promise<number> {
  const networks = await cloud.networks.list(SYSTEM);
  if (!networks.some((network) => network.name === DEMO_NAME))
    await cloud.networks.allocate(SYSTEM, DEMO_NETWORK);
  return await cloud.templates.allocate(SYSTEM, demoTemplate(nodePath));
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

function demoTemplate(nodePath: string): Template {
  return {
    NAME: DEMO_NAME,
    CPU: "0.1",
    MEMORY: "64",
    NIC: { NETWORK: DEMO_NAME },
    CONTEXT: {
      TOKEN: "YES",
      NETWORK: "YES",
      NODE_PATH_OF_LAST_RESORT: nodePath,
      START_SCRIPT: DEMO_SCRIPT,
    },
  };
}

/** Dollar signs are escaped: in CONTEXT they begin a variable. */
const DEMO_SCRIPT = String.raw`#!/bin/sh
# A guest of the demo: everything it needs is in its environment, as in an OpenNebula VM.
put() {
  if command -v curl >/dev/null; then
    curl -sf -X PUT "$ONEGATE_ENDPOINT/vm" -H "X-ONEGATE-TOKEN: $TOKENTXT" -H "X-ONEGATE-VMID: $VMID" -d "$1"
  elif wget --version 2>/dev/null | grep -q GNU; then
    wget -qO- --method=PUT --body-data="$1" --header="X-ONEGATE-TOKEN: $TOKENTXT" \
      --header="X-ONEGATE-VMID: $VMID" "$ONEGATE_ENDPOINT/vm"
  else
    BODY="$1" "$NODE_PATH_OF_LAST_RESORT" -e 'const e = process.env;
      fetch(e.ONEGATE_ENDPOINT + "/vm", { method: "PUT", body: e.BODY,
        headers: { "X-ONEGATE-TOKEN": e.TOKENTXT, "X-ONEGATE-VMID": e.VMID } })
        .then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))'
  fi
}
until put READY=YES; do sleep 1; done
while true; do
  put "APP_LOAD = $(cut -d ' ' -f 1 /proc/loadavg)" || true
  sleep 5
done
`.replaceAll("$", "\\$");

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

function guestOf(vm: Vm): DemoGuest {
  const reason = stringOf(vm.userTemplate, "ERROR") ?? stringOf(vm.userTemplate, "SCHED_MESSAGE");
  return { id: vm.id, name: vm.name, state: vmState(vm), ready: isReady(vm), reason };
}

/** The demo as `up` prints it: its guests, and three commands to try. */
export function describeDemo(
  guests: readonly DemoGuest[],
  { onegate, homeOption }: { readonly onegate: string; readonly homeOption: string },
): string {
  const lines = guests.map(({ id, name, state, ready, reason }) => {
    const why = ready || reason === undefined ? "" : `  (${reason})`;
    return `  VM ${id}  ${name}  ${state}  READY=${ready ? "YES" : "not yet"}${why}`;
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
    `  npx gatehouse export${homeOption}`,
    "Ctrl-C ends it all.",
  ].join("\n")}\n`;
}
