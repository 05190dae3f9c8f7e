/**
 * The `onegate` command. Glossary: a *word* is an argument that is no option; *context*: endpoint, token and id of this
 * VM; an *answer*: what OneGate sends back. Commands, outputs and exit codes are those of OpenNebula's in-VM client
 * (spec onegate-cli.md 2, 3).
 */

import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { parseAnswer } from "./answer.ts";
import { type Arguments, type Bounds, boundedNumber, parseArguments } from "./arguments.ts";
import { type GateClient, gateClient, MAX_RETRIES } from "./client.ts";
import { type Context, readContext } from "./context.ts";
import { HELP } from "./help.ts";
import type { Variables } from "./shell-assignments.ts";
import { type Printer, printJson, printNetwork, printRouter, printService, printVm } from "./show.ts";
import { httpTransport } from "./transport.ts";

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

/** The shell sees the original's -1 so. */
const FAILED = 255;

const DEFAULT_RETRIES = "3";
const DEFAULT_TIMEOUT_S = "30";
const MAX_TIMEOUT_S = 3600;
const DEFAULT_INTERVAL_S = "10";
const MAX_INTERVAL_S = 86_400;
const MAX_EXECUTABLE_MS = 5000;

const VM_ACTIONS: ReadonlySet<string> = new Set([
  ...["resume", "stop", "suspend", "terminate", "reboot", "poweroff"],
  ...["resched", "unresched", "hold", "release", "delete", "shutdown"],
]);

/** Runs the command to its end; the exit code. */
export async function runCommand(argv: readonly string[], world: World): Promise<number> {
  try {
    const args = parseArguments(argv);
    return await new Command(args, world).run();
  } catch (error) {
    world.err(`ERROR: \n${errorText(error)}\n`);
    return FAILED;
  }
}

class Command {
  readonly #args: Arguments;
  readonly #world: World;

  constructor(args: Arguments, world: World) {
    this.#args = args;
    this.#world = world;
  }

  async run(): Promise<number> {
    const [resource, action] = this.#args.words;
    if (this.#args.flags.has("help")) {
      this.#world.err(HELP);
      return 0;
    }
    if (resource === "vm") return await this.#vm(action);
    if (resource === "service") return await this.#service(action);
    if (resource === "vrouter" && action === "show") {
      return await this.#show((client) => client.showRouter(this.#extended), printRouter);
    }
    if (resource === "vnet" && action === "show") return await this.#network();
    if (resource === "ready") return await this.#ready();
    if (resource === "agent") return await this.#agent();
    return resource === "vrouter" || resource === "vnet" ? this.#unknown(action) : this.#help();
  }

