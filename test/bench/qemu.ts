/** What real guests cost: time from the decision to READY, time to leave, and the house's memory and processor time for each. */

import { setTimeout as sleep } from "node:timers/promises";
import { SERVICE_STATE } from "../../shared/states/service.ts";
import { guestImage } from "../support/guest-image.ts";
import { memoryOf } from "../support/house.ts";
import { type QemuHouse, startQemuHouse } from "../support/qemu-house.ts";
import { processorMs, qemuPid } from "../support/qemu-process.ts";
import type { Bench } from "./figures.ts";

const ROUNDS = 5;
const MANY = 8;

export const qemuBench: Bench = async function* qemu({ seconds, progress }) {
  const image = await guestImage();
  if (image === undefined) throw new Error("The guests of this bench cannot be had here.");
  const qemu = await startQemuHouse(image);
  try {
    progress(`a service that grows by one and shrinks by one, ${ROUNDS} times`);
    const service = await startService(qemu);
    const rounds: Round[] = [];
    for (let count = 0; count < ROUNDS; count += 1) rounds.push(await growAndShrink(qemu, service));
    yield { figure: "decision to READY", value: median(rounds, "readyMs"), unit: "ms" };
    yield { figure: "processor time of its QEMU until then", value: median(rounds, "bootMs"), unit: "ms" };
    yield { figure: "memory of its QEMU (RSS)", value: median(rounds, "rssMiB"), unit: "MiB" };
    yield { figure: "decision to DONE, orderly", value: median(rounds, "leaveMs"), unit: "ms" };
    const one = await costOf(qemu, seconds, progress, 1);
    await scale(qemu, service, MANY);
    const many = await costOf(qemu, seconds, progress, MANY);
    const each = (few: number, more: number, digits: number) => round((more - few) / (MANY - 1), digits);
    yield { figure: "memory of the house with one guest", value: round(one.rssMiB, 0), unit: "MiB" };
    yield {
      figure: "memory of the house, each further guest",
      value: each(one.rssMiB, many.rssMiB, 2),
      unit: "MiB",
    };
    const share = each(one.cpu, many.cpu, 2);
    yield { figure: "processor of the house, each further guest", value: share, unit: "% of a core" };
  } finally {
    await qemu.end();
  }
};

interface Round {
  readonly readyMs: number;
  readonly bootMs: number;
  readonly rssMiB: number;
  readonly leaveMs: number;
}

async function startService(qemu: QemuHouse): Promise<number> {
  const context = { METRICS_INTERVAL: "10" };
  const template_id = await qemu.makeTemplate({ name: "bench", context });
  const role = {
    name: "web",
    type: "vm",
    template_id,
    cardinality: 1,
    min_vms: 1,
    max_vms: MANY,
    cooldown: 1,
  };
  const template = { name: "bench", deployment: "straight", ready_status_gate: true, roles: [role] };
  const id = await qemu.flow.instantiate(await qemu.flow.createTemplate(template));
  await untilSize(qemu, id, 1);
  return id;
}

/** Once all of so many VMs are READY; the service may still be cooling down from it. */
async function untilSize(
  qemu: QemuHouse,
  id: number,
  size: number,
  states: readonly number[] = [SERVICE_STATE.RUNNING],
): Promise<readonly number[]> {
  const { roles } = await qemu.flow.until(
    id,
    ({ state, roles: [role] }) => states.includes(state) && role?.nodes.length === size,
  );
  return roles[0]?.nodes ?? [];
}

/** The role's VMs once it has so many, all READY. */
async function scale(qemu: QemuHouse, id: number, size: number): Promise<readonly number[]> {
  await qemu.flow.send("POST", `/service/${id}/scale`, { role_name: "web", cardinality: size, force: true });
  return await untilSize(qemu, id, size, [SERVICE_STATE.RUNNING, SERVICE_STATE.COOLDOWN]);
}

async function growAndShrink(qemu: QemuHouse, id: number): Promise<Round> {
  const begun = performance.now();
  const grown = await scale(qemu, id, 2);
  const readyMs = performance.now() - begun;
  const pid = await qemuPid(qemu, grown[1] ?? -1);
  const bootMs = processorMs(pid);
  const rssMiB = memoryOf(pid).nowKiB / 1024;
  await untilSize(qemu, id, 2);
  const leaving = performance.now();
  const left = await scale(qemu, id, 1);
  const gone = grown.find((vmId) => !left.includes(vmId)) ?? -1;
  await qemu.untilVm(gone, (xml) => xml.includes("<STATE>6</STATE>"));
  const leaveMs = performance.now() - leaving;
  await untilSize(qemu, id, 1);
  return { readyMs, bootMs, rssMiB, leaveMs };
}

/** Of the house at rest, its agent not among it: the agent is a process of its own. */
async function costOf(qemu: QemuHouse, seconds: number, progress: (text: string) => void, guests: number) {
  progress(`the house with ${guests} guest${guests === 1 ? "" : "s"} at rest, ${seconds} s`);
  const { pid } = qemu.house;
  const before = processorMs(pid);
  await sleep(seconds * 1000);
  const cpu = ((processorMs(pid) - before) / 1000 / seconds) * 100;
  return { rssMiB: memoryOf(pid).nowKiB / 1024, cpu };
}

function median(rounds: readonly Round[], of: keyof Round): number {
  const sorted = rounds.map((each) => each[of]).sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? Number.NaN);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
