/** What a method is: the types of its parameters, and the work; arguments are typed before the work sees them. */

import { z } from "zod";
import type { Clock } from "../../shared/clock.ts";
import type { Actor } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import { CORE_CODE, CoreRefusal } from "./codes.ts";
import { FAULT_CODE, RpcFault, type RpcValue } from "./protocol.ts";
import type { Result } from "./response.ts";

/** What a method may use. */
export interface Call {
  readonly cloud: Cloud;
  readonly clock: Clock;
  /** Who asks, as the session proved. */
  readonly actor: Actor;
  /** Where this server is reached. */
  readonly endpoint: string;
}

export interface Method {
  /** @throws RpcFault for wrong parameters (those after the session), GatehouseError for refusals. */
  invoke(call: Call, given: readonly RpcValue[]): Promise<Result>;
}

/** By full name: `one.vm.info`. */
export type Methods = Readonly<Record<string, Method>>;

/** The sentences are the recorded ones. */
export const integer = z.number({ error: "Parameter that is supposed to be integer is not" });
export const flag = z.boolean({ error: "Parameter that is supposed to be boolean is not" });
export const text = z.string({ error: "Parameter that is supposed to be a string is not" });
export const integers = z.array(integer, { error: "Parameter that is supposed to be an array is not" });

/** A method with these parameters after the session. Those beyond are passed over, as OpenNebula does. */
export function method<S extends z.ZodTuple>(
  parameters: S,
  run: (call: Call, parameters: z.output<S>) => Promise<Result>,
): Method {
  const { items } = parameters.def;
  const firstOptional = items.findIndex((item) => z.safeParse(item, undefined).success);
  const required = firstOptional < 0 ? items.length : firstOptional;
  return {
    async invoke(call, given) {
      if (given.length < required) throw notEnough();
      // Padded, so that defaults come to stand where a parameter is missing.
      const read = parameters.safeParse(items.map((_, index) => given[index]));
      if (read.success) return await run(call, read.data);
      throw new RpcFault(FAULT_CODE.type, read.error.issues[0]?.message ?? "Parameters are of wrong types");
    },
  };
}

export function notEnough(): RpcFault {
  return new RpcFault(FAULT_CODE.type, "Not enough parameters");
}

/** A method of OpenNebula's that this cloud does not offer, for whatever parameters; `reason` is a sentence. */
export function unsupported(reason: string): Method {
  return {
    invoke: async () => {
      throw new CoreRefusal(CORE_CODE.ACTION, reason);
    },
  };
}
