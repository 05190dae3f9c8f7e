/** OneFlow's API over an embedded cloud, and requests as a user sends them. */

import type { Cloud } from "../../gateway/cloud/cloud.ts";
import { createOneFlowApp, type OneFlowAppOptions } from "../../gateway/oneflow/app.ts";
import type { OneFlow } from "../../gateway/oneflow/engine/oneflow.ts";
import { type OneFlowSettings, oneFlowSettingsSchema } from "../../gateway/oneflow/settings.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";

export interface FlowAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

export interface FlowAsk {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as its JSON. */
  readonly body?: string | object | undefined;
  readonly signal?: AbortSignal;
}

export interface FlowDesk {
  /** Sends a request as it is. */
  ask(path: string, ask?: FlowAsk): Promise<FlowAnswer>;
  /** Sends it as a user, by name and password. */
  askAs(user: string, path: string, ask?: FlowAsk): Promise<FlowAnswer>;
}

export type FlowParts = Partial<Omit<OneFlowAppOptions, "cloud" | "flow" | "settings">> & {
  readonly settings?: Partial<OneFlowSettings>;
};

export function openFlowDesk(cloud: Cloud, flow: OneFlow, { settings, ...parts }: FlowParts = {}): FlowDesk {
  const app = createOneFlowApp({
    cloud,
    flow,
    settings: oneFlowSettingsSchema.parse(settings ?? {}),
    clock: systemClock,
    log: silentLogger,
    ...parts,
  });
  const ask: FlowDesk["ask"] = async (path, { method = "GET", headers = {}, body, signal } = {}) => {
    const text = typeof body === "object" ? JSON.stringify(body) : body;
    const init = {
      method,
      headers: { accept: "*/*", ...headers },
      ...(text === undefined ? {} : { body: text }),
      ...(signal === undefined ? {} : { signal }),
    };
    const response = await app.request(new Request(`http://127.0.0.1:2474${path}`, init));
    return { status: response.status, body: await response.text(), headers: response.headers };
  };
  return {
    ask,
    askAs: (user, path, options = {}) =>
      ask(path, { ...options, headers: { authorization: basic(user), ...options.headers } }),
  };
}

/** `alice` is `alice:alicepw`; what has a colon is taken as it is. */
export function basic(user: string): string {
  const session = user.includes(":") ? user : `${user}:${user}pw`;
  return `Basic ${Buffer.from(session).toString("base64")}`;
}
