/** Guests that mean no good, or cannot do better: each a real kernel on its own wire, all at once beside one that behaves. */

import { existsSync, statSync } from "node:fs";
import path from "node:path";
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
const MAX_LOG_BYTES = 16 * 1024;
const DISK_MIB = 2;
const GATEWAY = "10.88.0.1";
/** The first lease of the network. */
const NEIGHBOUR_IP = "10.88.0.10";
/** As the embedded cloud makes it of the address. */
const NEIGHBOUR_MAC = "02:00:0a:58:00:0a";
const IS_DONE = (xml: string): boolean => xml.includes("<STATE>6</STATE>");
const IS_RUNNING = (xml: string): boolean => xml.includes("<LCM_STATE>3</LCM_STATE>");

beforeAll(async () => {
  if (image === undefined) return;
  qemu = await startQemuHouse(image, { onegate: { limits: LIMITS } }, { max_log_bytes: MAX_LOG_BYTES });
  neighbour = await boot({ name: "neighbour" });
}, BOOT_TIMEOUT_MS);

afterAll(async () => await qemu?.end(), BOOT_TIMEOUT_MS);

async function boot(template: Parameters<QemuHouse["makeTemplate"]>[0]): Promise<Guest> {
  return await qemu.guest(await qemu.instantiate(await qemu.makeTemplate(template)));
}

/** Ends the VM as its owner does; what its console said. */
async function terminate(
  { id }: Guest,
  action: "terminate" | "terminate-hard" = "terminate",
): Promise<string> {
  await qemu.untilVm(id, IS_RUNNING);
  using console = qemu.console(id);
  await qemu.call("one.vm.action", action, id);
  await qemu.untilVm(id, IS_DONE);
  return console.text();
}

async function untilSaid({ id }: Guest, pattern: RegExp): Promise<string> {
  await qemu.untilVm(id, IS_RUNNING);
  using console = qemu.console(id);
  await qemu.untilVm(id, () => pattern.test(console.text()));
  return console.text();
}

