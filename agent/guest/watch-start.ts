/** The words and options of `onegate watch`, and the parts that it is made of. */

import type { Access, World } from "./access.ts";
import { parseAnswer, visible } from "./answer.ts";
import { type Arguments, boundedNumber } from "./arguments.ts";
import { pathSegments } from "./document-path.ts";
import { printService, printVm } from "./show.ts";
import { type WatchParts, watchChanges } from "./watch.ts";
import { type ChangeCommand, changeCommand } from "./watch-command.ts";
import { WatchSource } from "./watch-source.ts";

const DEFAULT_WAIT_S = "30";
const MAX_WAIT_S = 60;

/** What is watched: `watch`, `watch vm PATH`, `watch service`, or `watch PATH` for a path of this VM. */
interface Subject {
  readonly resource: "vm" | "service";
  readonly document: string;
  readonly segments: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

/** The exit code, 0 when the process was asked to end, or with --once after the first state. @throws GatehouseError, RefusedError */
export async function startWatch(args: Arguments, world: World, access: Access): Promise<number> {
  const subject = subjectOf(args);
  const waitText = args.texts.get("wait") ?? DEFAULT_WAIT_S;
  const waitS = Math.ceil(boundedNumber("--wait", waitText, { least: 1, most: MAX_WAIT_S }));
  const context = access.context();
  const asked = world.stopSignal();
  const stopper = new AbortController();
  asked.addEventListener("abort", () => stopper.abort());
  const stop = stopper.signal;
  const log = (line: string): void => world.err(`onegate watch: ${line}\n`);
  // The answer may be held for so long before it is late.
  const timeoutMs = access.timeoutMs(context.variables) + waitS * 1000;
  const transport = access.transport({ context, timeoutMs });
  const source = new WatchSource({ transport, ...subject, waitS, stop });
  const { clock, random } = world;
  const command = commandOf(args, { env: context.variables, log, clock });
  const tell = (text: string): void => {
    if (command === undefined) world.out(text);
    else command.run(text);
    if (args.flags.has("once")) stopper.abort();
  };
  const render = renderer(subject, { json: args.flags.has("json"), tty: world.tty && command === undefined });
  try {
    await watchChanges({ next: () => source.next(), render, tell, log, clock, random, stop });
  } finally {
    await command?.end(asked);
  }
  return 0;
}

function subjectOf({ words, flags, texts }: Arguments): Subject {
  const [, first, second] = words;
  const isNamed = first === "vm" || first === "service";
  const path = isNamed ? second : first;
  const resource = first === "service" ? "service" : "vm";
  const id = texts.get("id");
  const ownOrPeer = id === undefined ? "/vm" : `/vms/${encodeURIComponent(id)}`;
  // As `service show`: only the extended form tells the states and addresses that its text shows.
  const isExtended = flags.has("extended") || (path === undefined && !flags.has("json"));
  return {
    resource,
    document: resource === "service" ? "/service" : ownOrPeer,
    segments: path === undefined ? [] : pathSegments(path),
    query: resource === "service" && isExtended ? { extended: "true" } : {},
  };
}

function commandOf(
  { texts }: Arguments,
  options: Pick<Parameters<typeof changeCommand>[0], "env" | "log" | "clock">,
): ChangeCommand | undefined {
  const command = texts.get("exec");
  return command === undefined ? undefined : changeCommand({ command, ...options });
}

function renderer(
  { resource, segments }: Subject,
  { json, tty }: { json: boolean; tty: boolean },
): WatchParts["render"] {
  return ({ text, isText }) => {
    if (json) return `${JSON.stringify(isText ? text : parseAnswer(text))}\n`;
    if (segments.length === 0) {
      const print = resource === "service" ? printService : printVm;
      return print(parseAnswer(text), { tty });
    }
    return `${tty ? text.split("\n").map(visible).join("\n") : text}\n`;
  };
}
