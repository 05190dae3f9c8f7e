/** OneGate over a fake cloud, and requests as a guest sends them. */

import { createServiceDirectory } from "../../gateway/oneflow/directory.ts";
import { createOneGate, type OneGateDependencies } from "../../gateway/onegate/app.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { stringOf } from "../../shared/template/types.ts";
import { classicToken } from "../../shared/tokens/classic.ts";
import type { FakeCloud } from "./fake-cloud.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
}

export interface Gate {
  /** Sends a request as it is. */
  ask(path: string, ask?: Ask): Promise<Answer>;
  /** Sends it with the token and id of a VM. */
  askAs(vmId: number, path: string, ask?: Ask): Promise<Answer>;
}

export type GateParts = Partial<Omit<OneGateDependencies, "settings" | "cloud">> & {
  /** As in a configuration. */
  readonly settings?: object;
};

export function openGate(fake: FakeCloud, { settings = {}, ...parts }: GateParts = {}): Gate {
  const cloud = fake.cloud();
  const app = createOneGate({
    cloud,
    services: createServiceDirectory(cloud),
    clock: systemClock,
    log: silentLogger,
    settings: oneGateSettingsSchema.parse(settings),
    ...parts,
  });
  const ask: Gate["ask"] = async (path, { method = "GET", headers = {}, body } = {}) => {
    const init = { method, headers: { accept: "*/*", ...headers }, ...(body === undefined ? {} : { body }) };
    const response = await app.request(new Request(`http://127.0.0.1:5030${path}`, init));
    return { status: response.status, body: await response.text(), headers: response.headers };
  };
  const askAs: Gate["askAs"] = (vmId, path, options = {}) =>
    ask(path, { ...options, headers: { ...guestHeaders(fake, vmId), ...options.headers } });
  return { ask, askAs };
}

/** The headers that a VM's contextualisation would have it send. */
export function guestHeaders(fake: FakeCloud, vmId: number): Record<string, string> {
  return { "X-ONEGATE-TOKEN": tokenOf(fake, vmId), "X-ONEGATE-VMID": String(vmId) };
}

export function tokenOf(fake: FakeCloud, vmId: number): string {
  const vm = fake.vm(vmId);
  const creator = fake.users.get(Number(stringOf(vm.template, "CREATED_BY")));
  const tokenPassword = stringOf(creator?.template ?? {}, "TOKEN_PASSWORD") ?? "";
  return classicToken({ vmId, stime: vm.stime, tokenPassword });
}
