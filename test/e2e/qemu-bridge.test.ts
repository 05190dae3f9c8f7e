/** Guests on a bridge of the machine: real taps, in network and mount namespaces of the test's own. */

import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { BOOT_TIMEOUT_MS, guestImage } from "../support/guest-image.ts";

const STORY = fileURLToPath(new URL("../support/bridge-story.ts", import.meta.url));
const ADDRESS = "10.88.0.1";

/**
 * Everything in it ends with its first process. A private /dev/net/tun, since root's containers have one that only root opens; /sys
 * shows the interfaces of whoever mounts it; what houses of this machine know of each other stays theirs.
 */
const NAMESPACES = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
const PREPARE = `set -e
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /dev/net
mknod -m 0666 /dev/net/tun c 10 200
chmod 0755 /dev/net
if [ -d /var/lib/gatehouse ]; then mount -t tmpfs -o mode=0711 tmpfs /var/lib/gatehouse; fi
ip link set lo up
ip link add lan0 type bridge
ip address add ${ADDRESS}/24 dev lan0
ip link set lan0 up
ip tuntap add dev try0 mode tap user 12345
ip link delete try0
`;

/** Why this machine does not let it; undefined when it does. */
function missing(): string | undefined {
  if (process.getuid?.() !== 0) return "this is not root";
  const { status, stderr, error } = spawnSync("unshare", [...NAMESPACES, "sh", "-c", PREPARE], {
    encoding: "utf8",
  });
  if (error !== undefined) return error.message;
  return status === 0 ? undefined : stderr.trim().split("\n").at(-1);
}

const image = await guestImage();
const reason = missing();
if (reason !== undefined) console.warn(`Guests on bridges are not tried: ${reason}.`);

const vm = z.object({ id: z.number() });
const told = z.object({
  ...{ worker: vm, asker: vm, endpoint: z.string(), said: z.string() },
  ...{ before: z.tuple([z.number(), z.string()]), after: z.tuple([z.number(), z.string()]) },
  ...{ tapsBefore: z.array(z.string()), tapsOfNobody: z.array(z.string()) },
  tapsLeft: z.array(z.array(z.string())),
});

/** What the story saw. @throws Error with what it complained of. */
async function tell(): Promise<z.infer<typeof told>> {
  const words = [...NAMESPACES, "sh", "-c", `${PREPARE}"$0" "$@"; exit $?`];
  const child = spawn("unshare", [...words, process.execPath, STORY, ADDRESS], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "--disable-warning=ExperimentalWarning" },
  });
  const [output, errors]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (bytes: Buffer) => output.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => errors.push(bytes));
  const late = AbortSignal.timeout(3 * BOOT_TIMEOUT_MS - 5_000);
  // Whoever unshares is the parent of the namespaces' first process, which goes with it.
  late.addEventListener("abort", () => child.kill("SIGKILL"));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`The story ended with ${code}: ${Buffer.concat(errors)}`);
  return told.parse(JSON.parse(Buffer.concat(output).toString()));
}

describe.skipIf(image === undefined || reason !== undefined)("guests on a bridge", () => {
  it("reach OneGate and each other through it, also after kill -9 of the house, and leave no tap behind", {
    timeout: 3 * BOOT_TIMEOUT_MS,
  }, async () => {
    const { worker, asker, ...seen } = await tell();
    const both = [`one-${worker.id}-0`, `one-${asker.id}-0`];
    expect(seen.said).toContain(`endpoint: ${seen.endpoint}`);
    expect(seen.endpoint).toContain(`//${ADDRESS}:`);
    expect(seen.said).toContain("pings: 3");
    expect(seen.before[1]).toBe(`worker ${worker.id}`);
    expect(seen.after[1]).toBe(`worker ${worker.id}`);
    expect(new Set(seen.tapsBefore)).toEqual(new Set(both));
    expect(seen.tapsOfNobody).toEqual(seen.tapsBefore);
    expect(seen.tapsLeft).toEqual([[`one-${worker.id}-0`], []]);
  });
});
