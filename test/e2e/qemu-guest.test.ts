/** The guest that scripts/guest-image builds, booted by a QEMU of the test's own, and a real OneGate that it finds in its context. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { buildGuest } from "../../scripts/guest-image/build.ts";
import { type BareMachine, bootBare } from "../support/bare-machine.ts";
import { BOOT_TIMEOUT_MS, guestImage } from "../support/guest-image.ts";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { callHouse } from "../support/house-rpc.ts";
import { untilVm } from "../support/seen-vm.ts";

const image = await guestImage();
const scratch = scratchDirectory("qemu-guest");
const home = path.join(scratch.path, "home");
let house: HouseProcess;
let machine: BareMachine | undefined;

beforeAll(async () => {
  if (image === undefined) return;
  house = await startHouse(home, ["--dummy"]);
});

afterEach(async () => {
  await machine?.kill();
  machine = undefined;
});

afterAll(async () => {
  if (image !== undefined) await stopHouse(house);
  scratch.remove();
});

/** A simulated VM, as which the guest reports. */
async function simulatedVm(): Promise<{ readonly id: number; readonly token: string }> {
  const template = 'CPU="1" MEMORY="64" CONTEXT=[ TOKEN="YES" ]';
  const id = Number(await callHouse(house, home, "one.vm.allocate", template, false));
  return { id, token: (await gatehouse(["token", String(id), "--home", home])).trim() };
}

describe.skipIf(image === undefined)("the guest to test with", () => {
  it("is built once, and is the same wherever it is built", { timeout: BOOT_TIMEOUT_MS }, async () => {
    if (image === undefined) return;
    expect(await buildGuest(image.directory, () => {})).toMatchObject({ isNew: false });
    const other = await buildGuest(path.join(scratch.path, "other"), () => {});
    expect(other.isNew).toBe(true);
    for (const name of ["kernel", "initrd"] as const)
      expect(readFileSync(other[name]).equals(readFileSync(image[name]))).toBe(true);
  });

  it("reads its context, runs its start script, reports READY and metrics, and goes when the button is pressed", {
    timeout: BOOT_TIMEOUT_MS,
  }, async () => {
    if (image === undefined) return;
    const { id, token } = await simulatedVm();
    const script = `#!/bin/sh
echo "script of $VMID on $(hostname): $QUOTED"
(trap 'echo script told to go; exit' TERM; while :; do sleep 1; done) &`;
    const context = {
      ...{ VMID: String(id), TOKEN: "YES", REPORT_READY: "YES", METRICS_INTERVAL: "1" },
      ...{ SET_HOSTNAME: "it's/me", START_SCRIPT: script, QUOTED: "two  words, 'quoted' $HOME" },
      ONEGATE_ENDPOINT: house.onegate.replace("127.0.0.1", "10.0.2.2"),
    };
    machine = bootBare({
      image,
      scratch: scratch.path,
      files: { "context.sh": contextText(context), "token.txt": `${token}\n` },
    });
    const vm = await untilVm(house, { id, token }, ({ USER_TEMPLATE }) => USER_TEMPLATE.LOAD_1 !== undefined);
    expect(vm.USER_TEMPLATE).toMatchObject({
      READY: "YES",
      MEMORY_AVAILABLE_KIB: expect.stringMatching(/^\d{5}/),
    });
    expect(machine.said()).toContain(`script of ${id} on it-s-me: two  words, 'quoted' $HOME`);
    await machine.command("system_powerdown");
    expect(await machine.ended).toBe(0);
    expect(machine.said()).toContain("guest: leaving: poweroff");
    expect(machine.said()).toContain("script told to go");
  });

  it("boots again on Ctrl-Alt-Del, whatever its context sets", { timeout: BOOT_TIMEOUT_MS }, async () => {
    if (image === undefined) return;
    const script = "#!/bin/sh\necho started as $VMID at $(ip addr show eth0 | grep -o 'inet [0-9.]*')";
    const context = {
      ...{ VMID: "7", PATH: "/nowhere", IFS: "abc", HOME: "", names: "x", disc: "/dev/null" },
      ...{ ETH0_IP: "10.0.2.77", ETH0_MASK: "255.255.255.0", ETH0_GATEWAY: "10.0.2.2", ETH0_MTU: "1400" },
      START_SCRIPT_BASE64: Buffer.from(script).toString("base64"),
    };
    machine = bootBare({
      image,
      scratch: scratch.path,
      files: { "context.sh": contextText(context) },
      disc: "virtio",
    });
    await machine.untilSaid(/nothing to do|started as/);
    const keys = ["ctrl", "alt", "delete"].map((data) => ({ type: "qcode", data }));
    await machine.command({ execute: "send-key", arguments: { keys } });
    await machine.untilSaid(/leaving: reboot[\s\S]*started as 7 at inet 10\.0\.2\.77/);
  });
});

function contextText(variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(
    ([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'\n`,
  );
  return lines.join("");
}
