/** Guests that mean no good, or cannot do better: each a real kernel on its own wire, all at once beside one that behaves. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BOOT_TIMEOUT_MS, guestImage } from "../support/guest-image.ts";
import { gatehouse } from "../support/house.ts";
import { type QemuHouse, startQemuHouse } from "../support/qemu-house.ts";
import { type Guest, untilVm } from "../support/seen-vm.ts";

const image = await guestImage();
let qemu: QemuHouse;
let neighbour: Guest;

/** Low enough for an emulated guest to reach. */
const LIMITS = { vm: { per_second: 20, burst: 40 } };
const IS_DONE = (xml: string): boolean => xml.includes("<STATE>6</STATE>");

beforeAll(async () => {
  if (image === undefined) return;
  qemu = await startQemuHouse(image, { onegate: { limits: LIMITS } });
  const id = await qemu.instantiate(await qemu.makeTemplate({ name: "neighbour" }));
  neighbour = await qemu.guest(id);
}, BOOT_TIMEOUT_MS);

afterAll(async () => await qemu?.end(), BOOT_TIMEOUT_MS);

async function boot(template: Parameters<QemuHouse["makeTemplate"]>[0]): Promise<Guest> {
  return await qemu.guest(await qemu.instantiate(await qemu.makeTemplate(template)));
}

/** Ends the VM as its owner does, without force; what its console said. */
async function terminate({ id }: Guest): Promise<string> {
  await qemu.untilVm(id, (xml) => xml.includes("<LCM_STATE>3</LCM_STATE>"));
  using console = qemu.console(id);
  await qemu.call("one.vm.action", "terminate", id);
  await qemu.untilVm(id, IS_DONE);
  return console.text();
}

async function untilSaid({ id }: Guest, pattern: RegExp): Promise<string> {
  await qemu.untilVm(id, (xml) => xml.includes("<LCM_STATE>3</LCM_STATE>"));
  using console = qemu.console(id);
  await qemu.untilVm(id, () => pattern.test(console.text()));
  return console.text();
}

/** A counter of the house. */
async function counted(name: string): Promise<number> {
  const text = await gatehouse(["metrics", "--home", qemu.home]);
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

describe.skipIf(image === undefined)("a house of real guests", { timeout: 2 * BOOT_TIMEOUT_MS }, () => {
  it("runs a guest that never boots, which is never READY, and ends it when its grace is over", async () => {
    const never = await boot({ name: "never", kernelCommand: "console=ttyS0 rdinit=/nowhere panic=0" });
    await untilSaid(never, /Kernel panic/);
    const xml = await qemu.untilVm(never.id, () => true);
    expect(xml).toContain("<LCM_STATE>3</LCM_STATE>");
    expect(xml).not.toContain("<READY>");
    expect(await terminate(never)).not.toContain("leaving");
  });

  it("finds a guest powered off whose kernel panics, with the last it said", async () => {
    const panics = await boot({ name: "panics", script: "#!/bin/sh\necho c >/proc/sysrq-trigger\n" });
    const xml = await qemu.untilVm(panics.id, (now) => now.includes("<STATE>8</STATE>"));
    expect(xml).toMatch(/<ERROR>.*its console ended with/);
    await qemu.call("one.vm.action", "terminate", panics.id);
    await qemu.untilVm(panics.id, IS_DONE);
  });

  it("has no word from a guest that cut its network, and still asks it to leave", async () => {
    const mute = await boot({
      name: "mute",
      script: "#!/bin/sh\nip link set eth0 down\n",
      context: { RETRY_COUNT: "1", RETRY_WAIT_PERIOD: "1" },
    });
    await untilSaid(mute, /READY is not reported/);
    expect(await qemu.untilVm(mute.id, () => true)).not.toContain("<READY>");
    expect(await terminate(mute)).toContain("guest: leaving: poweroff");
  });

  it("believes no guest that gives another's id, or another's token as its own", async () => {
    const liar = await boot({
      name: "liar",
      script: `#!/bin/sh
lie() {
  "$@" >/tmp/said 2>&1
  echo "lie: $? $(tail -n 1 /tmp/said)"
}
export ONEGATE_RETRIES=0
VMID=$NEIGHBOUR lie onegate vm update --data STOLEN=id
TOKENTXT=$STOLEN lie onegate vm update --data STOLEN=token
lie onegate vm update "$NEIGHBOUR" --data STOLEN=relation
lie nc -w 2 "$NEIGHBOUR_IP" 80
`,
      context: {
        NEIGHBOUR: String(neighbour.id),
        STOLEN: neighbour.token,
        NEIGHBOUR_IP: "10.88.0.10",
      },
    });
    const said = await untilSaid(liar, /(lie: [\s\S]*){4}/);
    expect(said.match(/lie: .*/g)).toEqual([
      "lie: 255 Not authorized",
      "lie: 255 Not authorized",
      expect.stringMatching(/^lie: 255 /),
      expect.stringMatching(/^lie: 1 /),
    ]);
    const untouched = await untilVm(qemu.house, neighbour, () => true);
    expect(untouched.USER_TEMPLATE).not.toHaveProperty("STOLEN");
    expect(await counted("gatehouse_onegate_wrong_tokens_total")).toBeGreaterThanOrEqual(2);
    const own = await untilVm(qemu.house, liar, ({ USER_TEMPLATE }) => USER_TEMPLATE.READY === "YES");
    expect(own.USER_TEMPLATE).not.toHaveProperty("STOLEN");
    expect(await terminate(liar)).toContain("guest: leaving: poweroff");
  });

  it("refuses what a guest asks too often, and its neighbour notices nothing", async () => {
    const flooder = await boot({
      name: "flooder",
      script: `#!/bin/sh
gate=\${ONEGATE_ENDPOINT#http://}
i=0
while [ $i -lt 100 ]; do
  printf 'GET /vm HTTP/1.1\\r\\nHost: gate\\r\\nX-ONEGATE-VMID: %s\\r\\nX-ONEGATE-TOKEN: %s\\r\\n\\r\\n' "$VMID" "$TOKENTXT"
  i=$((i + 1))
done >/tmp/flood
(while :; do echo "refused: $(nc -w 2 "\${gate%:*}" "\${gate#*:}" </tmp/flood | grep -c ' 429 ')"; done) &
`,
    });
    await untilSaid(flooder, /refused: [1-9]\d/);
    expect(await counted('gatehouse_onegate_rate_limited_total{policy="vm"}')).toBeGreaterThan(10);
    const before = await untilVm(qemu.house, neighbour, ({ USER_TEMPLATE }) => USER_TEMPLATE.READY === "YES");
    const told = ({ USER_TEMPLATE }: typeof before) => JSON.stringify(USER_TEMPLATE);
    await untilVm(qemu.house, neighbour, (vm) => told(vm) !== told(before));
    expect(await terminate(flooder)).toContain("guest: leaving: poweroff");
    expect(await terminate(neighbour)).not.toContain("no metrics");
  });
});
