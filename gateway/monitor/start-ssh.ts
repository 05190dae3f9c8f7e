/**
 * Our own agent on other hosts, through ssh: its one file is brought to the host when it is not there yet, its checksum
 * compared, and then it runs at the other end of an ssh that the house holds. It ends when that connection does.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { killGroup } from "../../shared/process-group.ts";
import type { Host } from "../cloud/model.ts";

/** In the home of whoever ssh logs in as: nobody else may write there. */
const DIRECTORY = ".gatehouse-agent";

/** No questions; a host that is gone is noticed. */
const SSH_OPTIONS = [
  "-T",
  ...["-o", "BatchMode=yes"],
  ...["-o", "ConnectTimeout=10"],
  ...["-o", "ServerAliveInterval=15"],
  ...["-o", "ServerAliveCountMax=4"],
];

/** Of a check or a copy. */
const STEP_MS = 90_000;
/** What ssh says to tell why. */
const MAX_SAID = 1_024;
/** Hosts that are brought the file at one time, as upstream's driver has 15 threads. */
const MAX_AT_ONCE = 15;

/** No name may be taken for an option or for something of a shell. */
const HOST_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:@%-]{0,254}$/;

export interface SshAgentsOptions {
  /** The agent's one file on this machine. */
  readonly bundle: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

export class SshAgents {
  readonly #options: SshAgentsOptions;
  #active = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(options: SshAgentsOptions) {
    this.#options = options;
  }

  /**
   * Brings the agent to a host; the command that runs it there.
   * @throws GatehouseError `bad_request` for a name ssh must not be given, `unavailable` with what ssh said.
   */
  async commandFor({ name }: Host): Promise<readonly [string, ...string[]]> {
    if (!HOST_NAME.test(name))
      throw new GatehouseError(
        "bad_request",
        "The host's name is none that ssh can be given: letters, digits and . : _ - are.",
      );
    const bytes = await readFile(this.#options.bundle);
    const checksum = createHash("sha256").update(bytes).digest("hex");
    const file = `${DIRECTORY}/agent-${checksum.slice(0, 16)}.cjs`;
    await this.#oneOfFew(() => this.#bring(name, file, bytes, checksum));
    const run = `exec node --max-semi-space-size=1 ${file} house`;
    return ["ssh", ...SSH_OPTIONS, "--", name, run];
  }

  /** Where the agent keeps what it must, seen from where ssh arrives. */
  stateDirOf({ id }: Host): string {
    return `${DIRECTORY}/state-${id}`;
  }

  async #bring(name: string, file: string, bytes: Buffer, checksum: string): Promise<void> {
    const check = `test -f ${file} && sha256sum < ${file} || echo none`;
    if ((await this.#ssh(name, check)).startsWith(checksum)) return;
    const copy = [
      "umask 077",
      `mkdir -p ${DIRECTORY}`,
      `cat > ${file}.$$`,
      `mv -f ${file}.$$ ${file}`,
      `sha256sum < ${file}`,
    ].join(" && ");
    if ((await this.#ssh(name, copy, bytes)).startsWith(checksum)) return;
    throw new GatehouseError("unavailable", `The agent arrived damaged at ${name}: its checksum is another.`);
  }

  /** What the command printed. */
  async #ssh(name: string, command: string, input: Buffer = Buffer.alloc(0)): Promise<string> {
    const env = { ...this.#options.environment };
    const child = spawn("ssh", [...SSH_OPTIONS, "--", name, command], { stdio: "pipe", detached: true, env });
    const said = { out: "", err: "" };
    const keep = (which: "out" | "err") => (piece: string) => {
      said[which] = (said[which] + piece).slice(0, MAX_SAID);
    };
    child.stdout.setEncoding("utf8").on("data", keep("out"));
    child.stderr.setEncoding("utf8").on("data", keep("err"));
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    const code = await this.#ended(child, name);
    if (code === 0) return said.out;
    const why = said.err.trim().split("\n").at(-1) ?? "";
    throw new GatehouseError("unavailable", `ssh ${name} failed: ${why === "" ? `exit code ${code}` : why}`);
  }

  #ended(child: ChildProcess, name: string): Promise<number | null> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.after(STEP_MS, () => {
        killGroup(child.pid);
        reject(new GatehouseError("unavailable", `ssh ${name} did not end within ${STEP_MS / 1_000} s.`));
      });
      child.once("error", (cause) => {
        cancel();
        reject(new GatehouseError("unavailable", "ssh cannot be run on this machine.", { cause }));
      });
      child.once("close", (code) => {
        cancel();
        resolve(code);
      });
    });
  }

  async #oneOfFew(work: () => Promise<void>): Promise<void> {
    if (this.#active >= MAX_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#active += 1;
    try {
      await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#active -= 1;
      else next();
    }
  }
}
