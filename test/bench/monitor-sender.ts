/** A process that sends monitor messages by datagram, made beforehand: all it can, or as it is given credit. */

import { createSocket } from "node:dgram";
import { agentChannel, keyPairOf, parseKey } from "../../shared/monitor/keys.ts";
import { printMessage } from "../../shared/monitor/print.ts";
import { Sealer } from "../../shared/monitor/sealed.ts";
import { encodeTextMessage } from "../../shared/monitor/text.ts";
import { monitorVm } from "../support/monitor-messages.ts";
import { seededRandom } from "../support/random.ts";

export interface SenderAgent {
  readonly hostId: number;
  readonly secretKey: string;
  readonly daemonKey: string;
  readonly firstVm: number;
}

export type SenderRequest =
  /** Makes `count` datagrams of `vms` VMs each; agents take turns. Answered by `made`. */
  | {
      readonly kind: "make";
      readonly codec: "sealed" | "text";
      readonly agents: readonly SenderAgent[];
      readonly boot: number;
      readonly vms: number;
      readonly count: number;
    }
  /** Sends what was made over and over until `stop`. */
  | { readonly kind: "blast"; readonly port: number }
  /** Sends so much more of what was made with each credit: once, or `again` and again. */
  | { readonly kind: "credit"; readonly port: number; readonly datagrams: number; readonly again: boolean }
  | { readonly kind: "stop" };

/** Sent between two looks at what has come in. */
const BURST = 64;

const socket = createSocket({ type: "udp4", sendBufferSize: 4 * 1024 * 1024 });
let datagrams: readonly Buffer[] = [];
let next = 0;
let credit = 0;
let port = 0;
let mode: "idle" | "blast" | "credit" = "idle";
let again = false;
let running = false;

process.on("message", (request: SenderRequest) => {
  if (request.kind === "make") {
    datagrams = make(request);
    next = 0;
    process.send?.({ kind: "made", bytes: datagrams[0]?.length ?? 0 });
  } else if (request.kind === "stop") {
    mode = "idle";
    credit = 0;
  } else {
    port = request.port;
    mode = request.kind;
    again = request.kind === "blast" || request.again;
    if (request.kind === "credit") credit += request.datagrams;
    if (!running) send();
  }
});
process.on("disconnect", () => process.exit(0));

function send(): void {
  running = true;
  for (let sent = 0; sent < BURST; sent += 1) {
    const bytes = datagrams[again ? next % datagrams.length : next];
    if (mode === "idle" || bytes === undefined || (mode === "credit" && credit <= 0)) {
      running = false;
      return;
    }
    next += 1;
    credit -= 1;
    socket.send(bytes, port, "127.0.0.1", () => undefined);
  }
  setImmediate(send);
}

function make({
  codec,
  agents,
  boot,
  vms,
  count,
}: Extract<SenderRequest, { kind: "make" }>): readonly Buffer[] {
  const random = seededRandom(boot);
  const now = Date.now();
  const prepared = agents.map(({ hostId, secretKey, daemonKey, firstVm }) => {
    const channel = agentChannel(keyPairOf(parseKey(secretKey)), parseKey(daemonKey));
    const messages = Array.from({ length: 8 }, () => {
      const message = monitorVm(random, vms, hostId, Math.floor(now / 1_000));
      if (message.reading.kind !== "vms") return message;
      const own = message.reading.vms.map((vm) => ({ ...vm, id: firstVm + vm.id }));
      return { ...message, reading: { ...message.reading, vms: own } };
    });
    return { sealer: new Sealer(channel, boot), messages, texts: messages.map((one) => printMessage(one)) };
  });
  return Array.from({ length: count }, (_, index) => {
    const agent = prepared[index % prepared.length];
    const which = Math.floor(index / prepared.length) % 8;
    const message = agent?.messages[which];
    const text = agent?.texts[which];
    if (agent === undefined || message === undefined || text === undefined) throw new Error("no agent");
    return codec === "text"
      ? encodeTextMessage(text)
      : agent.sealer.messages({ sentMs: now, messages: [message] });
  });
}
