/** Guests on virtual networks of the house: those of one network use each other, and nobody else is there. */

import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { BOOT_TIMEOUT_MS, type GuestImage, guestImage } from "../support/guest-image.ts";
import { type HouseProcess, startHouse, stopHouse } from "../support/house.ts";
import { callHouse } from "../support/house-rpc.ts";
import { qemusIn } from "../support/qemu-driver.ts";
import { type QemuHouse, startQemuHouse } from "../support/qemu-house.ts";

const image = await guestImage();
let qemu: QemuHouse;
let house: HouseProcess;

const TIERS_NETWORK = `NAME="tiers" VN_MAD="dummy" BRIDGE="tiers0" NETWORK_ADDRESS="10.90.0.0" NETWORK_MASK="255.255.255.0"
  GATEWAY="10.90.0.1" AR=[TYPE="IP4_6", IP="10.90.0.10", SIZE="10", GLOBAL_PREFIX="2001:db8:1:2::"]`;

/** Its guests get their addresses by DHCP, and there is no gateway on the way to OneGate. */
const OTHER_NETWORK = `NAME="other" VN_MAD="dummy" BRIDGE="other0" NETWORK_ADDRESS="10.89.0.0" NETWORK_MASK="255.255.255.0"
  METHOD="dhcp" DNS="10.89.0.53" GUEST_MTU="1400" AR=[TYPE="IP4", IP="10.89.0.10", SIZE="10"]`;

const WORKER = `#!/bin/sh
mkdir /tmp/www
echo "worker $VMID" >/tmp/www/name
dd if=/dev/urandom of=/tmp/www/data bs=1024 count=1024 2>/dev/null
httpd -h /tmp/www -p 8080
`;

const FETCH = `fetch() {
  printf 'GET %s HTTP/1.0\\r\\n\\r\\n' "$2" | nc -w "$3" "$1" 8080 2>&1
}`;

const FRONTEND = `#!/bin/sh
${FETCH}
id=$(onegate service get roles/worker/nodes/0/vm_info/VM/ID)
worker=$(onegate vm get TEMPLATE/NIC/0/IP --id "$id")
echo "pings: $(ping -c 3 -s 4000 -W 10 "$worker" | grep -c 'bytes from')"
echo "pings6: $(ping6 -c 5 -W 10 "$(onegate vm get TEMPLATE/NIC/0/IP6_GLOBAL --id "$id")" | grep -c 'bytes from')"
echo "data: $(fetch "$worker" /data 10 | tail -c 1048576 | wc -c)"
(while n=$((\${n:-0} + 1)); do
  echo "asked $n: $(fetch "$worker" /name 5 | tail -n 1)"
  sleep 1
done) &
`;

/** What it takes to address the worker needs no word of its. */
const ASK = `${FETCH}
ask() {
  arp -s "$WORKER" "$WORKER_MAC"
  echo "ask $1: $(fetch "$WORKER" /name 3 | tail -n 1)."
}`;

const OUTSIDER = `#!/bin/sh
echo "inet: $(ip addr show eth0 | grep -o 'inet [0-9./]*') mtu $(cat /sys/class/net/eth0/mtu)"
echo "dns: $(cat /etc/resolv.conf)"
ip route add default dev eth0
${ASK}
ask from-outside
echo "echoes: $(ping -c 2 -W 2 "$FRONTEND" | grep -c 'bytes from')"
`;

const IMPOSTOR = `#!/bin/sh
${ASK}
be() {
  ip link set eth0 down
  ip link set eth0 address "$2"
  ifconfig eth0 "$1" netmask 255.255.255.0 up
}
ask as-itself
be "$FRONTEND" "$ETH0_MAC"
arping -U -c 2 -I eth0 "$FRONTEND" >/dev/null
ask by-address
be "$FRONTEND" "$FRONTEND_MAC"
ask by-both
be "$ETH0_IP" "$ETH0_MAC"
ip route add default via "$ETH0_GATEWAY" dev eth0
ask as-itself-again
`;

beforeAll(async () => {
  if (image === undefined) return;
  qemu = await startQemuHouse(image);
  house = qemu.house;
  for (const network of [TIERS_NETWORK, OTHER_NETWORK]) await qemu.call("one.vn.allocate", network, -1);
}, BOOT_TIMEOUT_MS);

afterAll(async () => {
  if (qemu === undefined) return;
  await stopHouse(house);
  // A house that did not come back ended none of them.
  for (const { pid } of qemusIn(path.dirname(qemu.home))) process.kill(pid, "SIGKILL");
  await qemu.end();
}, BOOT_TIMEOUT_MS);

interface Template {
  readonly name: string;
  readonly network: string;
  readonly script: string;
  readonly context?: Readonly<Record<string, string>>;
}

async function makeTemplate({ kernel, initrd }: GuestImage, template: Template): Promise<number> {
  const { name, network, script, context = {} } = template;
  const words = "console=ttyS0 quiet no_timer_check cryptomgr.notests";
  const variables = Object.entries(context).map(([key, value]) => `, ${key}="${value}"`);
  const text = `NAME="${name}" CPU="0.1" MEMORY="96" NIC=[NETWORK="${network}"]
OS=[KERNEL="${kernel}", INITRD="${initrd}", KERNEL_CMD="${words}"]
CONTEXT=[TOKEN="YES", NETWORK="YES", REPORT_READY="YES",
  START_SCRIPT_BASE64="${Buffer.from(script).toString("base64")}"${variables.join("")}]`;
  return Number(await qemu.call("one.template.allocate", text));
}

