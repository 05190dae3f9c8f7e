/**
 * Starts agents as OpenNebula's monitord does: through the site's own drivers (IM_MAD of monitord.conf), programs that
 * take START_MONITOR and STOP_MONITOR as lines on standard input and answer on standard output (spec monitoring.md 3).
 */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { isAbsolute, join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { logLevel, type TextMessage } from "../../shared/monitor/message.ts";
import { splitLines } from "../../shared/monitor/splitter.ts";
import { decodeTextMessage } from "../../shared/monitor/text.ts";
import { killGroup } from "../../shared/process-group.ts";
import type { Host } from "../cloud/model.ts";
import {
  type DriverAction,
  type DriverConfiguration,
  printDriverAction,
  readFirstMessages,
} from "./driver-lines.ts";
import { HostLogs } from "./host-logs.ts";
import type { AgentStarter } from "./starter.ts";
import { RESTART_MS } from "./watch.ts";

/** As upstream's core waits for INIT SUCCESS. */
const INIT_MS = 10_000;
/** From FINALIZE to SIGKILL. */
const GRACE_MS = 5_000;

const MAX_TEXT = 1_024;

export interface DriverAgentsOptions {
  /** `NAME EXECUTABLE ARGUMENTS`, each an IM_MAD. */
  readonly drivers: readonly string[];
  /** Where executables are that are named without a path. */
  readonly directory: string;
  readonly configuration: () => DriverConfiguration;
  /** What an agent told in its first round. */
  readonly take: (message: TextMessage) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class DriverAgents implements AgentStarter {
  readonly name = "im_mad";
  readonly #drivers: ReadonlyMap<string, Driver>;

  constructor(options: DriverAgentsOptions) {
    this.#drivers = new Map(
      options.drivers.map((text) => {
        const [name = "", executable = "", ...args] = text.split(/ +/);
        const path = isAbsolute(executable) ? executable : join(options.directory, executable);
        return [name, new Driver(name, [path, ...args], options)];
      }),
    );
  }

  /** Whether a driver is named after the host's IM_MAD. */
  knows({ imMad }: Host): boolean {
    return this.#drivers.has(imMad);
  }

  async start(host: Host): Promise<void> {
    await this.#drivers.get(host.imMad)?.act("START_MONITOR", host);
  }

  async stop(host: Host): Promise<void> {
    // A driver that cannot stop an agent has said so in the log, and the agent is heard no more.
    await this.#drivers
      .get(host.imMad)
      ?.act("STOP_MONITOR", host)
      .catch(() => undefined);
  }

  /** The agents go on, as upstream's do: the next house starts them anew. */
  async close(): Promise<void> {
    await Promise.all([...this.#drivers.values()].map((driver) => driver.close()));
  }
}

interface Pending {
  readonly action: DriverAction;
  readonly settle: (failure?: Error) => void;
}

interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ready: Promise<void>;
  /** By host: a driver answers each host's actions in their order. */
  readonly pending: Map<number, Pending[]>;
  /** When it answered anything last, by Clock.elapsed. */
  answeredAt: number;
}

/** One driver's program: started when it is needed, and again when it has ended. */
class Driver {
  readonly #name: string;
  readonly #command: readonly [string, ...string[]];
  readonly #options: DriverAgentsOptions;
  readonly #logs: HostLogs;
  #running: Running | undefined;

  constructor(name: string, command: readonly [string, ...string[]], options: DriverAgentsOptions) {
    this.#name = name;
    this.#command = command;
    this.#options = options;
    this.#logs = new HostLogs(options.log, options.clock);
  }

  /** @throws Error with what the driver said, or that it said nothing. */
  async act(action: DriverAction, host: Host): Promise<void> {
    this.#running ??= this.#launch();
    const running = this.#running;
    await running.ready;
    const { clock, configuration } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const queue = running.pending.get(host.id) ?? [];
      const pending: Pending = {
        action,
        settle: (failure) => {
          cancel();
          queue.splice(queue.indexOf(pending), 1);
          if (queue.length === 0) running.pending.delete(host.id);
          if (failure === undefined) resolve();
          else reject(failure);
        },
      };
      const late = new Error(`the driver ${this.#name} did not answer within ${RESTART_MS / 1_000} s`);
      const begunAt = clock.elapsed();
      // A driver works at some hosts at a time: while it answers for others, this one's turn is to come.
      const waitFor = (ms: number): (() => void) =>
        clock.after(ms, () => {
          const quietMs = clock.elapsed() - Math.max(begunAt, running.answeredAt);
          if (quietMs >= RESTART_MS) pending.settle(late);
          else cancel = waitFor(RESTART_MS - quietMs);
        });
      let cancel = waitFor(RESTART_MS);
      queue.push(pending);
      running.pending.set(host.id, queue);
      running.child.stdin.write(printDriverAction(action, host, configuration()));
    });
  }

  async close(): Promise<void> {
    const child = this.#running?.child;
    this.#running = undefined;
    if (
      child === undefined ||
      child.pid === undefined ||
      child.exitCode !== null ||
      child.signalCode !== null
    )
      return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(GRACE_MS, () => killGroup(child.pid));
      child.once("close", () => {
        cancel();
        resolve();
      });
      child.stdin.end("FINALIZE\n");
    });
  }

  #launch(): Running {
    const [command, ...args] = this.#command;
    const { clock, environment } = this.#options;
    const child = spawn(command, args, { stdio: "pipe", detached: true, env: siteEnvironment(environment) });
    const initialised = Promise.withResolvers<void>();
    const running: Running = { child, ready: initialised.promise, pending: new Map(), answeredAt: 0 };
    // Whoever acts is told; nobody may be acting.
    running.ready.catch(() => undefined);
    const fail = (reason: string): void => {
      const failure = new Error(`the driver ${this.#name} ${reason}`);
      initialised.reject(failure);
      if (this.#running === running) this.#running = undefined;
      for (const queue of [...running.pending.values()])
        for (const pending of [...queue]) pending.settle(failure);
      killGroup(child.pid);
    };
    const cancel = clock.after(INIT_MS, () => fail(`did not answer INIT within ${INIT_MS / 1_000} s`));
    running.ready.then(cancel, cancel);
    const splitter = splitLines();
    child.stdout.on("data", (piece: Buffer) => {
      try {
        for (const line of splitter.push(piece)) this.#hear(running, line, initialised.resolve, fail);
      } catch (error) {
        fail(`printed what is no message: ${errorText(error)}`);
      }
    });
    child.stderr.resume();
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined);
    child.once("error", (error) => fail(`cannot be started: ${errorText(error)}`));
    child.once("exit", (code, signal) => fail(`ended with ${signal ?? `exit code ${code}`}`));
    child.stdin.write("INIT\n");
    return running;
  }

  #hear(running: Running, line: Buffer, ready: () => void, fail: (reason: string) => void): void {
    const words = line.toString("latin1", 0, 64).split(/\s+/);
    if (words[0] === "INIT") {
      if (words[1] === "SUCCESS") ready();
      else fail("did not initialise");
      return;
    }
    const { message } = decodeTextMessage(line);
    const { type, status, oid } = message;
    if (type === "LOG") this.#logs.write(oid, logLevel(status), message.payload);
    else if (type === "START_MONITOR" || type === "STOP_MONITOR") this.#answered(running, message);
  }

  #answered(running: Running, { type, status, oid, payload }: TextMessage): void {
    running.answeredAt = this.#options.clock.elapsed();
    const pending = running.pending.get(oid)?.find(({ action }) => action === type);
    if (pending === undefined) return;
    if (status !== "SUCCESS") {
      pending.settle(new Error(payload.trim().slice(0, MAX_TEXT) || `the driver ${this.#name} failed`));
      return;
    }
    try {
      if (type === "START_MONITOR" && payload.trim() !== "")
        for (const first of readFirstMessages(payload, oid)) this.#options.take(first);
      pending.settle();
    } catch (error) {
      pending.settle(new Error(`Error parsing monitor information: ${errorText(error)}`));
    }
  }
}

/** Drivers find their site through the environment (ONE_LOCATION, PATH, SSH_AUTH_SOCK); our own settings are not theirs. */
function siteEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value === undefined || name.startsWith("GATEHOUSE_") ? [] : [[name, value] as const],
    ),
  );
}
