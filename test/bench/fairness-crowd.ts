/**
 * The hostile half of the fairness benchmark, in a process of its own: one VM that sends far more often than it may, and
 * connections that hang half-open or send a byte now and then. Reads a Crowd as JSON from standard input, prints a line
 * once all hangs, and at the end of its input what became of its requests, as JSON.
 */

import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { setPriority } from "node:os";
import { createInterface } from "node:readline";

export interface Crowd {
  readonly url: string;
  /** Of the VM that sends too often, and of the one whose bodies do not end. */
  readonly headers: Readonly<Record<string, string>>;
  readonly slowHeaders: Readonly<Record<string, string>>;
  readonly perSecond: number;
  readonly hanging: number;
}

export interface CrowdResult {
  /** Answers by status, and requests that got none. */
  readonly answers: Readonly<Record<string, number>>;
  /** Connections that were opened because an earlier one was cut. */
  readonly reopened: number;
  /** Answered requests. */
  readonly perSecond: number;
}

const FLOOD_CONNECTIONS = 16;
const TICK_MS = 10;
/** Each dribbling connection sends a byte so often. */
const DRIBBLE_MS = 1_000;
const REOPEN_MS = 1_000;
/** In the world outside, attackers bring their own processors; here they get what the house and its guests leave. */
const NICENESS = 10;

setPriority(NICENESS);
const input = createInterface({ input: process.stdin });
const first: string = await new Promise((resolve) => input.once("line", resolve));
const crowd: Crowd = JSON.parse(first);
const { hostname, port } = new URL(crowd.url);

const answers: Record<string, number> = {};
let reopened = 0;
const sockets: (Socket | undefined)[] = [];

/** Half of them never say a word of their own accord, the rest dribble a head or a body. */
function hang(index: number): Promise<void> {
  const socket = connect(Number(port), hostname);
  sockets[index] = socket;
  socket.on("error", () => undefined).on("data", () => undefined);
  socket.once("close", () => {
    reopened += 1;
    setTimeout(() => void hang(index), REOPEN_MS);
  });
  const lines = Object.entries(crowd.slowHeaders).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `PUT /vm HTTP/1.1\r\nHost: a\r\n${lines.join("")}`;
  if (index % 4 === 0) socket.write(`${head}X-Slow: `);
  if (index % 4 === 1) socket.write(`${head}Content-Length: 100000\r\n\r\nA = `);
  return new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
}

function dribble(turn: number): void {
  const turns = DRIBBLE_MS / TICK_MS;
  for (let index = turn % turns; index < sockets.length; index += turns) {
    if (index % 4 < 2) sockets[index]?.write("x");
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: FLOOD_CONNECTIONS });

function ask(): void {
  const outgoing = request(`${crowd.url}/vm`, { agent, headers: crowd.headers }, (answer) => {
    answer.resume();
    const status = String(answer.statusCode);
    answers[status] = (answers[status] ?? 0) + 1;
  });
  outgoing.on("error", () => {
    answers.none = (answers.none ?? 0) + 1;
  });
  outgoing.end();
}

await Promise.all(Array.from({ length: crowd.hanging }, (_, index) => hang(index)));
const started = performance.now();
let asked = 0;
let turn = 0;
setInterval(() => {
  const due = ((performance.now() - started) * crowd.perSecond) / 1_000;
  for (; asked < due; asked += 1) ask();
  dribble(turn);
  turn += 1;
}, TICK_MS);
process.stdout.write("ready\n");

input.once("close", () => {
  const answered = Object.values(answers).reduce((sum, count) => sum + count, 0);
  const perSecond = answered / ((performance.now() - started) / 1_000);
  const result: CrowdResult = { answers, reopened, perSecond };
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
});
