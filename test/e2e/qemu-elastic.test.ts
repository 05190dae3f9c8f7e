/** Elasticity with nothing simulated: kernels boot, guests report, the host's agent measures, and policies decide. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BOOT_TIMEOUT_MS, guestImage } from "../support/guest-image.ts";
import { type QemuHouse, startQemuHouse } from "../support/qemu-house.ts";
import { untilVm } from "../support/seen-vm.ts";

const image = await guestImage();
let qemu: QemuHouse;

beforeAll(async () => {
  if (image !== undefined) qemu = await startQemuHouse(image);
}, BOOT_TIMEOUT_MS);

afterAll(async () => await qemu?.end(), BOOT_TIMEOUT_MS);

/** An application that has visitors, and tells how busy they keep it. */
const APPLICATION = `#!/bin/sh
onegate watch vm USER_TEMPLATE/VISITORS --exec 'onegate vm update --data "DEMAND=$ONEGATE_VALUE"' &
`;

const POLICY = { type: "CHANGE", period: 1, period_number: 1, cooldown: 1 };
const ROLE = {
  name: "web",
  type: "vm",
  cardinality: 1,
  min_vms: 1,
  max_vms: 2,
  elasticity_policies: [
    { ...POLICY, adjust: 1, expression: "DEMAND > 50" },
    { ...POLICY, adjust: -1, expression: "DEMAND < 10" },
  ],
};

/** 0 where it was not measured. */
function measuredOf(xml: string, name: string): number {
  const figure = new RegExp(`<MONITORING>(?:(?!</MONITORING>).)*<${name}>(?:<!\\[CDATA\\[)?(\\d+)`, "s");
  return Number(figure.exec(xml)?.[1] ?? 0);
}

/** Its role of so many VMs is up, which with the gate means that each said READY. */
async function untilSize(serviceId: number, size: number): Promise<readonly number[]> {
  const isSo = (state: number, nodes: readonly number[] = []) => state === 2 && nodes.length === size;
  const { roles } = await qemu.flow.until(serviceId, (now) => isSo(now.state, now.roles[0]?.nodes));
  return roles[0]?.nodes ?? [];
}

async function visit(vmId: number, visitors: number): Promise<void> {
  await qemu.call("one.vm.update", vmId, `VISITORS="${visitors}"`, 1);
}

describe.skipIf(image === undefined)("a service of real guests", () => {
  it("grows by a guest that reports READY from inside and is measured, and shrinks by one that leaves orderly", {
    timeout: 3 * BOOT_TIMEOUT_MS,
  }, async () => {
    const template_id = await qemu.makeTemplate({ name: "web", script: APPLICATION });
    const service = { name: "web", deployment: "straight", ready_status_gate: true };
    const id = await qemu.flow.instantiate(
      await qemu.flow.createTemplate({ ...service, roles: [{ ...ROLE, template_id }] }),
    );
    const [first = -1] = await untilSize(id, 1);

    await visit(first, 90);
    const grown = await untilSize(id, 2);
    expect(grown[0]).toBe(first);
    const second = grown[1] ?? -1;
    const seen = await untilVm(qemu.house, await qemu.guest(second), ({ USER_TEMPLATE }) =>
      Object.hasOwn(USER_TEMPLATE, "LOAD_1"),
    );
    expect(seen.USER_TEMPLATE).toMatchObject({ READY: "YES", ROLE_NAME: "web" });

    const measured = await qemu.untilVm(second, (xml) => measuredOf(xml, "MEMORY") > 0);
    // Its QEMU's memory, in KiB: what the kernel of the guest has touched, and nothing that a simulation would say.
    expect(measuredOf(measured, "MEMORY")).toBeGreaterThan(50_000);
    // What it said of itself went over its wire, and so did the answers.
    await qemu.untilVm(second, (xml) => ["NETRX", "NETTX"].every((name) => measuredOf(xml, name) > 500));
    expect(measured).toMatch(/<DEPLOY_ID>(<!\[CDATA\[)?qemu:\d+:\d+/);

    using consoles = new DisposableStack();
    const logs = new Map(grown.map((vmId) => [vmId, consoles.use(qemu.console(vmId))]));
    for (const vmId of grown) await visit(vmId, 0);
    const [left = -1] = await untilSize(id, 1);
    const gone = grown.find((vmId) => vmId !== left) ?? -1;
    await qemu.untilVm(gone, (xml) => xml.includes("<STATE>6</STATE>"));
    expect(logs.get(gone)?.text()).toContain("guest: leaving: poweroff");
    expect(logs.get(left)?.text()).not.toContain("leaving");
    await qemu.flow.send("DELETE", `/service/${id}`);
    await qemu.flow.untilGone(id);
  });
});
