/**
 * The `onegate` command. Glossary: a *word* is an argument that is no option; *context*: endpoint, token and id of this
 * VM; an *answer*: what OneGate sends back. Commands, outputs and exit codes are those of OpenNebula's in-VM client
 * (spec onegate-cli.md 2, 3).
 */

import { errorText, GatehouseError } from "../../shared/errors.ts";
import { Access, type World } from "./access.ts";
import { parseAnswer, textAt } from "./answer.ts";
import { type Arguments, boundedNumber, parseArguments } from "./arguments.ts";
import type { GateClient } from "./client.ts";
import { HELP, helpOf } from "./help.ts";
import { type Printer, printJson, printNetwork, printRouter, printService, printVm } from "./show.ts";

/** The shell sees the original's -1 so. */
const FAILED = 255;

const DEFAULT_INTERVAL_S = "10";
const MAX_INTERVAL_S = 86_400;
const MAX_LIFETIME_S = 86_400;
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
  readonly #access: Access;

  constructor(args: Arguments, world: World) {
    this.#args = args;
    this.#access = new Access(args, world);
    this.#world = world;
  }

  async run(): Promise<number> {
    const [resource, action] = this.#args.words;
    if (this.#args.flags.has("help")) {
      this.#world.err(helpOf(this.#args.words));
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
    if (resource === "watch") {
      const { startWatch } = await import("./watch-start.ts");
      return await startWatch(this.#args, this.#world, this.#access);
    }
    if (resource === "identity") return await this.#identity();
    if (resource === "token") return await this.#token();
    if (resource === "doctor") {
      const { startDoctor } = await import("./doctor.ts");
      return await startDoctor(this.#args, this.#world, this.#access);
    }
    return resource === "vrouter" || resource === "vnet" ? this.#unknown(action) : this.#help();
  }

  async #vm(action: string | undefined): Promise<number> {
    const id = this.#args.words[2];
    if (action === "show") return await this.#show((client) => client.showVm(id), printVm);
    if (action === "update") return await this.#update(id);
    if (action === "get") {
      const of = this.#args.texts.get("id");
      return await this.#get(of === undefined ? "/vm" : `/vms/${encodeURIComponent(of)}`);
    }
    if (action === undefined || !VM_ACTIONS.has(action)) return this.#unknown(action);
    if (id === undefined) return this.#missing("You have to provide a VM ID");
    await this.#access.client().actOnVm(id, { perform: action, hard: this.#args.flags.has("hard") });
    return 0;
  }

  async #update(id: string | undefined): Promise<number> {
    const data = this.#args.texts.get("data");
    const erase = this.#args.texts.get("erase");
    if (data !== undefined) await this.#access.client().updateVm(id, { type: 1, data });
    else if (erase !== undefined) await this.#access.client().updateVm(id, { type: 2, data: erase });
    else return this.#missing("You have to provide the data as a param (--data, --erase)");
    return 0;
  }

  async #service(action: string | undefined): Promise<number> {
    if (action === "scale") return await this.#scale();
    if (action === "get") return await this.#get("/service");
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
    await this.#access.client().scaleRole(role, cardinality);
    return 0;
  }

  async #network(): Promise<number> {
    const id = this.#args.words[2];
    if (id === undefined) return this.#missing("You have to provide a VNET ID");
    return await this.#show((client) => client.showNetwork(id, this.#extended), printNetwork);
  }

  async #show(ask: (client: GateClient) => Promise<string>, print: Printer): Promise<number> {
    const answer = parseAnswer(await ask(this.#access.client()));
    const printer = this.#args.flags.has("json") ? printJson : print;
    this.#world.out(printer(answer, { tty: this.#world.tty }));
    return 0;
  }

  async #get(document: string): Promise<number> {
    const path = this.#args.words[2];
    if (path === undefined) return this.#missing("You have to provide a PATH");
    const { getValue } = await import("./get.ts");
    const { tty, out, err } = this.#world;
    return await getValue({ client: this.#access.client(), document, path, tty, out, err });
  }

  async #identity(): Promise<number> {
    const { texts } = this.#args;
    const audience = texts.get("audience");
    if (!audience) return this.#missing("You have to provide an audience (--audience)");
    const lifetime = this.#lifetime();
    const query = { audience, ...(lifetime === undefined ? {} : { lifetime: String(lifetime) }) };
    this.#world.out(`${(await this.#access.client().identity(query)).trim()}\n`);
    return 0;
  }

  async #token(): Promise<number> {
    const scope = this.#args.texts.get("scope");
    const lifetime = this.#lifetime();
    const wishes = {
      ...(lifetime === undefined ? {} : { lifetime_seconds: lifetime }),
      ...(scope === undefined ? {} : { scope }),
    };
    const answer = parseAnswer(await this.#access.client().sessionToken(wishes));
    const token = textAt(answer, "token");
    if (token === undefined) throw new GatehouseError("unavailable", "The server's answer holds no token.");
    this.#world.out(this.#args.flags.has("json") ? printJson(answer, { tty: false }) : `${token}\n`);
    return 0;
  }

  /** How long a token shall live, in whole seconds; OneGate knows the bounds that are its own. */
  #lifetime(): number | undefined {
    const text = this.#args.texts.get("lifetime");
    if (text === undefined) return undefined;
    return Math.ceil(boundedNumber("--lifetime", text, { least: 1, most: MAX_LIFETIME_S }));
  }

  async #ready(): Promise<number> {
    const { reportReady } = await import("./ready.ts");
    const { out, err, clock } = this.#world;
    const context = this.#access.context();
    const stop = this.#world.stopSignal();
    // RETRY_COUNT counts the tries, so none is repeated within.
    const once = () => this.#access.client({ context, retries: 0, stop });
    const patient = () => this.#access.client({ context, stop });
    return await reportReady({
      variables: { ...context.variables, ...this.#checkOptions() },
      clock,
      stop,
      report: async (data) => await once().updateVm(undefined, { type: 1, data }),
      reportFailure: async (data) => await patient().updateVm(undefined, { type: 1, data }),
      erase: async (name) => await once().updateVm(undefined, { type: 2, data: name }),
      out: (line) => out(`${line}\n`),
      err: (line) => err(`${line}\n`),
    });
  }

  /** `--tcp 80` is READY_TCP=80, and so on. */
  #checkOptions(): Record<string, string> {
    const names = ["tcp", "http", "file", "unit"] as const;
    const given = names.map((name) => [`READY_${name.toUpperCase()}`, this.#args.texts.get(name)] as const);
    return Object.fromEntries(given.flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])));
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
    this.#access.client();
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
        await this.#access.client({ context: this.#access.context(), retries: 0, stop }).updateVm(undefined, {
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
