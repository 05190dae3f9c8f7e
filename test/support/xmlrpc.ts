/** The XML-RPC server over a cloud, calls as clients write them, and its answers as values. */

import type { Cloud } from "../../gateway/cloud/cloud.ts";
import { createRpc } from "../../gateway/rpc/app.ts";
import type { Clock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import type { XmlNode } from "../../shared/xml/tree.ts";

/** A parameter: numbers are i4. */
export type Parameter = string | number | boolean | readonly number[];

/** An answer's array as [type, text] pairs, or a fault. */
export type RpcAnswer =
  | { readonly values: readonly (readonly [type: string, text: string])[] }
  | { readonly fault: { readonly code: number; readonly text: string } };

export interface RpcServer {
  /** Sends a body as it is; gives status, headers and text. */
  post(body: string | Uint8Array, headers?: Readonly<Record<string, string>>): Promise<Response>;
  call(method: string, ...parameters: readonly Parameter[]): Promise<RpcAnswer>;
  /** The value of a call that must succeed. */
  value(method: string, ...parameters: readonly Parameter[]): Promise<string>;
  /** Code and message of a call that must fail. */
  refusal(method: string, ...parameters: readonly Parameter[]): Promise<readonly [number, string]>;
}

export function openRpc(cloud: Cloud, clock: Clock): RpcServer {
  const endpoint = () => "http://127.0.0.1:2633/RPC2";
  const app = createRpc({ cloud, clock, log: silentLogger, endpoint });
  const post: RpcServer["post"] = async (body, headers = { "Content-Type": "text/xml; charset=utf-8" }) =>
    await app.request(new Request(endpoint(), { method: "POST", headers, body }));
  const call: RpcServer["call"] = async (method, ...parameters) =>
    readAnswer(await (await post(callText(method, parameters))).text());
  return {
    post,
    call,
    async value(method, ...parameters) {
      const answer = await call(method, ...parameters);
      if ("values" in answer && answer.values[0]?.[1] === "1") return answer.values[1]?.[1] ?? "";
      throw new Error(`${method} failed: ${JSON.stringify(answer)}`);
    },
    async refusal(method, ...parameters) {
      const answer = await call(method, ...parameters);
      if (!("values" in answer) || answer.values[0]?.[1] !== "0")
        throw new Error(`${method} was not refused: ${JSON.stringify(answer)}`);
      return [Number(answer.values[2]?.[1]), answer.values[1]?.[1] ?? ""];
    },
  };
}

/** A call as the Ruby client of OpenNebula writes it. */
export function callText(method: string, parameters: readonly Parameter[]): string {
  const params = parameters.map((value) => `<param>${valueText(value)}</param>`).join("");
  return `<?xml version="1.0" ?><methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>\n`;
}

function valueText(value: Parameter): string {
  if (typeof value === "number") return `<value><i4>${value}</i4></value>`;
  if (typeof value === "boolean") return `<value><boolean>${value ? 1 : 0}</boolean></value>`;
  if (typeof value === "string") return `<value><string>${escaped(value)}</string></value>`;
  return `<value><array><data>${value.map(valueText).join("")}</data></array></value>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

export function readAnswer(xml: string): RpcAnswer {
  const { name, node } = xmlToTree(xml);
  if (name !== "methodResponse") throw new Error(`no methodResponse: ${xml.slice(0, 200)}`);
  const fault = at(node, "fault", "value", "struct", "member");
  if (Array.isArray(fault)) {
    const [code, text] = fault.map((member: XmlNode) => at(member, "value"));
    return { fault: { code: Number(at(code, "i4")), text: textOf(at(text, "string")) } };
  }
  const values = at(node, "params", "param", "value", "array", "data", "value");
  if (!Array.isArray(values)) throw new Error(`no values: ${xml.slice(0, 200)}`);
  return {
    values: values.map((value: XmlNode) => {
      const [[type, content] = ["none", ""]] = Object.entries(value);
      return [type, textOf(content)] as const;
    }),
  };
}

/** What stands at a path of element names; undefined when nothing does. */
export function at(node: XmlNode | undefined, ...path: readonly string[]): XmlNode | undefined {
  return path.reduce<XmlNode | undefined>(
    (inner, name) =>
      inner === undefined || typeof inner === "string" || Array.isArray(inner)
        ? undefined
        : Object.getOwnPropertyDescriptor(inner, name)?.value,
    node,
  );
}

function textOf(node: unknown): string {
  return typeof node === "string" ? node : "";
}