/** What its console has said, once that is as wanted; asks nobody but the file. */
function untilSaid(vmId: number, wanted: RegExp | ((said: string) => boolean)): Promise<string> {
  const isSaid = wanted instanceof RegExp ? (said: string) => wanted.test(said) : wanted;
  return vi.waitFor(
    () => {
      using console = qemu.console(vmId);
      const said = console.text();
      if (!isSaid(said)) throw new Error(`VM ${vmId} does not say ${wanted}: ${said.slice(-500)}`);
      return said;
    },
    { timeout: BOOT_TIMEOUT_MS, interval: 100 },
  );
}

interface Interface {
  readonly ip: string;
  readonly mac: string;
}

async function interfaceOf(vmId: number): Promise<Interface> {
  const xml = await qemu.call("one.vm.info", vmId);
  const told = (name: string) => new RegExp(`<${name}>(?:<!\\[CDATA\\[)?([0-9a-f.:]+)`).exec(xml)?.[1] ?? "";
  return { ip: told("IP"), mac: told("MAC") };
}

interface Asked {
  readonly count: number;
  readonly answer: string;
}

/** How the frontend's requests went. */
function askedIn(said: string): readonly Asked[] {
  const lines = said.matchAll(/^asked (\d+): (.*?)\r?\n/gm);
  return [...lines].map(([, count, answer = ""]) => ({ count: Number(count), answer }));
}

describe.skipIf(image === undefined)("guests on virtual networks", { timeout: 3 * BOOT_TIMEOUT_MS }, () => {
  it("use each other's services, at the addresses that OneGate tells; strangers and impostors do not; also after kill -9", async () => {
    if (image === undefined) return;
    const role = { type: "vm", cardinality: 1 };
    const roles = [
      { ...role, name: "worker", template_id: await makeTemplate(image, tier("worker", WORKER)) },
      {
        ...{ ...role, name: "frontend", parents: ["worker"] },
        template_id: await makeTemplate(image, tier("frontend", FRONTEND)),
      },
    ];
    const service = { name: "tiers", deployment: "straight", ready_status_gate: true, roles };
    const id = await qemu.flow.instantiate(await qemu.flow.createTemplate(service));
    const running = await qemu.flow.until(id, ({ state }) => state === 2);
    const [worker = -1, frontend = -1] = running.roles.flatMap(({ nodes }) => nodes);
    const before = await untilSaid(frontend, /asked 2: /);
    expect(before).toContain("pings: 3");
    expect(before).toMatch(/pings6: [1-5]/);
    expect(before).toContain("data: 1048576");
    expect(before).toContain(`asked 1: worker ${worker}`);

    const [at, from] = [await interfaceOf(worker), await interfaceOf(frontend)];
    const context = { WORKER: at.ip, WORKER_MAC: at.mac, FRONTEND: from.ip, FRONTEND_MAC: from.mac };
    const outsider = await qemu.instantiate(
      await makeTemplate(image, { name: "outsider", network: "other", script: OUTSIDER, context }),
    );
    const impostor = await qemu.instantiate(
      await makeTemplate(image, { ...tier("impostor", IMPOSTOR), context }),
    );

    const stranger = await untilSaid(outsider, /echoes: \d/);
    expect(stranger).toContain("inet: inet 10.89.0.10/24 mtu 1400");
    expect(stranger).toContain("dns: nameserver 10.89.0.53");
    expect(stranger).toMatch(/ask from-outside: [^\r\n]*\.\r?\n/);
    expect(stranger).not.toContain(`worker ${worker}`);
    expect(stranger).toContain("echoes: 0");

    const lies = await untilSaid(impostor, /ask as-itself-again: .*\.\r?\n/);
    const answers = [...lies.matchAll(/^ask (\S+): (.*)\.\r?$/gm)].map(([, how, answer = ""]) => [
      how,
      answer.startsWith("worker "),
    ]);
    expect(answers).toEqual([
      ["as-itself", true],
      ["by-address", false],
      ["by-both", false],
      ["as-itself-again", true],
    ]);
    // Both have said READY, the one without a gateway too.
    for (const vmId of [outsider, impostor]) await qemu.untilVm(vmId, (xml) => xml.includes("<READY>"));
    const answered = askedIn(await untilSaid(frontend, /asked 5: .*\r/));
    expect(new Set(answered.map(({ answer }) => answer))).toEqual(new Set([`worker ${worker}`]));

    await stopHouse(house, "SIGKILL");
    const { count = 0 } = askedIn(await untilSaid(frontend, /asked/)).at(-1) ?? {};
    house = await startHouse(qemu.home);
    const isBack = (asked: Asked) => asked.count > count + 1 && asked.answer === `worker ${worker}`;
    const { length } = askedIn(await untilSaid(frontend, (said) => askedIn(said).some(isBack)));
    // What is detached is off its network at once, though the guest has it until it boots again.
    await callHouse(house, qemu.home, "one.vm.detachnic", worker, 0);
    const isGone = ({ answer }: Asked) => !answer.startsWith("worker ");
    await untilSaid(frontend, (said) => askedIn(said).slice(length).some(isGone));
  });
});

function tier(name: string, script: string): Template {
  return { name, network: "tiers", script };
}
