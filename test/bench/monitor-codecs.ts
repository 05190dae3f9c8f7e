/**
 * What the monitor codecs cost, in µs of CPU an operation, the median of five rounds: `node test/bench/monitor-codecs.ts`.
 * Run it by hand; no test asserts on it. One JSON line a figure.
 */

import { printMessage } from "../../shared/monitor/print.ts";
import { readMessage } from "../../shared/monitor/read.ts";
import { receiveMessages } from "../../shared/monitor/receive.ts";
import { ReplayWindow } from "../../shared/monitor/replay-window.ts";
import { openMessages, Sealer } from "../../shared/monitor/sealed.ts";
import { decodeTextMessage, encodeTextMessage } from "../../shared/monitor/text.ts";
import { monitorPair, monitorVm } from "../support/monitor-messages.ts";
import { monitorRecordings, recordedKeys } from "../support/monitor-recordings.ts";
import { seededRandom } from "../support/random.ts";

const VMS = 20;
const ROUNDS = 5;
const SENT_MS = 1_795_169_756_000;

const random = seededRandom(1);
const { agentEnd, daemonEnd } = monitorPair();
const { privateKey, publicKey } = recordedKeys();
const message = monitorVm(random, VMS);
const contents = { sentMs: SENT_MS, messages: [message] };

sealedFigures();
textFigures();

function sealedFigures(): void {
  const sealer = new Sealer(agentEnd, 1);
  const frame = sealer.messages(contents);
  const frames = Array.from({ length: 2000 }, () => sealer.messages(contents));
  const rules = { nowMs: SENT_MS, maxSkewMs: 1000 };
  figure("sealed: seal 20 VMs", 2000, () => sealer.messages(contents), frame.length);
  figure("sealed: open and decode 20 VMs", 2000, () => openMessages(daemonEnd, frame), frame.length);
  let window = new ReplayWindow();
  let next = 0;
  const receiveNext = () => {
    if (next % frames.length === 0) window = new ReplayWindow();
    const one = frames[next % frames.length] ?? frame;
    next += 1;
    receiveMessages({ channel: daemonEnd, window }, one, rules);
  };
  figure("sealed: receive 20 VMs, skew and replay checked", 2000, receiveNext, frame.length);
}

function textFigures(): void {
  const text = printMessage(message);
  const plain = encodeTextMessage(text);
  const encrypted = encodeTextMessage(text, publicKey);
  const kvm = recorded("kvm-MONITOR_VM-4");
  const kvmEncrypted = recorded("kvm-rsa-MONITOR_VM-14");
  figure("text: print and encode 20 VMs", 500, () => encodeTextMessage(printMessage(message)), plain.length);
  figure("text: decode 20 VMs", 1000, () => decodeTextMessage(plain), plain.length);
  figure(
    "text: decode and read 20 VMs",
    500,
    () => readMessage(decodeTextMessage(plain).message),
    plain.length,
  );
  figure(
    "text: decode and read a recorded kvm message of 3 VMs",
    500,
    () => readMessage(decodeTextMessage(kvm).message),
    kvm.length,
  );
  figure("text: encode 20 VMs with RSA", 20, () => encodeTextMessage(text, publicKey), encrypted.length);
  const decode = () => readMessage(decodeTextMessage(encrypted, { privateKey }).message);
  figure("text: decode and read 20 VMs with RSA", 20, decode, encrypted.length);
  const decodeKvm = () => readMessage(decodeTextMessage(kvmEncrypted, { privateKey }).message);
  figure("text: decode and read a recorded kvm message with RSA", 50, decodeKvm, kvmEncrypted.length);
}

function recorded(name: string): Buffer {
  const found = monitorRecordings().find((one) => one.name === name);
  if (found === undefined) throw new Error(`no recording ${name}`);
  return found.bytes;
}

/** CPU time of this thread: others on the machine do not count. */
function figure(name: string, times: number, work: () => void, bytes: number): void {
  for (let warm = 0; warm < times; warm += 1) work();
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.threadCpuUsage();
    for (let done = 0; done < times; done += 1) work();
    const used = process.threadCpuUsage(before);
    return (used.user + used.system) / times;
  });
  const median = rounds.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  process.stdout.write(`${JSON.stringify({ figure: name, cpuUs: Math.round(median * 10) / 10, bytes })}\n`);
}
