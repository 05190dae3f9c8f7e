/**
 * A house on a bridge, told to its end: run by qemu-bridge.test.ts in namespaces of its own, where there is a bridge `lan0`. Prints
 * one JSON object of what it saw.
 */

import { readdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { guestImage } from "./guest-image.ts";
import { startHouse, stopHouse } from "./house.ts";
import { callHouse } from "./house-rpc.ts";
import { startQemuHouse } from "./qemu-house.ts";
import { untilVm } from "./seen-vm.ts";

const [, , address = ""] = process.argv;

const WORKER = `#!/bin/sh
mkdir /tmp/www
echo "worker $VMID" >/tmp/www/name
httpd -h /tmp/www -p 8080
`;

const ASKER = `#!/bin/sh
echo "endpoint: $ONEGATE_ENDPOINT"
echo "pings: $(ping -c 3 -W 10 "$WORKER" | grep -c 'bytes from')"
(while n=$((\${n:-0} + 1)); do
  answer=$(printf 'GET /name HTTP/1.0\\r\\n\\r\\n' | nc -w 10 "$WORKER" 8080 2>&1 | tail -n 1)
  onegate vm update --data "ASKED=$n $answer"
  sleep 1
done) &
`;

const image = await guestImage();
if (image === undefined) throw new Error("There is no image.");

const taps = (): readonly string[] => readdirSync("/sys/class/net").filter((name) => name.startsWith("one-"));

const qemu = await startQemuHouse(image, { onegate: { host: address } }, { network: "bridge" });
let { house } = qemu;
const call = (method: string, vmId: number) => callHouse(house, qemu.home, method, vmId);
try {
  const worker = await qemu.guest(
    await qemu.instantiate(await qemu.makeTemplate({ name: "worker", script: WORKER })),
  );
  await untilVm(house, worker, ({ USER_TEMPLATE }) => USER_TEMPLATE.READY === "YES");
  const workerIp = /<IP>(?:<!\[CDATA\[)?([\d.]+)/.exec(await call("one.vm.info", worker.id))?.[1] ?? "";
  const asker = await qemu.guest(
    await qemu.instantiate(
      await qemu.makeTemplate({ name: "asker", script: ASKER, context: { WORKER: workerIp } }),
    ),
  );
  using console_ = await opened(asker.id);
  const untilAsked = async (more: number): Promise<readonly [number, string]> => {
    const read = (told: unknown) => /^(\d+) (.*)$/.exec(String(told));
    const isMore = (told: unknown) => Number(read(told)?.[1] ?? 0) >= more;
    const { USER_TEMPLATE } = await untilVm(house, asker, (vm) => isMore(vm.USER_TEMPLATE.ASKED));
    const [, count, answer = ""] = read(USER_TEMPLATE.ASKED) ?? [];
    return [Number(count), answer];
  };
  const before = await untilAsked(2);
  const tapsBefore = taps();

  const port = new URL(house.onegate).port;
  await stopHouse(house, "SIGKILL");
  const tapsOfNobody = taps();
  house = await startHouse(qemu.home, [], { GATEHOUSE_ONEGATE_PORT: port });
  const after = await untilAsked(before[0] + 2);

  const tapsLeft: (readonly string[])[] = [];
  for (const { id } of [asker, worker]) {
    await callHouse(house, qemu.home, "one.vm.action", "terminate-hard", id);
    while (!(await call("one.vm.info", id)).includes("<STATE>6</STATE>")) await pause(100);
    tapsLeft.push(taps());
  }
  const said = console_.text();
  process.stdout.write(
    `${JSON.stringify({ worker, asker, endpoint: house.onegate, before, after, tapsBefore, tapsOfNobody, tapsLeft, said })}\n`,
  );
} finally {
  await stopHouse(house);
  await qemu.end();
}

async function opened(vmId: number) {
  await qemu.untilVm(vmId, (xml) => xml.includes("<LCM_STATE>3</LCM_STATE>"));
  return qemu.console(vmId);
}