/** The VM runs on, and its owner is told this of it. */
async function untilTold({ id }: Guest, trouble: RegExp): Promise<void> {
  const xml = await qemu.untilVm(id, (now) => now.includes("<ERROR>"));
  expect(/<ERROR>(?:<!\[CDATA\[)?([^<\]]*)/.exec(xml)?.[1]).toMatch(trouble);
  expect(xml).toMatch(/<LCM_STATE>3</);
}

/** A counter of the house. */
async function counted(name: string): Promise<number> {
  const text = await gatehouse(["metrics", "--home", qemu.home]);
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

/** The neighbour goes on telling how it fares. */
async function expectNeighbourSpeaks(): Promise<void> {
  const before = await untilVm(qemu.house, neighbour, ({ USER_TEMPLATE }) => USER_TEMPLATE.READY === "YES");
  const told = ({ USER_TEMPLATE }: typeof before) => JSON.stringify(USER_TEMPLATE);
  await untilVm(qemu.house, neighbour, (vm) => told(vm) !== told(before));
}

describe.skipIf(image === undefined)("guests that fail", { timeout: 2 * BOOT_TIMEOUT_MS }, () => {
  let never: Guest;
  let panics: Guest;
  let loops: Guest;
  let mute: Guest;

  beforeAll(async () => {
    if (image === undefined) return;
    const headless = "console=ttyS0 quiet no_timer_check rdinit=/nowhere";
    loops = await boot({ name: "loops", kernelCommand: `${headless} panic=-1` });
    never = await boot({ name: "never", kernelCommand: `${headless} panic=0` });
    panics = await boot({
      name: "panics",
      script: `#!/bin/sh
until grep -q pvpanic /proc/modules; do usleep 50000; done
echo c >/proc/sysrq-trigger
`,
    });
    mute = await boot({
      name: "mute",
      script: "#!/bin/sh\nip link set eth0 down\n",
      context: { RETRY_COUNT: "1", RETRY_WAIT_PERIOD: "1" },
    });
  }, BOOT_TIMEOUT_MS);

  it("says of one that loops through reboots that it does, and runs it on", async () => {
    await untilTold(loops, /^The guest keeps rebooting itself: 5 times within 5 minutes\.$/);
    expect(await counted("gatehouse_vms_with_error")).toBeGreaterThanOrEqual(1);
    await terminate(loops, "terminate-hard");
  });

  it("finds one powered off whose kernel panics, with the reason that it gave", async () => {
    const xml = await qemu.untilVm(panics.id, (now) => now.includes("<STATE>8</STATE>"));
    expect(xml).toMatch(
      /<ERROR>.*The guest's kernel panicked; its console ended with "Kernel panic - not syncing: sysrq triggered crash"\./,
    );
    expect(existsSync(path.join(qemu.directory(panics.id), "guest.json"))).toBe(false);
    await qemu.call("one.vm.action", "terminate", panics.id);
    await qemu.untilVm(panics.id, IS_DONE);
  });

  it("runs one that never boots, which is never READY, and ends it when its grace is over", async () => {
    await untilSaid(never, /Kernel panic/);
    const xml = await qemu.untilVm(never.id, () => true);
    expect(xml).toContain("<LCM_STATE>3</LCM_STATE>");
    expect(xml).not.toContain("<READY>");
    expect(await terminate(never)).not.toContain("leaving");
  });

  it("has no word from one that cut its network, and still asks it to leave", async () => {
    await untilSaid(mute, /READY is not reported/);
    expect(await qemu.untilVm(mute.id, () => true)).not.toContain("<READY>");
    expect(await terminate(mute)).toContain("guest: leaving: poweroff");
  });
});

/** $1 on each line: what was tried, how it ended, and the last word of it. */
const TRY = `#!/bin/sh
try() {
  what=$1
  shift
  "$@" </tmp/ask >"/tmp/$what" 2>&1
  echo "$what: $? $(tail -n 1 "/tmp/$what")"
}
printf 'GET /vm HTTP/1.0\\r\\n\\r\\n' >/tmp/ask
export ONEGATE_RETRIES=0
`;

const LIAR = `${TRY}
VMID=$NEIGHBOUR try lie-id onegate vm update --data STOLEN=id
TOKENTXT=$STOLEN try lie-token onegate vm update --data STOLEN=token
try lie-ready onegate vm update "$NEIGHBOUR" --data READY=NO
ip route add 127.1.0.0/16 via ${GATEWAY}
for host in ${GATEWAY} 127.1.0.1; do
  for port in $PORTS; do try "port-$host-$port" nc -w 2 "$host" "$port" & done
done
for host in 10.0.2.2 192.0.2.1 169.254.169.254; do try "host-$host" nc -w 2 "$host" 80 & done
wait
try own nc -w 2 ${GATEWAY} 5030
try fill dd if=/dev/zero of=/dev/vda bs=65536
ip addr add ${NEIGHBOUR_IP}/24 dev eth0
ip route replace ${GATEWAY} dev eth0 src ${NEIGHBOUR_IP}
try borrowed-ip nc -w 2 ${GATEWAY} 5030
ip addr del ${NEIGHBOUR_IP}/24 dev eth0
own=$(cat /sys/class/net/eth0/address)
ip link set eth0 down
ip link set eth0 address ${NEIGHBOUR_MAC}
ip link set eth0 up
ip route replace ${GATEWAY} dev eth0
try borrowed-mac nc -w 2 ${GATEWAY} 5030
echo borrowed
sleep 3
ip link set eth0 down
ip link set eth0 address "$own"
ip link set eth0 up
ip route replace ${GATEWAY} dev eth0
ip route replace default via ${GATEWAY}
try again nc -w 2 ${GATEWAY} 5030
echo over
`;

/** Whose power button nobody watches. */
const BABBLER = `#!/bin/sh
killall dd
(while :; do dd if=/dev/zero bs=4096 count=64 2>/dev/null | tr '\\0' x; done >/dev/console) &
`;

const FLOODER = `#!/bin/sh
gate=\${ONEGATE_ENDPOINT#http://}
i=0
while [ $i -lt 100 ]; do
  printf 'GET /vm HTTP/1.1\\r\\nHost: gate\\r\\nX-ONEGATE-VMID: %s\\r\\nX-ONEGATE-TOKEN: %s\\r\\n\\r\\n' "$VMID" "$TOKENTXT"
  i=$((i + 1))
done >/tmp/flood
(while :; do echo "refused: $(nc -w 2 "\${gate%:*}" "\${gate#*:}" </tmp/flood | grep -c ' 429 ')"; done) &
`;

describe.skipIf(image === undefined)("guests that attack", { timeout: 2 * BOOT_TIMEOUT_MS }, () => {
  let liar: Guest;
  let babbler: Guest;
  let flooder: Guest;
  /** Where this house has what is none of a guest's business. */
  let ports: readonly string[];

  beforeAll(async () => {
    if (image === undefined) return;
    const { rpc, oneflow, admin, monitor, onegate } = qemu.house;
    ports = [rpc, oneflow, admin, onegate].map((url) => new URL(url).port).concat(String(monitor.port));
    await untilVm(qemu.house, neighbour, ({ USER_TEMPLATE }) => USER_TEMPLATE.READY === "YES");
    liar = await boot({
      name: "liar",
      script: LIAR,
      context: { NEIGHBOUR: String(neighbour.id), STOLEN: neighbour.token, PORTS: ports.join(" ") },
      more: `DISK=[ SIZE="${DISK_MIB}" ]`,
    });
    babbler = await boot({ name: "babbler", script: BABBLER });
    flooder = await boot({ name: "flooder", script: FLOODER });
  }, BOOT_TIMEOUT_MS);

  it("are refused what they ask too often, and their neighbour notices nothing", async () => {
    await untilSaid(flooder, /refused: [1-9]\d/);
    expect(await counted('gatehouse_onegate_rate_limited_total{policy="vm"}')).toBeGreaterThan(10);
    await expectNeighbourSpeaks();
    expect(await terminate(flooder)).toContain("guest: leaving: poweroff");
  });

  it("fill no disk with their console, are told of, and lose their plug when they do not hear the button", async () => {
    await untilTold(
      babbler,
      /^The guest floods its console: its log outgrew 16384 bytes 10 times within a minute/,
    );
    const sizeOf = (name: string) => statSync(path.join(qemu.directory(babbler.id), name)).size;
    expect(sizeOf("log.old")).toBe(MAX_LOG_BYTES / 2);
    // What a serial line of an emulated machine carries in the second between two looks.
    expect(sizeOf("log")).toBeLessThan(16 * 1024 * 1024);
    expect(await terminate(babbler)).not.toContain("leaving");
  });

  it("are not believed another's id, token or address, and reach nothing of this machine but OneGate", async () => {
    await untilSaid(liar, /borrowed\r?\n/);
    await expectNeighbourSpeaks();
    const said = await untilSaid(liar, /over\r?\n/);
    const of = (what: string) => said.match(new RegExp(`^${what}.*`, "gm"))?.map((line) => line.trim()) ?? [];
    expect(of("lie-")).toEqual([
      "lie-id: 255 Not authorized",
      "lie-token: 255 Not authorized",
      expect.stringMatching(/^lie-ready: 255 /),
    ]);
    const tried = [...of("port-"), ...of("host-")];
    expect(tried).toHaveLength(2 * ports.length + 3);
    for (const line of tried) expect(line).toMatch(/: 1 /);
    for (const what of ["own", "again"]) expect(of(what)).toEqual([expect.stringMatching(/: 0\b/)]);
    expect(of("borrowed-")).toEqual([
      expect.stringMatching(/^borrowed-ip: 1 /),
      expect.stringMatching(/^borrowed-mac: 1 /),
    ]);
    expect(of("fill")).toEqual([expect.stringMatching(/^fill: 1 /)]);
    expect(statSync(path.join(qemu.directory(liar.id), "disk.0")).size).toBe(DISK_MIB * 1024 * 1024);

    const untouched = await untilVm(qemu.house, neighbour, () => true);
    expect(untouched.USER_TEMPLATE).not.toHaveProperty("STOLEN");
    expect(untouched.USER_TEMPLATE.READY).toBe("YES");
    expect(await counted("gatehouse_onegate_wrong_tokens_total")).toBeGreaterThanOrEqual(2);
    const own = await untilVm(qemu.house, liar, ({ USER_TEMPLATE }) => USER_TEMPLATE.READY === "YES");
    expect(own.USER_TEMPLATE).not.toHaveProperty("STOLEN");
    expect(await terminate(liar)).toContain("guest: leaving: poweroff");
  });

  it("leave their neighbour as it was, of which nobody is told that there is a snapshot", async () => {
    const snapshot = qemu.call("one.vm.snapshotcreate", neighbour.id, "before");
    await expect(snapshot).rejects.toThrow(`The driver qemu of VM ${neighbour.id} takes no snapshots.`);
    const said = await terminate(neighbour);
    expect(said).toContain("guest: leaving: poweroff");
    expect(said).not.toContain("no metrics");
  });
});
