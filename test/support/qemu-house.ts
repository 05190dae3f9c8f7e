/** A house whose VMs are real: each a QEMU that boots the guest of scripts/guest-image, with this machine's agent beside it. */

import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { stringify } from "yaml";
import { qemuGuestPaths } from "../../shared/guests/qemu-layout.ts";
import { TEST_GUEST_CONTEXT_TARGET, TEST_GUEST_KERNEL_COMMAND } from "../../shared/guests/test-guest.ts";
import { type FlowClient, flowClient } from "./flow-client.ts";
import type { GuestImage } from "./guest-image.ts";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "./house.ts";
import { callHouse } from "./house-rpc.ts";
import type { Guest } from "./seen-vm.ts";
import type { Parameter } from "./xmlrpc.ts";

export interface QemuTemplate {
  readonly name: string;
  /** What the guest runs before it reports READY. */
  readonly script?: string;
  /** More variables of the context. */
  readonly context?: Readonly<Record<string, string>>;
  readonly kernelCommand?: string;
  /** More of the template, as text. */
  readonly more?: string;
}

/** A guest's console, kept open so that it can be read to its end after the guest is gone. */
export interface Console extends Disposable {
  text(): string;
}

export interface QemuHouse {
  readonly house: HouseProcess;
  readonly home: string;
  readonly flow: FlowClient;
  call(method: string, ...parameters: readonly Parameter[]): Promise<string>;
  /** Its id. */
  makeTemplate(template: QemuTemplate): Promise<number>;
  instantiate(templateId: number): Promise<number>;
  /** What it takes to ask OneGate as this VM. */
  guest(vmId: number): Promise<Guest>;
  console(vmId: number): Console;
  /** The guest's folder. */
  directory(vmId: number): string;
  /** Once the VM is as wanted, as XML. */
  untilVm(vmId: number, isWanted: (xml: string) => boolean): Promise<string>;
  end(): Promise<void>;
}

const PAUSE_MS = 100;
const NETWORK = `NAME="lan" VN_MAD="dummy" BRIDGE="lan0" NETWORK_ADDRESS="10.88.0.0" NETWORK_MASK="255.255.255.0"
  GATEWAY="10.88.0.1" AR=[TYPE="IP4", IP="10.88.0.10", SIZE="100"]`;

/**
 * @param settings of gatehouse.yaml, by section, besides those of the driver.
 * @param driverSettings of `cloud.qemu`.
 */
export async function startQemuHouse(
  image: GuestImage,
  settings: object = {},
  driverSettings: object = {},
): Promise<QemuHouse> {
  const scratch = scratchDirectory("qemu");
  // Guests of a house started by root are nobody's, and must get to their files.
  chmodSync(scratch.path, 0o711);
  const home = path.join(scratch.path, "home");
  const runDir = path.join(scratch.path, "guests");
  mkdirSync(home, { mode: 0o700 });
  const usual = { image_dirs: [image.directory], run_dir: runDir, grace_ms: 6_000, accelerator: "tcg" };
  const driver = { ...usual, ...driverSettings };
  const monitor = { agents: "local", periods: { monitor_vm_s: 1, state_vm_s: 1 } };
  const oneflow = { autoscaler_interval_s: 1 };
  writeFileSync(
    path.join(home, "gatehouse.yaml"),
    stringify({ cloud: { driver: "qemu", qemu: driver }, monitor, oneflow, ...settings }),
  );
  const house = await startHouse(home, [], { GATEHOUSE_MONITOR_AGENTS: "local" });
  const call: QemuHouse["call"] = (method, ...parameters) => callHouse(house, home, method, ...parameters);
  await call("one.vn.allocate", NETWORK, -1);
  return {
    house,
    home,
    flow: flowClient(house.oneflow, readFileSync(path.join(home, "one_auth"), "utf8").trim()),
    call,
    makeTemplate: async (template) =>
      Number(await call("one.template.allocate", templateText(image, template))),
    instantiate: async (id) => Number(await call("one.template.instantiate", id, "", false, "", false)),
    guest: async (id) => ({ id, token: (await gatehouse(["token", String(id), "--home", home])).trim() }),
    console: (vmId) => openConsole(qemuGuestPaths(runDir, vmId).log),
    directory: (vmId) => qemuGuestPaths(runDir, vmId).dir,
    async untilVm(vmId, isWanted) {
      for (;;) {
        const xml = await call("one.vm.info", vmId);
        if (isWanted(xml)) return xml;
        await pause(PAUSE_MS);
      }
    },
    async end() {
      await stopHouse(house);
      scratch.remove();
    },
  };
}

function templateText(image: GuestImage, template: QemuTemplate): string {
  const { name, script, context = {}, kernelCommand = TEST_GUEST_KERNEL_COMMAND, more = "" } = template;
  const variables = {
    ...{ TOKEN: "YES", NETWORK: "YES", REPORT_READY: "YES", METRICS_INTERVAL: "2" },
    TARGET: TEST_GUEST_CONTEXT_TARGET,
    ...(script === undefined ? {} : { START_SCRIPT_BASE64: Buffer.from(script).toString("base64") }),
    ...context,
  };
  const vector = (values: Readonly<Record<string, string>>) =>
    `[ ${Object.entries(values)
      .map(([key, value]) => `${key}="${value}"`)
      .join(", ")} ]`;
  return `NAME="${name}" CPU="0.1" VCPU="1" MEMORY="96" NIC=[NETWORK="lan"]
OS=${vector({ KERNEL: image.kernel, INITRD: image.initrd, KERNEL_CMD: kernelCommand })}
CONTEXT=${vector(variables)}
${more}`;
}

function openConsole(log: string): Console {
  const file = openSync(log, "r");
  return {
    text: () => readFileSync(`/proc/self/fd/${file}`, "utf8"),
    [Symbol.dispose]: () => closeSync(file),
  };
}
