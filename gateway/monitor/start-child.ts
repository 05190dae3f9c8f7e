/**
 * Starts agents as children of the house, each with a key pair made for that start: on this machine, or through an ssh
 * that start-ssh.ts brings.
 */

import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { LOG_LEVELS, type Logger } from "../../shared/log.ts";
import { generateKeyPair, printKey } from "../../shared/monitor/keys.ts";
import type { LogLevel } from "../../shared/monitor/readings.ts";
import type { Host } from "../cloud/model.ts";
import type { AgentLine } from "./agent-line.ts";
import { AgentProcess, type Launch } from "./agent-process.ts";
import type { Agents } from "./agents.ts";
import { HostLogs } from "./host-logs.ts";
import type { AgentStarter, StarterName } from "./starter.ts";

/** All of the agent's environment; nothing else of ours is its business. */
const PASSED_VARIABLES = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/** What ssh finds its keys by. */
const SSH_VARIABLES = ["USER", "SSH_AUTH_SOCK"];

/** What an agent is told beside its keys. */
export type AgentFacts = Omit<AgentLine, "hostId" | "hostName" | "secretKey" | "daemonKey">;

export interface ChildAgentsOptions {
  readonly name: StarterName;
  /** What to run for a host, and its arguments; it reads its configuration from standard input. */
  readonly commandFor: (host: Host) => Promise<readonly [string, ...string[]]>;
  readonly factsFor: (host: Host) => AgentFacts;
  readonly agents: Pick<Agents, "enrol" | "daemonKey">;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 up to 1. */
  readonly random: () => number;
}

export class ChildAgents implements AgentStarter {
  readonly name: StarterName;
  readonly #options: ChildAgentsOptions;
  readonly #logs: HostLogs;
  readonly #processes = new Map<number, AgentProcess>();

  constructor(options: ChildAgentsOptions) {
    this.name = options.name;
    this.#options = options;
    this.#logs = new HostLogs(options.log, options.clock);
  }

  async start(host: Host): Promise<void> {
    const process = this.#processes.get(host.id) ?? this.#processOf(host);
    this.#processes.set(host.id, process);
    await process.start();
  }

  async stop({ id }: Host): Promise<void> {
    const process = this.#processes.get(id);
    this.#processes.delete(id);
    await this.#stop(id, process);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#processes].map(([id, process]) => this.#stop(id, process)));
    this.#processes.clear();
  }

  #processOf(host: Host): AgentProcess {
    const { clock, log, random } = this.#options;
    return new AgentProcess({
      hostId: host.id,
      prepare: () => this.#prepare(host),
      say: (level, text) => void this.#logs.write(host.id, ...readAgentLog(level, text)),
      clock,
      log,
      random,
    });
  }

  async #prepare(host: Host): Promise<Launch> {
    const { commandFor, factsFor, agents, environment } = this.#options;
    const [command, ...args] = await commandFor(host);
    const keys = generateKeyPair(randomBytes);
    await agents.enrol(keys.publicKey, host.id);
    const line: AgentLine = {
      ...factsFor(host),
      hostId: host.id,
      hostName: host.name,
      secretKey: printKey(keys.secretKey),
      daemonKey: printKey(agents.daemonKey),
    };
    const names = this.name === "ssh" ? [...PASSED_VARIABLES, ...SSH_VARIABLES] : PASSED_VARIABLES;
    const passed = names.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    return { command, args, env: Object.fromEntries(passed), line: JSON.stringify(line) };
  }

  async #stop(hostId: number, process: AgentProcess | undefined): Promise<void> {
    try {
      await process?.stop();
    } catch (error) {
      this.#options.log.warn(
        { host: hostId, reason: errorText(error) },
        "The agent of a host could not be ended",
      );
    }
  }
}

const agentLog = z.looseObject({ level: z.enum(LOG_LEVELS), msg: z.string() });

const LEVEL = { error: "error", warn: "warning", info: "info", debug: "debug" } as const satisfies Record<
  (typeof LOG_LEVELS)[number],
  LogLevel
>;

/** Our agent writes its log as JSON; whatever else is printed stays as it is. */
export function readAgentLog(level: LogLevel, text: string): readonly [LogLevel, string] {
  const parsed = agentLog.safeParse(jsonOf(text));
  if (!parsed.success) return [level, text];
  const { level: said, msg, time: _, ...details } = parsed.data;
  const more = Object.keys(details).length === 0 ? "" : ` ${JSON.stringify(details)}`;
  return [LEVEL[said], `${msg}${more}`];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