  async #vm(action: string | undefined): Promise<number> {
    const id = this.#args.words[2];
    if (action === "show") return await this.#show((client) => client.showVm(id), printVm);
    if (action === "update") return await this.#update(id);
    if (action === undefined || !VM_ACTIONS.has(action)) return this.#unknown(action);
    if (id === undefined) return this.#missing("You have to provide a VM ID");
    await this.#client().actOnVm(id, { perform: action, hard: this.#args.flags.has("hard") });
    return 0;
  }

  async #update(id: string | undefined): Promise<number> {
    const data = this.#args.texts.get("data");
    const erase = this.#args.texts.get("erase");
    if (data !== undefined) await this.#client().updateVm(id, { type: 1, data });
    else if (erase !== undefined) await this.#client().updateVm(id, { type: 2, data: erase });
    else return this.#missing("You have to provide the data as a param (--data, --erase)");
    return 0;
  }

  async #service(action: string | undefined): Promise<number> {
    if (action === "scale") return await this.#scale();
    if (action !== "show") return this.#unknown(action);
    // Only the extended form tells states and addresses, which the text shows (seed 003, 5.3.2).
    const extended = this.#extended || !this.#args.flags.has("json");
    return await this.#show((client) => client.showService(extended), printService);
  }

  async #scale(): Promise<number> {
    const role = this.#args.texts.get("role");
    const cardinality = this.#args.texts.get("cardinality");
    if (!role) return this.#missing("You have to provide a role (--role)");
    if (!/^\d+$/.test(cardinality ?? "") || cardinality === undefined) {
      return this.#missing("You have to provide a number of virtual machines (--cardinality)");
    }
    await this.#client().scaleRole(role, cardinality);
    return 0;
  }

  async #network(): Promise<number> {
    const id = this.#args.words[2];
    if (id === undefined) return this.#missing("You have to provide a VNET ID");
    return await this.#show((client) => client.showNetwork(id, this.#extended), printNetwork);
  }

  async #show(ask: (client: GateClient) => Promise<string>, print: Printer): Promise<number> {
    const answer = parseAnswer(await ask(this.#client()));
    const printer = this.#args.flags.has("json") ? printJson : print;
    this.#world.out(printer(answer, { tty: this.#world.tty }));
    return 0;
  }

  async #ready(): Promise<number> {
    const { reportReady } = await import("./ready.ts");
    const { out, err, clock } = this.#world;
    const context = this.#context();
    const stop = this.#world.stopSignal();
    return await reportReady({
      variables: context.variables,
      clock,
      stop,
      // RETRY_COUNT counts the tries, so none is repeated within.
      report: async () =>
        await this.#client({ context, retries: 0, stop }).updateVm(undefined, { type: 1, data: "READY=YES" }),
      out: (line) => out(`${line}\n`),
      err: (line) => err(`${line}\n`),
    });
  }

  async #agent(): Promise<number> {
    const [{ pushAll, runAgent }, { guestMeasure }, { executablesSource }] = await Promise.all([
      import("./agent.ts"),
      import("./measure.ts"),
      import("./executables.ts"),
    ]);
    const { clock, random, variables, err, procRoot = "/proc" } = this.#world;
    const seconds = this.#args.texts.get("interval") ?? DEFAULT_INTERVAL_S;
    const intervalMs = boundedNumber("--interval", seconds, { least: 1, most: MAX_INTERVAL_S }) * 1000;
    // Says at once what is missing; later each round reads the context anew, since a token may be renewed.
    this.#client();
    const stop = this.#world.stopSignal();
    const log = (line: string): void => err(`onegate agent: ${line}\n`);
    const directory = this.#args.texts.get("directory");
    const timeoutMs = Math.min(intervalMs, MAX_EXECUTABLE_MS);
    const parts = {
      ...{ intervalMs, clock, random, log, stop },
      measure: guestMeasure({ procRoot, clock }),
      collect:
        directory === undefined
          ? async () => []
          : executablesSource({ directory, timeoutMs, env: variables, clock, log }),
      // The next round is the next try.
      push: async (data: string) =>
        await this.#client({ context: this.#context(), retries: 0, stop }).updateVm(undefined, {
          type: 1,
          data,
        }),
    };
    if (this.#args.flags.has("once")) await pushAll(parts);
    else await runAgent(parts);
    return 0;
  }

  get #extended(): boolean {
    return this.#args.flags.has("extended");
  }

  #context(): Context {
    return readContext(this.#world.variables, this.#world.oneEnv);
  }

  /** @throws GatehouseError `bad_request` when the context lacks something. */
  #client(given: { context?: Context; retries?: number; stop?: AbortSignal } = {}): GateClient {
    const { clock, random } = this.#world;
    const { context = this.#context(), stop } = given;
    const { variables } = context;
    const setting = (option: "retries" | "timeout", otherwise: string, bounds: Bounds) => {
      const text = this.#args.texts.get(option) ?? variables[`ONEGATE_${option.toUpperCase()}`] ?? otherwise;
      return boundedNumber(`--${option} (ONEGATE_${option.toUpperCase()})`, text, bounds);
    };
    const retries = setting("retries", DEFAULT_RETRIES, { least: 0, most: MAX_RETRIES });
    const timeout = setting("timeout", DEFAULT_TIMEOUT_S, { least: 0.1, most: MAX_TIMEOUT_S });
    const transport = httpTransport({
      identity: context.identity(),
      insecure: this.#args.flags.has("insecure") || variables.ONEGATE_INSECURE?.toUpperCase() === "YES",
      timeoutMs: timeout * 1000,
      variables,
      clock,
    });
    return gateClient({ transport, retries: given.retries ?? Math.floor(retries), clock, random, stop });
  }

  #help(): number {
    this.#world.err(HELP);
    return FAILED;
  }

  #unknown(action: string | undefined): number {
    this.#world.err(`${HELP}\nAction ${action ?? ""} not supported\n`);
    return FAILED;
  }

  #missing(sentence: string): number {
    this.#world.err(`${sentence}\n`);
    return FAILED;
  }
}
