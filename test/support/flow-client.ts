/** A client of OneFlow's API over real sockets, that learns of changes by waiting for them. */

import { z } from "zod";
import { serviceStateName } from "../../shared/states/service.ts";

export interface ShownService {
  readonly id: number;
  readonly state: number;
  readonly roles: readonly {
    readonly name: string;
    readonly state: number;
    readonly nodes: readonly number[];
  }[];
}

export interface FlowClient {
  /** Any request; its answer's text. @throws Error for any status but a 2xx. */
  send(method: string, path: string, body?: object): Promise<string>;
  /** The new service template's id. */
  createTemplate(template: object): Promise<number>;
  /** The new service's id. */
  instantiate(templateId: number): Promise<number>;
  /** Once the service is as wanted. @throws Error when it goes or fails meanwhile. */
  until(id: number, isWanted: (service: ShownService) => boolean): Promise<ShownService>;
  /** Once there is no such service any more. */
  untilGone(id: number): Promise<void>;
}

const WAIT_S = 60;

const created = z.object({ DOCUMENT: z.looseObject({ ID: z.string() }) });
const shown = z.object({
  DOCUMENT: z.looseObject({
    ID: z.string(),
    TEMPLATE: z.object({
      BODY: z.looseObject({
        state: z.int(),
        roles: z.array(
          z.looseObject({
            name: z.string(),
            state: z.int(),
            nodes: z.array(z.looseObject({ deploy_id: z.int() })).default([]),
          }),
        ),
      }),
    }),
  }),
});

/** @param user name and password, as in ONE_AUTH. */
export function flowClient(url: string, user: string): FlowClient {
  const authorization = `Basic ${Buffer.from(user).toString("base64")}`;
  const ask = (method: string, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(url + path, { method, ...init, headers: { authorization, ...init.headers } });
  const send: FlowClient["send"] = async (method, path, body) => {
    const response = await ask(method, path, body === undefined ? {} : { body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text;
  };

  /** Every state it is seen in, until it is gone. */
  async function* states(id: number): AsyncIterable<ShownService> {
    let path = `/service/${id}`;
    let headers: Record<string, string> = {};
    for (;;) {
      const response = await ask("GET", path, { headers });
      const text = await response.text();
      if (response.status === 404) return;
      if (response.ok) yield serviceIn(text);
      else if (response.status !== 304) throw new Error(`GET ${path}: ${response.status} ${text}`);
      path = `/service/${id}?wait=${WAIT_S}`;
      headers = { "if-none-match": response.headers.get("etag") ?? "" };
    }
  }

  return {
    send,
    createTemplate: async (template) => idIn(await send("POST", "/service_template", template)),
    async instantiate(templateId) {
      const action = { action: { perform: "instantiate" } };
      return idIn(await send("POST", `/service_template/${templateId}/action`, action));
    },
    async until(id, isWanted) {
      for await (const service of states(id)) {
        if (isWanted(service)) return service;
        const state = serviceStateName(service.state);
        if (state.startsWith("FAILED")) throw new Error(`service ${id} is ${state}`);
      }
      throw new Error(`service ${id} is gone`);
    },
    async untilGone(id) {
      for await (const _ of states(id));
    },
  };
}

function idIn(text: string): number {
  return Number(created.parse(JSON.parse(text)).DOCUMENT.ID);
}

function serviceIn(text: string): ShownService {
  const { ID, TEMPLATE } = shown.parse(JSON.parse(text)).DOCUMENT;
  const { state, roles } = TEMPLATE.BODY;
  return {
    id: Number(ID),
    state,
    roles: roles.map(({ name, state: roleState, nodes }) => {
      return { name, state: roleState, nodes: nodes.map(({ deploy_id }) => deploy_id) };
    }),
  };
}
