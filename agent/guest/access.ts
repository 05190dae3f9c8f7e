/** How a command reaches OneGate: this machine's context, and what options and variables say of tries, time and TLS. */

import type { Clock } from "../../shared/clock.ts";
import { type Arguments, type Bounds, boundedNumber } from "./arguments.ts";
import { type GateClient, gateClient, MAX_RETRIES } from "./client.ts";
import { type Context, readContext } from "./context.ts";
import type { Variables } from "./shell-assignments.ts";
import { httpTransport, type Stranger, type Transport } from "./transport.ts";

/** What the command touches of the world. */
export interface World {
  readonly variables: Variables;
  readonly tty: boolean;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Aborted when the process is asked to end; asked for only by commands that last. */
  readonly stopSignal: () => AbortSignal;
  /** Another place of one_env, for tests. */
  readonly oneEnv?: string;
  readonly procRoot?: string;
}

const DEFAULT_RETRIES = "3";
const DEFAULT_TIMEOUT_S = "30";
const MAX_TIMEOUT_S = 3600;

export class Access {
  readonly #args: Arguments;
  readonly #world: World;

  constructor(args: Arguments, world: World) {
    this.#args = args;
    this.#world = world;
  }

  /** Read anew at each call, since a token may be renewed. */
  context(): Context {
    return readContext(this.#world.variables, this.#world.oneEnv);
  }

  /** @throws GatehouseError `bad_request` when the context lacks something, or a number is none. */
  client(given: { context?: Context; retries?: number; stop?: AbortSignal } = {}): GateClient {
    const { clock, random } = this.#world;
    const { context = this.context(), stop } = given;
    const most = { least: 0, most: MAX_RETRIES };
    const retries = this.#setting("retries", context.variables, DEFAULT_RETRIES, most);
    const transport = this.transport({ context });
    return gateClient({ transport, retries: given.retries ?? Math.floor(retries), clock, random, stop });
  }

  /**
   * The connection, without tries; with `stranger` it shows no token.
   * @throws GatehouseError `bad_request`
   */
  transport(given: { context: Context; timeoutMs?: number; stranger?: Stranger }): Transport {
    const { context, timeoutMs, stranger } = given;
    const { variables } = context;
    return httpTransport({
      identity: stranger ?? context.identity(),
      insecure: this.insecure(variables),
      timeoutMs: timeoutMs ?? this.timeoutMs(variables),
      variables,
      clock: this.#world.clock,
    });
  }

  insecure(variables: Variables): boolean {
    return this.#args.flags.has("insecure") || variables.ONEGATE_INSECURE?.toUpperCase() === "YES";
  }

  /** How long one try may take, in ms. `otherwise`: in seconds, when nothing says it. */
  timeoutMs(variables: Variables, otherwise = DEFAULT_TIMEOUT_S): number {
    return this.#setting("timeout", variables, otherwise, { least: 0.1, most: MAX_TIMEOUT_S }) * 1000;
  }

  #setting(option: "retries" | "timeout", variables: Variables, otherwise: string, bounds: Bounds): number {
    const variable = `ONEGATE_${option.toUpperCase()}`;
    const text = this.#args.texts.get(option) ?? variables[variable] ?? otherwise;
    return boundedNumber(`--${option} (${variable})`, text, bounds);
  }
}
