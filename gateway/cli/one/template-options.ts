/** A template from options: what `create`, `instantiate` and `nic-attach` take instead of a file. */

import type { Command } from "commander";
import { GatehouseError } from "../../../shared/errors.ts";
import { printTemplate } from "../../../shared/template/print.ts";
import type { Template, Vector } from "../../../shared/template/types.ts";

export interface TemplateOptions {
  readonly name?: string;
  readonly cpu?: string;
  readonly vcpu?: string;
  readonly memory?: string;
  readonly nic?: string;
  readonly context?: string;
  readonly raw?: string;
}

/** `--name` is left to the command: instantiating, it is no part of the template. */
export function withTemplateOptions(command: Command): Command {
  return command
    .option("--cpu <cpus>", "CPUs, such as 0.5")
    .option("--vcpu <count>", "virtual CPUs")
    .option("--memory <amount>", "memory in MB, or with a unit: 512M, 2G")
    .option("--nic <networks>", "networks by id or name, with attributes: private:ip=10.0.0.9,public")
    .option("--context <lines>", "lines for the context: KEY=value,OTHER=value")
    .option("--raw <text>", "template text to add as it is");
}

/** Template text of the options; empty when there are none. @throws GatehouseError `bad_request`. */
export function templateOf(options: TemplateOptions): string {
  const { name, cpu, vcpu, memory, nic, context, raw } = options;
  const nics = nic === undefined ? [] : nic.split(",").map(nicOf);
  const [first, ...more] = nics;
  const template: Template = {
    ...(name === undefined ? {} : { NAME: name }),
    ...(cpu === undefined ? {} : { CPU: numberText("--cpu", cpu) }),
    ...(vcpu === undefined ? {} : { VCPU: numberText("--vcpu", vcpu) }),
    ...(memory === undefined ? {} : { MEMORY: megabytes(memory) }),
    ...(first === undefined ? {} : { NIC: more.length === 0 ? first : nics }),
    ...(context === undefined ? {} : { CONTEXT: contextOf(context) }),
  };
  return `${printTemplate(template)}${raw === undefined ? "" : `${raw}\n`}`;
}

/** `private`, `0`, `private:ip=10.0.0.9`. */
export function nicOf(text: string): Vector {
  const [network = "", ...attributes] = text.split(/:(?=\w+=)/);
  if (network === "")
    throw new GatehouseError(
      "bad_request",
      `--nic "${text}" names no network; it looks like private,public.`,
    );
  const key = /^\d+$/.test(network) ? "NETWORK_ID" : "NETWORK";
  return { [key]: network, ...Object.fromEntries(attributes.map((line) => pairOf("--nic", line))) };
}

function contextOf(text: string): Vector {
  return Object.fromEntries(text.split(",").map((line) => pairOf("--context", line)));
}

function pairOf(option: string, line: string): readonly [string, string] {
  const [, name, value] = /^\s*(\w+)=(.*)$/s.exec(line) ?? [];
  if (name !== undefined && value !== undefined) return [name.toUpperCase(), value];
  throw new GatehouseError("bad_request", `${option}: "${line}" is no KEY=value.`);
}

function numberText(option: string, text: string): string {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) > 0) return text;
  throw new GatehouseError("bad_request", `${option} is "${text}"; it is a number above 0.`);
}

function megabytes(text: string): string {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([mMgG]?)[bB]?$/.exec(text) ?? [];
  const factor = unit?.toUpperCase() === "G" ? 1024 : 1;
  const value = Math.floor(Number(amount) * factor);
  if (amount !== undefined && value > 0) return String(value);
  throw new GatehouseError(
    "bad_request",
    `--memory is "${text}"; it is a number of MB, or such as 512M or 2G.`,
  );
}

/** `640` as OpenNebula's nine rights, the owner's first. @throws GatehouseError `bad_request`. */
export function rightsOf(octet: string): readonly number[] {
  if (!/^[0-7]{3}$/.test(octet))
    throw new GatehouseError("bad_request", `"${octet}" are no permissions; they look like 640.`);
  return [...octet].flatMap((digit) => [4, 2, 1].map((right) => (Number(digit) & right ? 1 : 0)));
}
