/** The `gatehouse-agent` command: its words, and what each does. */

import { parseArgs } from "node:util";
import { HYPERVISORS } from "../../probes/catalogue.ts";
import { EXIT_CODE, errorText, GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import { commandClock } from "../guest/clock.ts";
import { printConfiguration } from "./configuration-xml.ts";
import { HELP } from "./help.ts";
import { serve } from "./serve.ts";
import { type AgentSettings, DEFAULT_PERIODS, DEFAULT_PORT, DEFAULT_PROBE_SETTINGS } from "./settings.ts";
import { onEnd, readAll, readLine } from "./standard-input.ts";
import { MAX_LINE_BYTES, parseStartLine } from "./start-line.ts";
import { agentVersion } from "./version.ts";

/** OpenNebula's driver reads standard output, and what it sees as -1. */
const START_FAILED = 255;

const MAX_XML_BYTES = 256 * 1024;

const OPTIONS = {
  config: { type: "string" },
  daemon: { type: "string" },
  code: { type: "string" },
  probes: { type: "string" },
  "state-dir": { type: "string" },
  "run-dir": { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

type Options = ReturnType<typeof parsed>["values"];

/** Runs it to its end; the exit code. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parsed(argv);
    return await dispatch(positionals, values);
  } catch (error) {
    process.stderr.write(`gatehouse-agent: ${errorText(error)}\n`);
    return isGatehouseError(error) ? EXIT_CODE[error.code] : EXIT_CODE.internal;
  }
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new GatehouseError("bad_request", errorText(error));
  }
}

async function dispatch(words: readonly string[], options: Options): Promise<number> {
  const [command, ...rest] = words;
  if (options.version) return print(`gatehouse-agent ${agentVersion()}\n`);
  if (options.help) return print(HELP);
  if (command === "house" && rest.length === 0) return await house();
  if (command === "run" && rest.length === 0) return await run(options);
  if (command === "enroll" && rest.length === 0) return await enroll(options);
  if (command === "stop") return await stop(rest, options);
  if (command === "probe") return await probe(rest, options);
  if (command === "behind") return await monitor(rest, options, "behind");
  if (words.length === 3) return await monitor(words, options, "start");
  process.stderr.write(HELP);
  return EXIT_CODE.bad_request;
}

async function house(): Promise<number> {
  const line = await readLine(process.stdin, MAX_LINE_BYTES);
  const settings = parseStartLine(line, agentVersion());
  await serve({ settings, random: Math.random, onOrphaned: (work) => onEnd(process.stdin, work) });
  return 0;
}

async function run({ config }: Options): Promise<number> {
  const { DEFAULT_CONFIG_FILE, readAgentFile, standingSettings } = await import("./start-file.ts");
  const file = await readAgentFile(config ?? DEFAULT_CONFIG_FILE, config !== undefined);
  await serve({ settings: standingSettings(file, agentVersion()), random: Math.random });
  return 0;
}

async function enroll({ daemon, code, "state-dir": stateDir }: Options): Promise<number> {
  if (daemon === undefined || code === undefined)
    throw new GatehouseError("bad_request", "enroll needs --daemon HOST[:PORT] and --code CODE.");
  const { enrol } = await import("./enrol.ts");
  const { hostId, hostName, hypervisor } = await enrol({
    daemon,
    code,
    stateDir: await stateDirOf(stateDir),
    clock: commandClock,
  });
  return print(`Enrolled as host ${hostId}, ${hostName} (${hypervisor}). Start it: gatehouse-agent run\n`);
}

async function stop(words: readonly string[], options: Options): Promise<number> {
  const { stopAgent } = await import("./stop.ts");
  const { monitorStateDir } = await import("./start-monitor.ts");
  const [hypervisor, hostId] = words;
  const stateDir =
    options["state-dir"] === undefined && hypervisor !== undefined && hostId !== undefined
      ? monitorStateDir(hypervisor, hostId)
      : await stateDirOf(options["state-dir"]);
  const ended = await stopAgent(stateDir, commandClock);
  return print(ended === undefined ? `No agent runs with ${stateDir}.\n` : `Ended process ${ended.pid}.\n`);
}

async function probe([hypervisor, path]: readonly string[], options: Options): Promise<number> {
  if (hypervisor === undefined || (!HYPERVISORS.includes(hypervisor) && options.probes === undefined))
    throw new GatehouseError(
      "bad_request",
      `There are no probes for ${JSON.stringify(hypervisor ?? "")}: ${HYPERVISORS.join(", ")} are known, others need --probes DIR.`,
    );
  const { probeOnce } = await import("./probe-command.ts");
  const succeeded = await probeOnce({
    settings: await looseSettings(hypervisor, options),
    path,
    json: options.json ?? false,
    clock: commandClock,
    random: Math.random,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
  return succeeded ? 0 : EXIT_CODE.internal;
}

/** START_MONITOR answers with its first round and goes on behind; there it is called again, to serve. */
async function monitor(
  words: readonly string[],
  options: Options,
  phase: "start" | "behind",
): Promise<number> {
  const { firstMessages, goOnBehind, monitorSettings } = await import("./start-monitor.ts");
  const [hypervisor = "", hostId = "", hostName = ""] = words;
  const xml = await readAll(process.stdin, MAX_XML_BYTES);
  try {
    const settings = monitorSettings({
      ...{ hypervisor, hostId, hostName, xml, version: agentVersion() },
      probesDir: options.probes,
      stateDir: options["state-dir"],
      sshClient: process.env.SSH_CLIENT,
    });
    if (phase === "behind") {
      await serve({ settings, random: Math.random });
      return 0;
    }
    const { stopAgent } = await import("./stop.ts");
    // Its configuration may be another by now, so the earlier one is replaced, as upstream's is.
    await stopAgent(settings.stateDir, commandClock);
    process.stdout.write(await firstMessages(settings, commandClock, Math.random));
    await goOnBehind(process.argv.slice(2), xml, settings.stateDir);
    return 0;
  } catch (error) {
    // The driver hands standard output on to people.
    (phase === "start" ? process.stdout : process.stderr).write(`${errorText(error)}\n`);
    return START_FAILED;
  }
}

async function stateDirOf(given: string | undefined): Promise<string> {
  return given ?? (await import("./start-file.ts")).DEFAULT_STATE_DIR;
}

/** For probes that are only shown. */
async function looseSettings(hypervisor: string, options: Options): Promise<AgentSettings> {
  const { hostname } = await import("node:os");
  const network = { address: "127.0.0.1", port: DEFAULT_PORT, periods: DEFAULT_PERIODS, hostId: 0 };
  const runDir = options["run-dir"];
  return {
    ...network,
    hostName: hostname(),
    hypervisor,
    link: { kind: "text", publicKey: undefined },
    probes: {
      ...DEFAULT_PROBE_SETTINGS,
      processRunDir: runDir,
      qemuRunDir: runDir,
      version: agentVersion(),
    },
    probesDir: options.probes,
    stateDir: "",
    configurationXml: printConfiguration(network),
  };
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
