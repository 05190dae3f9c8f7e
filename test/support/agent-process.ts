/** A host agent as a process of its own, started as the house starts it. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { AGENT_NODE_FLAGS } from "../../agent/host/node-flags.ts";
import { printStartLine, type StartLine } from "../../agent/host/start-line.ts";
import { type KeyPair, printKey } from "../../shared/monitor/keys.ts";

export const AGENT_MAIN = fileURLToPath(new URL("../../agent/host/main.ts", import.meta.url));

export interface AgentProcess {
  readonly child: ChildProcess;
  /** What it has written to standard error so far. */
  log(): string;
  /** Sends the signal, and waits for the end; its exit code, or null for one that was killed. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Closes standard input, as the end of who started it does; its exit code. */
  orphan(): Promise<number | null>;
}

/** What the agent is told of its daemon. */
interface Daemon {
  readonly port: number;
  readonly agent: Pick<KeyPair, "secretKey">;
  readonly daemon: Pick<KeyPair, "publicKey">;
}

/** `secretKey`, `daemonKey`, address and port are the daemon's; hosts are 3, of the process driver, unless said. */
export function startAgent(
  daemon: Daemon,
  stateDir: string,
  line: Partial<StartLine> = {},
  program = AGENT_MAIN,
): AgentProcess {
  const child = spawn(process.execPath, [...AGENT_NODE_FLAGS, program, "house"], {
    stdio: ["pipe", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  child.stdin.on("error", () => undefined);
  child.stdin.write(
    printStartLine({
      hostId: 3,
      hostName: "host3",
      hypervisor: "process",
      secretKey: printKey(daemon.agent.secretKey),
      daemonKey: printKey(daemon.daemon.publicKey),
      address: "127.0.0.1",
      port: daemon.port,
      stateDir,
      ...line,
    }),
  );
  const ended = once(child, "exit").then(() => child.exitCode);
  return {
    child,
    log: () => log,
    end(signal) {
      child.kill(signal);
      return ended;
    },
    orphan() {
      child.stdin.end();
      return ended;
    },
  };
}
