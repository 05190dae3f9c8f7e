/**
 * `oneflow show --watch`: a service as it changes, redrawn on a terminal, and as lines elsewhere. The server holds each
 * answer until there is news (`?wait`); one that cannot is asked every two seconds.
 */

import { isGatehouseError } from "../../../../shared/errors.ts";
import { SERVICE_STATE } from "../../../../shared/states/service.ts";
import { printableCell } from "../../one/format.ts";
import { pause } from "../../top/pause.ts";
import { openScreen, type Screen } from "../../top/screen.ts";
import { type FlowAnswer, type FlowClient, FlowRefusal } from "../client.ts";
import { wantsColours } from "../context.ts";
import { type FlowDocument, parseDocument } from "../document.ts";
import { paintState, serviceState } from "../view/colours.ts";
import { logLine, logLines } from "../view/log.ts";
import { progressLines } from "../view/progress.ts";
import { FlowAlreadyTold, type FlowDesk } from "./desk.ts";

/** As long as the house lets a request wait, less than proxies and clients give up after. */
const WAIT_S = 30;
const POLL_MS = 2_000;
/** What answers sooner that nothing has changed does not wait. */
const HELD_MS = 1_000;
const FAILED = 255;
const NOT_FOUND = 404;

const RESTING: readonly (number | undefined)[] = [
  SERVICE_STATE.RUNNING,
  SERVICE_STATE.WARNING,
  SERVICE_STATE.HOLD,
  SERVICE_STATE.DONE,
];

export interface Sight {
  readonly document: FlowDocument;
  readonly etag: string | undefined;
}

/** Until the service rests, is gone, or somebody ends it. @throws FlowAlreadyTold when it rests because it failed. */
export async function watch(
  desk: FlowDesk,
  client: FlowClient,
  first: Sight,
  follow: boolean,
): Promise<void> {
  const { context } = desk;
  const terminal = context.terminal?.();
  const colours = wantsColours(context);
  const isOver = ({ document }: Sight): boolean => !follow && isAtRest(document);
  let last = first;
  if (terminal === undefined) {
    context.out(linesOf(undefined, first.document));
    const gone = await sights(desk, client, first, undefined, isOver, (sight) => {
      context.out(linesOf(last.document, sight.document));
      last = sight;
    });
    if (gone) return context.out(goneLine(last.document));
  } else {
    const screen = openScreen(terminal);
    const draw = (): void => screen.draw(pageLines(last.document, screen.size().rows, colours));
    let gone = false;
    try {
      screen.onResize(draw);
      draw();
      gone = await sights(desk, client, first, screen, isOver, (sight) => {
        last = sight;
        draw();
      });
    } finally {
      screen.close();
    }
    // The other screen took the page with it.
    context.out(`${pageLines(last.document, Number.POSITIVE_INFINITY, colours).join("\n")}\n`);
    if (gone) return context.out(goneLine(last.document));
  }
  if (isOver(last) && hasFailed(last.document)) throw new FlowAlreadyTold(FAILED);
}

/** Hands each change to `see`; true when the service is gone. */
async function sights(
  { context: { clock }, kind }: FlowDesk,
  client: FlowClient,
  first: Sight,
  screen: Screen | undefined,
  isOver: (sight: Sight) => boolean,
  see: (sight: Sight) => void,
): Promise<boolean> {
  const left = new AbortController();
  screen?.ended.then(() => left.abort());
  let last = first;
  while (!isOver(last) && !left.signal.aborted) {
    const asked = clock.elapsed();
    const answer = await next(client, `${kind.path}/${last.document.id}`, last, left.signal);
    if (answer === "gone") return true;
    if (answer === "left") return false;
    const isNews = answer.status !== 304 && (answer.etag === undefined || answer.etag !== last.etag);
    if (isNews) {
      last = { document: parseDocument(answer.text), etag: answer.etag };
      see(last);
    }
    const isHeld = answer.etag !== undefined && (isNews || clock.elapsed() - asked >= HELD_MS);
    if (!isHeld && !isOver(last)) await rest(clock, screen);
  }
  return false;
}

async function next(
  client: FlowClient,
  path: string,
  { etag }: Sight,
  signal: AbortSignal,
): Promise<FlowAnswer | "gone" | "left"> {
  const headers: Record<string, string> = etag === undefined ? {} : { "if-none-match": etag };
  try {
    return await client.send("GET", `${path}?wait=${WAIT_S}`, { headers, signal });
  } catch (error) {
    if (signal.aborted && isGatehouseError(error)) return "left";
    if (error instanceof FlowRefusal && error.status === NOT_FOUND) return "gone";
    throw error;
  }
}

async function rest(clock: FlowDesk["context"]["clock"], screen: Screen | undefined): Promise<void> {
  const { over, cancel } = pause(clock, POLL_MS);
  await (screen === undefined ? over : Promise.race([screen.ended, over]));
  cancel();
}

export function isAtRest({ body }: FlowDocument): boolean {
  return RESTING.includes(body.state) || serviceState(body.state).startsWith("FAILED");
}

function hasFailed({ body }: FlowDocument): boolean {
  return serviceState(body.state).startsWith("FAILED");
}

function goneLine({ id }: FlowDocument): string {
  return `SERVICE ${id} is gone.\n`;
}

/** As many of the newest entries of the log as there is room for. */
function pageLines(service: FlowDocument, rows: number, colours: boolean): readonly string[] {
  const state = serviceState(service.body.state);
  const head = [
    `SERVICE ${service.id} ${printableCell(service.name)}: ${colours ? paintState(state) : state}`,
    "",
    ...progressLines(service.body.roles, colours),
    "",
  ];
  const room = Math.max(0, rows - head.length);
  const log = logLines(service);
  return [...head, ...log.slice(Math.max(0, log.length - room))].slice(0, rows);
}

/** What is new: entries of the log, the state, and roles that have changed. */
function linesOf(before: FlowDocument | undefined, now: FlowDocument): string {
  const known = new Set(before === undefined ? [] : progressLines(before.body.roles, false));
  const roles = progressLines(now.body.roles, false).filter((line) => !known.has(line));
  const state = serviceState(now.body.state);
  const hasMoved = before === undefined || before.body.state !== now.body.state;
  const head = hasMoved ? [`SERVICE ${now.id} ${printableCell(now.name)}: ${state}`] : [];
  return [...newEntries(before, now), ...head, ...roles].map((line) => `${line}\n`).join("");
}

/** The log holds the last fifty entries, so what is new stands after the last one that is known. */
function newEntries(before: FlowDocument | undefined, now: FlowDocument): readonly string[] {
  const last = before?.body.log.at(-1);
  const at = now.body.log.findLastIndex(
    (entry) => last !== undefined && entry.timestamp === last.timestamp && entry.message === last.message,
  );
  return now.body.log.slice(at + 1).map(logLine);
}
